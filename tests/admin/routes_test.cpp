#include "daemon/admin/routes.hpp"

#include <gtest/gtest.h>

namespace onboardd::admin {
namespace {

handler says(const char* what) {
    return [what](request) -> asio::awaitable<response> { co_return plain(200, what); };
}

TEST(Routes, TakesTheWholePathBeforeTheLongestOneAboveIt) {
    routes known;
    known.add(verb::get, "/", says("root"));
    known.add(verb::get, "/reports/", says("a report"));
    known.add(verb::get, "/reports/all", says("all"));
    std::string allowed;
    const auto* one = known.find(verb::get, "/reports/x", allowed);
    const auto* all = known.find(verb::get, "/reports/all", allowed);
    const auto* root = known.find(verb::get, "/", allowed);
    ASSERT_TRUE(one != nullptr && all != nullptr && root != nullptr);
    EXPECT_NE(one, all);
    EXPECT_EQ(known.find(verb::get, "/reports", allowed), nullptr);
    EXPECT_EQ(known.find(verb::get, "/other", allowed), nullptr) << "the root is no prefix";
    EXPECT_EQ(known.find(verb::get, "", allowed), nullptr);
    EXPECT_EQ(allowed, "");
}

TEST(Routes, SaysWhichMethodsAPathHas) {
    routes known;
    known.add(verb::get, "/look", says("look"));
    known.add(verb::post, "/change", says("change"));
    std::string allowed;
    EXPECT_EQ(known.find(verb::post, "/look", allowed), nullptr);
    EXPECT_EQ(allowed, "GET, HEAD");
    EXPECT_EQ(known.find(verb::get, "/change", allowed), nullptr);
    EXPECT_EQ(allowed, "POST");
}

TEST(Hosts, OnlyNamesOfThisMachineAreTaken) {
    for (const auto* host : {"localhost", "LocalHost", "localhost:9464", "127.0.0.1",
                             "127.0.0.1:9464", "127.8.9.1", "[::1]", "[::1]:9464"}) {
        EXPECT_TRUE(names_this_machine(host)) << host;
    }
    for (const auto* host :
         {"", "example.com", "localhost.example.com", "example.com:9464", "127.0.0.1.example.com",
          "10.0.0.1", "[::2]", "::1", "[127.0.0.1]", "[::1", "localhost:", "localhost:80x",
          "localhost:80:80", "user@localhost", "[::1]x", ":80", "localhost "}) {
        EXPECT_FALSE(names_this_machine(host)) << host;
    }
}

}  // namespace
}  // namespace onboardd::admin
