// Texts made to hurt a parser: bytes that are no text, bombs, depth, size. Each is a fault, at
// once.

#include <gmock/gmock.h>

#include "daemon/config/yaml_tree.hpp"
#include "read_values.hpp"

namespace onboardd::test {
namespace {

using testing::ElementsAre;

struct bytes_case {
    std::string name;
    std::string bytes;
    std::string fault;
};

class HostileBytes : public testing::TestWithParam<bytes_case> {};

TEST_P(HostileBytes, AreRefusedWhereTheyAre) {
    EXPECT_THAT(faults_of(std::string(one_account) + "log: {}\n# " + GetParam().bytes + '\n'),
                ElementsAre(GetParam().fault));
}

constexpr auto not_utf8 = "6:3: this byte is not UTF-8; allowed: UTF-8 text";

INSTANTIATE_TEST_SUITE_P(
    Bytes, HostileBytes,
    testing::Values(
        bytes_case{"Nul", std::string(1, '\0'), "6:3: the character U+0000 is not allowed here"},
        bytes_case{"EndOfTransmission", "\x04", "6:3: the character U+0004 is not allowed here"},
        bytes_case{"Escape", "\x1b[31m", "6:3: the character U+001B is not allowed here"},
        bytes_case{"Delete", "\x7f", "6:3: the character U+007F is not allowed here"},
        bytes_case{"NextLine", "\xC2\x85", "6:3: the character U+0085 is not allowed here"},
        bytes_case{"ByteOrderMark", "\xEF\xBB\xBF",
                   "6:3: the character U+FEFF is not allowed here"},
        bytes_case{"NoCharacter", "\xEF\xBF\xBF", "6:3: the character U+FFFF is not allowed here"},
        bytes_case{"CarriageReturn", "a\rb",
                   "6:4: a carriage return without a line feed; allowed: "
                   "lines that end in LF or CR LF"},
        bytes_case{"Latin1", "\xE5", not_utf8}, bytes_case{"Continuation", "\x80", not_utf8},
        bytes_case{"Overlong2", "\xC0\xAF", not_utf8},
        bytes_case{"Overlong3", "\xE0\x80\xAF", not_utf8},
        bytes_case{"Overlong4", "\xF0\x80\x80\xAF", not_utf8},
        bytes_case{"Surrogate", "\xED\xA0\x80", not_utf8},
        bytes_case{"BeyondUnicode", "\xF4\x90\x80\x80", not_utf8},
        bytes_case{"FiveBytes", "\xF8\x88\x80\x80\x80", not_utf8},
        bytes_case{"CutOff", "\xE2\x82", not_utf8}, bytes_case{"Utf16", "\xFF\xFE", not_utf8}),
    [](const auto& named) { return named.param.name; });

TEST(HostileText, TakesCharactersOfAnyLength) {
    EXPECT_THAT(faults_of(std::string(one_account) + "# \u00e5 \u20ac \U0001F600 \U0010FFFD\t\n"),
                testing::IsEmpty());
}

TEST(HostileText, BoundsTheSize) {
    auto padded = [](std::size_t size) {
        std::string text(one_account);
        return text + '#' + std::string(size - text.size() - 1, 'x');
    };
    EXPECT_THAT(faults_of(padded(config_bytes_max)), testing::IsEmpty());
    auto read = parse_config(padded(config_bytes_max + 1), "f", {});
    ASSERT_TRUE(read.has_error());
    EXPECT_EQ(read.error().at(0).to_string(), "f: the file is larger than 262144 bytes");
}

TEST(HostileText, BoundsTheDepth) {
    auto nested = [](std::size_t depth) {
        return std::string(one_account) + "  defaults: {a: " + std::string(depth, '[') +
               std::string(depth, ']') + "}\n";
    };
    // Root, accounts, account and defaults are four levels.
    EXPECT_THAT(faults_of(nested(reading::yaml_depth_max - 4)), testing::IsEmpty());
    auto faults = faults_of(nested(reading::yaml_depth_max - 3));
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_THAT(faults[0], testing::StartsWith("5:45: accounts[0].defaults.a[0]"));
    EXPECT_THAT(faults[0], testing::EndsWith(": nested too deep; allowed: 32 levels"));
}

TEST(HostileText, DefusesABombOfAliases) {
    std::string bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
    for (int i = 1; i < 30; ++i) {
        auto alias = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias;
        for (int j = 0; j < 8; ++j)
            bomb += ", " + alias;
        bomb += "]\n";
    }
    EXPECT_FALSE(faults_of(bomb).empty());
    EXPECT_FALSE(faults_of(std::string(one_account) + "spool: &a {x: *a}\n").empty());
}

// Each of these once cost some YAML parser a crash or minutes. Whatever they say here, they say it.
TEST(HostileText, NeverCrashesOnRepetition) {
    for (std::string unit :
         {"[",    "{",    "- ",      "? ",   "a: ",   "[a,",        "{a: ", "&a ",   "!a ",
          "*a ",  "\"",   "'",       "[]",   "{}",    "a\n",        "\n",   "---\n", "...\n",
          "%a\n", "[? ",  "{\"a\"",  "-\n",  "[a,\n", "[\"a\": \n", "\t",   "#",     ": ",
          "|\n",  ">\n",  "\\",      "<<: ", ",",     "]",          "}",    "`",     "@",
          "\"\\", "''\n", "a: |\n ", "? - ", "- ? ",  "!!str ",     "!<",   "~",     "a: b: "}) {
        std::string text;
        while (text.size() + unit.size() <= config_bytes_max / 4)
            text += unit;
        EXPECT_FALSE(faults_of(text).empty()) << unit;
    }
}

TEST(HostileText, IsLinearInTheNumberOfValues) {
    std::string text = "{";
    for (int i = 0; text.size() < config_bytes_max - 20; ++i)
        text += 'a' + std::to_string(i) + ",";
    text += '}';
    EXPECT_EQ(faults_of(text).size(), 101u);
}

// A small configuration with one byte changed, at every place and to bytes that mean something.
TEST(HostileText, NeverCrashesOnAChangedByte) {
    const std::string good = std::string(one_account) +
                             "  window: \"01:00-05:30 UTC\"\n"
                             "  defaults: {a: [1, 'x', 2.5], b: ~}\n"
                             "retry:\n  schedule: [1s, 5s]\n";
    ASSERT_THAT(faults_of(good), testing::IsEmpty());
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (auto c :
             std::string_view("\0\t\n\r \"'#%&*,-:<>?@[]\\`{|}~!\x04\x7f\x80\xff\x65", 32)) {
            auto text = good;
            text[i] = c;
            for (const auto& fault : faults_of(text))
                EXPECT_FALSE(fault.empty());
        }
    }
}

}  // namespace
}  // namespace onboardd::test
