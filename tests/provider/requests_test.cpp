#include "onboardd/provider/requests.hpp"

#include <gtest/gtest.h>

namespace onboardd {
namespace {

struct credential {
    const char* name;
    const char* id;
    std::string_view secret;
    const char* basic;
};

class TokenRequest : public testing::TestWithParam<credential> {};

// What `printf %s ID:SECRET | base64` says: no byte is encoded in another way first (RFC 6749,
// 2.3.1), which the provider does not expect.
TEST_P(TokenRequest, SendsTheCredentialAsItIs) {
    const auto& [name, id, value, basic] = GetParam();
    const secret key{std::string(value)};
    const auto message =
        token_request({"api.example", 443, "/v1"}, "T12345678", id, key, "https://a/b");
    EXPECT_EQ(message.verb, http::method::post);
    EXPECT_EQ(message.target, "/v1/accounts/T12345678/auth/token");
    EXPECT_EQ(message.authorization, std::string("Basic ") + basic);
    EXPECT_EQ(message.body, R"({"grant_type":"client_credentials","audience":"https://a/b"})");
}

INSTANTIATE_TEST_SUITE_P(Odd, TokenRequest,
                         testing::Values(credential{"Plain", "me", "secret", "bWU6c2VjcmV0"},
                                         credential{"Colons", "me", "a:b::", "bWU6YTpiOjo="},
                                         credential{"Percent", "me", "100%25", "bWU6MTAwJTI1"},
                                         credential{"PlusAndSpace", "m+e", "a+b c", "bStlOmErYiBj"},
                                         credential{"Utf8", "me", "\u00e6\u00f8\u00e5",
                                                    "bWU6w6bDuMOl"},
                                         credential{"Empty", "me", "", "bWU6"}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace onboardd
