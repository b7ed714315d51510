// The mapping `defaults` of an account and the JSON that is made of it.

#include <gmock/gmock.h>

#include "read_values.hpp"

namespace onboardd::test {
namespace {

std::string json_of(const std::string& value) {
    auto read = config_of(std::string(one_account) + "  defaults: {a: " + value + "}\n");
    return read.accounts.empty() ? "" : read.accounts[0].defaults;
}

std::vector<std::string> faults_in(const std::string& value) {
    return faults_of(std::string(one_account) + "  defaults: {a: " + value + "}\n");
}

struct json_case {
    std::string name;
    std::string yaml;
    std::string json;
};

class Defaults : public testing::TestWithParam<json_case> {};

TEST_P(Defaults, BecomeJson) {
    EXPECT_EQ(json_of(GetParam().yaml), "{\"a\":" + GetParam().json + "}") << GetParam().yaml;
}

INSTANTIATE_TEST_SUITE_P(
    Scalars, Defaults,
    testing::Values(
        json_case{"Norway", "NO", "\"NO\""}, json_case{"Yes", "yes", "\"yes\""},
        json_case{"Off", "off", "\"off\""}, json_case{"Y", "y", "\"y\""},
        json_case{"True", "true", "true"}, json_case{"TrueInCapitals", "TRUE", "true"},
        json_case{"OddTrue", "tRUE", "\"tRUE\""}, json_case{"False", "False", "false"},
        json_case{"QuotedTrue", "'true'", "\"true\""}, json_case{"Null", "null", "null"},
        json_case{"Tilde", "~", "null"}, json_case{"QuotedNull", "'null'", "\"null\""},
        json_case{"Zero", "0", "0"}, json_case{"Integer", "-17", "-17"},
        json_case{"QuotedInteger", "\"17\"", "\"17\""},
        json_case{"LargestInteger", "9007199254740992", "9007199254740992"},
        json_case{"SmallestInteger", "-9007199254740992", "-9007199254740992"},
        json_case{"Octal", "0o17", "15"}, json_case{"Hexadecimal", "0xfF", "255"},
        json_case{"Time", "01:30", "\"01:30\""},
        json_case{"Sexagesimal", "190:20:30", "\"190:20:30\""},
        json_case{"Date", "2026-11-22", "\"2026-11-22\""},
        json_case{"Underscores", "1_000", "\"1_000\""}, json_case{"Version", "1.2.3", "\"1.2.3\""},
        json_case{"OldOctalWithLetters", "0x", "\"0x\""}, json_case{"Dot", ".", "\".\""},
        json_case{"Sign", "+", "\"+\""}, json_case{"OnlyExponent", "e5", "\"e5\""},
        json_case{"NoExponent", "1e", "\"1e\""}, json_case{"Half", "0.5", "5E-1"},
        json_case{"HalfWithoutZero", ".5", "5E-1"}, json_case{"TrailingZeros", "12.500", "1.25E1"},
        json_case{"Exponent", "1e3", "1E3"}, json_case{"SignedExponent", "-1.5E+2", "-1.5E2"},
        json_case{"SmallExponent", "25e-4", "2.5E-3"}, json_case{"ZeroFloat", "0.0", "0E0"},
        json_case{"List", "[payout, 1, [x]]", "[\"payout\",1,[\"x\"]]"},
        json_case{"Mapping", "{b: {c: d}}", "{\"b\":{\"c\":\"d\"}}"},
        json_case{"EmptyMapping", "{}", "{}"}, json_case{"EmptyText", "''", "\"\""},
        json_case{"Escapes", "\"\\t\\u00e5\\\"\"", "\"\\t\u00e5\\\"\""},
        json_case{"Variable", "\"${HOME}\"", "\"${HOME}\""},
        json_case{"NumberAsAKey", "{1: x}", "{\"1\":\"x\"}"}),
    [](const auto& named) { return named.param.name; });

TEST(DefaultsFaults, RefuseNumbersThatWouldNotArrive) {
    for (auto number : {"0123", "+4712345678", "00", "-0", "9007199254740993", "-9007199254740993",
                        "123456789012345678901234567890", "0xffffffffffffffffff", "1e400", "1e-400",
                        "0.1234567890123456789012", "1e99999999999999999999"}) {
        EXPECT_THAT(faults_in(number),
                    testing::ElementsAre(
                        "5:17: accounts[0].defaults.a: the number \"" + std::string(number) +
                        "\" would not arrive as it is written; put it in quotes to send "
                        "it as text"))
            << number;
    }
}

TEST(DefaultsFaults, RefuseNumbersThatJsonLacks) {
    for (auto number : {".inf", "-.INF", "+.Inf", ".nan", ".NaN"}) {
        EXPECT_THAT(faults_in(number),
                    testing::ElementsAre("5:17: accounts[0].defaults.a: \"" + std::string(number) +
                                         "\" does not exist in JSON; allowed: a finite number"));
    }
}

TEST(DefaultsFaults, RefuseNothing) {
    EXPECT_THAT(
        faults_of(std::string(one_account) + "  defaults:\n    a:\n    b: [1,, 2]\n"),
        testing::ElementsAre(
            "6:5: accounts[0].defaults.a: no value; allowed: a value, or null in so many letters",
            "7:11: accounts[0].defaults.b[1]: no value; allowed: a value, or null in so many "
            "letters"));
}

TEST(DefaultsFaults, RefuseWhatIsNoMapping) {
    for (auto value : {"[a]", "a", "'{}'", "1"}) {
        EXPECT_THAT(
            faults_of(std::string(one_account) + "  defaults: " + value + '\n'),
            testing::ElementsAre("5:13: accounts[0].defaults: not a mapping; allowed: the members "
                                 "of the job's case"));
    }
}

TEST(DefaultsFaults, RefuseAReferenceForAllJobs) {
    EXPECT_THAT(
        faults_of(std::string(one_account) + "  defaults: {case_request: {referenceId: x}}\n"),
        testing::ElementsAre("5:29: accounts[0].defaults.case_request.referenceId: not a default; "
                             "it is always the job's own reference"));
}

TEST(DefaultsFaults, RefuseDuplicatesAtAnyDepth) {
    EXPECT_THAT(
        faults_in("{b: [{c: 1, \"c\": 2}]}"),
        testing::ElementsAre(
            "5:29: accounts[0].defaults.a.b[0].c: the key is given twice, first in line 5"));
}

TEST(DefaultsFaults, RefuseANulInText) {
    EXPECT_THAT(
        faults_in("\"a\\0b\""),
        testing::ElementsAre(
            "5:17: accounts[0].defaults.a: a NUL in the text; allowed: any other character"));
}

TEST(DefaultsFaults, AreAllReportedWithTheirPaths) {
    EXPECT_EQ(faults_in("{b: 0123, c: [.nan, {d: 1e999}]}").size(), 3u);
}

TEST(DefaultsNone, AreAnEmptyObject) {
    EXPECT_EQ(config_of(one_account).accounts[0].defaults, "{}");
    EXPECT_EQ(config_of(std::string(one_account) + "  defaults:\n").accounts[0].defaults, "{}");
    EXPECT_EQ(config_of(std::string(one_account) + "  defaults: {}\n").accounts[0].defaults, "{}");
}

}  // namespace
}  // namespace onboardd::test
