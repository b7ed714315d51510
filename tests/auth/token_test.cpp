#include "onboardd/auth/token.hpp"

#include <gtest/gtest.h>

namespace onboardd {
namespace {

using namespace std::chrono_literals;

std::string answer(const std::string& expires_in, const std::string& type = "Bearer",
                   const std::string& token = "a.b-c") {
    return R"({"access_token": ")" + token + R"(", "token_type": ")" + type + "\"" +
           (expires_in.empty() ? "" : ", \"expires_in\": " + expires_in) + "}";
}

struct life_case {
    const char* name;
    const char* expires_in;
    std::optional<milliseconds> expected;  // nullopt: refused
};

class TokenLife : public testing::TestWithParam<life_case> {};

TEST_P(TokenLife, IsBounded) {
    const auto grant = parse_token(answer(GetParam().expires_in));
    ASSERT_EQ(grant.has_value(), GetParam().expected.has_value());
    if (grant) {
        EXPECT_EQ(grant->life, *GetParam().expected);
        EXPECT_EQ(grant->access_token.reveal(), "a.b-c");
    } else {
        EXPECT_EQ(grant.error(), errc::token_malformed);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Values, TokenLife,
    testing::Values(
        life_case{"FourHours", "14400", 4h}, life_case{"ADay", "86400", 24h},
        life_case{"MoreThanADay", "86401", 24h}, life_case{"Enormous", "1e9", 24h},
        life_case{"Absent", "", token_life_default}, life_case{"Null", "null", token_life_default},
        life_case{"Digits", "\"3600\"", 1h}, life_case{"OneSecond", "1", 1s},
        life_case{"Fraction", "0.5", token_life_min}, life_case{"Zero", "0", std::nullopt},
        life_case{"Negative", "-1", std::nullopt},
        life_case{"NegativeText", "\"-5\"", std::nullopt},
        life_case{"Words", "\"soon\"", std::nullopt}, life_case{"EmptyText", "\"\"", std::nullopt},
        life_case{"True", "true", std::nullopt}, life_case{"Array", "[1]", std::nullopt}),
    [](const auto& entry) { return entry.param.name; });

TEST(Token, TheTypeIsBearerInAnyCase) {
    EXPECT_TRUE(parse_token(answer("60", "bearer")));
    EXPECT_TRUE(parse_token(answer("60", "BEARER")));
    EXPECT_FALSE(parse_token(answer("60", "mac")));
    EXPECT_FALSE(parse_token(answer("60", "")));
}

TEST(Token, OnlyWhatFitsAHeaderIsTaken) {
    EXPECT_TRUE(parse_token(answer("60", "Bearer", "eyJ.abc-_~+/==")));
    for (const char* bad : {"", "a b", "a\\nb", "a\\r\\nX: y", "=", "a=b", "\\u00e5", "a\\u0000"}) {
        EXPECT_FALSE(parse_token(answer("60", "Bearer", bad))) << bad;
    }
    EXPECT_TRUE(parse_token(answer("60", "Bearer", std::string(token_bytes_max, 'a'))));
    EXPECT_FALSE(parse_token(answer("60", "Bearer", std::string(token_bytes_max + 1, 'a'))));
}

TEST(Token, AnythingElseIsMalformed) {
    for (const char* text :
         {"", "null", "[]", "{}", "<html>", R"({"access_token": "a"})",
          R"({"token_type": "Bearer"})", R"({"access_token": 7, "token_type": "Bearer"})"}) {
        EXPECT_FALSE(parse_token(text)) << text;
    }
}

TEST(Token, IsRenewedAroundHalfItsLife) {
    random_source random(1);
    for (int i = 0; i < 1000; ++i) {
        const auto after = renew_after(4h, random);
        EXPECT_GE(after, 108min);
        EXPECT_LE(after, 132min);
    }
}

}  // namespace
}  // namespace onboardd
