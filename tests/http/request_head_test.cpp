#include "daemon/http/request_head.hpp"

#include <gtest/gtest.h>

#include "onboardd/http/client.hpp"

namespace onboardd::http {
namespace {

std::string with(char c) {
    return std::string("/a") + c + "b";
}

TEST(RequestHead, TargetsHoldVisibleAsciiOnly) {
    EXPECT_TRUE(is_safe_target("/"));
    EXPECT_TRUE(is_safe_target("/v1/cases?limit=10&x=%20~!$'()*+,;=:@"));
    EXPECT_FALSE(is_safe_target(""));
    EXPECT_FALSE(is_safe_target("v1"));
    EXPECT_FALSE(is_safe_target("http://elsewhere/"));
    for (int c = 0; c < 256; ++c) {
        const bool good = c > 0x20 && c < 0x7f && c != '#';
        EXPECT_EQ(is_safe_target(with(static_cast<char>(c))), good) << c;
    }
}

TEST(RequestHead, ValuesHoldVisibleAsciiWithSpacesInside) {
    EXPECT_TRUE(is_safe_value("Bearer abc.def-_~+/="));
    EXPECT_FALSE(is_safe_value(""));
    EXPECT_FALSE(is_safe_value(" abc"));
    EXPECT_FALSE(is_safe_value("abc "));
    for (int c = 0; c < 256; ++c) {
        EXPECT_EQ(is_safe_value(with(static_cast<char>(c))), c >= 0x20 && c < 0x7f) << c;
    }
}

TEST(RequestHead, IsWrittenWithoutASecondCopyInMemory) {
    request message;
    message.verb = method::post;
    message.target = "/" + std::string(300, 'x');
    message.authorization = "Bearer " + std::string(2'000, 'y');
    message.body = std::string(123'456, 'z');
    std::string out;
    const auto fixed = fixed_fields("api.example.com", 443, "agent/1");
    write_head(out, message, fixed, message.body.size());
    EXPECT_GE(out.capacity(), out.size() + message.body.size());  // one allocation for both
    out += message.body;
    EXPECT_NE(out.find("\r\nContent-Length: 123456\r\n\r\nzzz"), std::string::npos);
}

TEST(RequestHead, NamesTheHostAsTheStandardWantsIt) {
    EXPECT_TRUE(fixed_fields("h.example", 443, "a").starts_with("Host: h.example\r\n"));
    EXPECT_TRUE(fixed_fields("h.example", 8443, "a").starts_with("Host: h.example:8443\r\n"));
    EXPECT_TRUE(fixed_fields("::1", 443, "a").starts_with("Host: [::1]\r\n"));
}

TEST(RequestHead, PercentEncodingLeavesOnlyUnreservedCharacters) {
    EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
    EXPECT_EQ(percent_encode(" /?&=%+#\r\n"), "%20%2F%3F%26%3D%25%2B%23%0D%0A");
    EXPECT_EQ(percent_encode("\xc3\xa6"), "%C3%A6");
    EXPECT_EQ(percent_encode(std::string_view("\0", 1)), "%00");
}

}  // namespace
}  // namespace onboardd::http
