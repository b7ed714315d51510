#include "daemon/spool/json_text.hpp"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "daemon/spool/json_writer.hpp"

namespace onboardd::spooling {
namespace {

using namespace std::string_literals;
namespace json = boost::json;

struct verdict {
    std::string name;
    std::string text;
    std::string pointer;  // of the first fault
    int line = 0;
    int column = 0;
    std::size_t faults = 1;
};

class RefusedText : public testing::TestWithParam<verdict> {};

TEST_P(RefusedText, IsNamedWithItsPlace) {
    const auto& expected = GetParam();
    std::vector<job_fault> faults;
    json_parser().parse(expected.text, {}, faults);
    ASSERT_EQ(faults.size(), expected.faults) << expected.text.substr(0, 80);
    EXPECT_EQ(faults[0].pointer, expected.pointer);
    EXPECT_EQ(faults[0].line, expected.line);
    EXPECT_EQ(faults[0].column, expected.column);
    EXPECT_FALSE(faults[0].message.empty());
    EXPECT_FALSE(faults[0].allowed.empty());
}

std::string name_of(const testing::TestParamInfo<verdict>& row) {
    return row.param.name;
}

std::string nested(std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
}

INSTANTIATE_TEST_SUITE_P(
    Syntax, RefusedText,
    testing::Values(
        verdict{"Empty", "", "", 1, 1}, verdict{"OnlySpace", " \n\t", "", 1, 1},
        verdict{"ByteOrderMark", "\xef\xbb\xbf{}", "", 1, 1},
        verdict{"Utf16", "\xff\xfe{\0}\0"s, "", 1, 1}, verdict{"Incomplete", "{\"a\":", "", 1, 6},
        verdict{"OpenString", "{\"a\":\"b", "", 1, 8},
        verdict{"TrailingComma", "{\n  \"a\": 1,\n}", "", 3, 1},
        verdict{"TrailingText", "{} {}", "", 1, 4}, verdict{"TrailingNul", "{}\0"s, "", 1, 3},
        verdict{"SingleQuotes", "{'a':1}", "", 1, 2}, verdict{"Comment", "{/*x*/}", "", 1, 2},
        verdict{"BareWord", "{\"a\": nul}", "", 1, 7},
        verdict{"NotANumber", "{\"a\": NaN}", "", 1, 7},
        verdict{"Infinite", "[Infinity]", "", 1, 2}, verdict{"Plus", "[+1]", "", 1, 2},
        verdict{"Hex", "[0x1]", "", 1, 3}, verdict{"LeadingZero", "[01]", "", 1, 3},
        verdict{"LeadingPoint", "[.5]", "", 1, 2},
        verdict{"ControlInString", "[\"a\tb\"]", "", 1, 4},
        verdict{"NulInString", "[\"a\0b\"]"s, "", 1, 4},
        verdict{"BadEscape", "[\"\\x\"]", "", 1, 4},
        verdict{"ShortEscape", "[\"\\u12\"]", "", 1, 7},
        verdict{"LoneLeadingSurrogate", "[\"\\ud800\"]", "", 1, 9},
        verdict{"LoneTrailingSurrogate", "[\"\\udc00\"]", "", 1, 9},
        verdict{"TwoLeadingSurrogates", "[\"\\ud800\\ud800\"]", "", 1, 11},
        verdict{"BadUtf8", "[\"a\xff\"]", "", 1, 4},
        verdict{"OverlongUtf8", "[\"\xc0\xaf\"]", "", 1, 3},
        verdict{"SurrogateUtf8", "[\"\xed\xa0\x80\"]", "", 1, 3},
        verdict{"CutUtf8", "[\"\xe2\x82\"]", "", 1, 3},
        verdict{"TooDeep", nested(json_depth_max + 1), "", 1, static_cast<int>(json_depth_max) + 1},
        verdict{"AMebibyteOfBrackets", std::string(1024 * 1024, '['), "", 1,
                static_cast<int>(json_depth_max) + 1},
        verdict{"TooDeepObjects",
                [] {
                    std::string text;
                    for (int i = 0; i < 100'000; ++i) {
                        text += "{\"a\":";
                    }
                    return text;
                }(),
                "", 1, 5 * static_cast<int>(json_depth_max) + 1}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Content, RefusedText,
    testing::Values(verdict{"Duplicate", R"({"a":1,"a":1})", "/a"},
                    verdict{"DuplicateByEscape", R"({"a":1,"\u0061":2})", "/a"},
                    verdict{"DuplicateEmpty", R"({"":1,"":2})", "/"},
                    verdict{"DuplicateDeep", R"({"x":[0,{"y":{"k":1,"k":2}}]})", "/x/1/y/k"},
                    verdict{"DuplicateNeedsEscapes", R"([{"a/b~c":1,"a/b~c":2}])", "/0/a~1b~0c"},
                    verdict{"DuplicateThreeTimes", R"({"a":1,"a":2,"a":3})", "/a"},
                    verdict{"TwoDuplicates", R"({"a":1,"b":1,"a":2,"b":2})", "/a", 0, 0, 2},
                    verdict{"DuplicateAfterNested", R"({"a":{"a":1},"b":[{"a":1}],"a":1})", "/a"},
                    verdict{"TooLarge", R"({"a":1e400})", "/a"},
                    verdict{"TooLargeNegative", R"([1,-1e400])", "/1"},
                    verdict{"TooSmall", R"([1e-400])", "/0"},
                    verdict{"LongInteger", R"([9007199254740993])", "/0"},
                    verdict{"LongNegativeInteger", R"([-9007199254740993])", "/0"},
                    verdict{"VeryLongInteger", R"([123456789012345678901234567890])", "/0"},
                    verdict{"LargestUnsigned", R"([18446744073709551615])", "/0"},
                    verdict{"LongDecimal", R"({"a":{"b":3.141592653589793238}})", "/a/b"},
                    verdict{"EscapedNul", R"({"a":["x\u0000y"]})", "/a/0"},
                    verdict{"EscapedNulInName", R"({"\u0000":1})", "/\0"s},
                    verdict{"ManyFaults",
                            "[" +
                                [] {
                                    std::string text = "1e999";
                                    for (int i = 0; i < 99; ++i) {
                                        text += ",1e999";
                                    }
                                    return text;
                                }() +
                                "]",
                            "/0", 0, 0, faults_max}),
    name_of);

class AcceptedText : public testing::TestWithParam<std::string> {};

TEST_P(AcceptedText, IsWrittenAsItWas) {
    json_parser parser;
    std::vector<job_fault> faults;
    const auto value = parser.parse(GetParam(), {}, faults);
    ASSERT_TRUE(faults.empty()) << faults[0].message << " at " << faults[0].pointer << ":"
                                << faults[0].column;
    ASSERT_TRUE(value);
    std::string text;
    write_merged(text, *value, nullptr, parser.numbers());
    EXPECT_EQ(text, GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    All, AcceptedText,
    testing::Values("{}", "[]", R"({"b":1,"a":{"d":[],"c":null}})", R"([true,false,null,""])",
                    "[0,-0,1.0,1.50,1E5,1e+05,0.1,-0.0,0e10,5e-324,1e30,1.7976931348623157e308]",
                    "[9007199254740992,-9007199254740992,12345678901234567000,123456789012345]",
                    "[0.10000000000000000000,100000000000000000000000]",
                    R"(["a\"\\\n\t\u0001/é😀"])", R"({"a":1,"b":{"a":1,"b":[{"a":1},{"a":1}]}})",
                    nested(json_depth_max)));

TEST(JsonText, AParserIsReusable) {
    json_parser parser;
    std::vector<job_fault> faults;
    EXPECT_FALSE(parser.parse(R"({"a":[1,{"b":)", {}, faults));
    faults.clear();
    EXPECT_TRUE(parser.parse("[" + std::string(300'000, ' ') + "1]", {}, faults));
    EXPECT_TRUE(parser.parse(R"({"a":2})", {}, faults));
    EXPECT_TRUE(faults.empty());
    EXPECT_EQ(parser.numbers().size(), 1u);
}

TEST(JsonWriter, CanonicalFormIsTheSameForTheSameMeaning) {
    const auto canonical = [](std::string_view text) {
        std::vector<job_fault> faults;
        const auto value = json_parser().parse(text, {}, faults);
        EXPECT_TRUE(faults.empty()) << text;
        std::string out;
        write_canonical(out, *value);
        return out;
    };
    EXPECT_EQ(canonical(R"({ "b" : 100000, "a" : [ 1.0, "\u0061\/" ] })"),
              canonical(R"({"a":[1,"a/"],"b":1e5})"));
    EXPECT_EQ(canonical("9007199254740992"), canonical("9007199254740992.0"));
    EXPECT_NE(canonical("[1,2]"), canonical("[2,1]"));
    EXPECT_NE(canonical("1"), canonical("\"1\""));
    EXPECT_EQ(canonical("[[],{}]"), "[[],{}]");
}

TEST(JsonWriter, MergesMemberByMemberAndTheJobWins) {
    json_parser parser;
    std::vector<job_fault> faults;
    auto job = *parser.parse(R"({"a":{"x":1.0,"l":[1.50]},"s":"own"})", {}, faults);
    const auto defaults =
        json::value{{"a", {{"y", 2.5}, {"x", 9}, {"l", {7, 8}}}}, {"s", {{"z", 1}}}, {"t", true}};
    std::string text;
    write_merged(text, job, defaults, parser.numbers());
    EXPECT_EQ(text, R"({"a":{"x":1.0,"l":[1.50],"y":2.5},"s":"own","t":true})");
    merge_under(job, defaults);
    EXPECT_EQ(json::serialize(job), R"({"a":{"x":1E0,"l":[1.5E0],"y":2.5E0},"s":"own","t":true})");
}

}  // namespace
}  // namespace onboardd::spooling
