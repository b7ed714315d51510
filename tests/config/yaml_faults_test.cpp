// What is refused in any YAML text, whatever its keys, each with its exact position.

#include <gmock/gmock.h>

#include "read_values.hpp"

namespace onboardd::test {
namespace {

class YamlFaults : public testing::TestWithParam<fault_case> {};

TEST_P(YamlFaults, AreFoundWhereTheyAre) {
    auto yaml = GetParam().yaml + std::string(one_account);
    EXPECT_THAT(faults_of(yaml), testing::ElementsAreArray(GetParam().faults));
}

INSTANTIATE_TEST_SUITE_P(
    Texts, YamlFaults,
    testing::Values(
        fault_case{"Nothing", "", {}}, fault_case{"StartOfTheDocument", "---\n", {}},
        fault_case{
            "WindowsLineEnds",
            "spool:\r\n  settle: 5\r\n",
            {"2:11: spool.settle: \"5\" is not a duration; allowed: a whole number with a unit: "
             "ms, s, m, h or d, from 0s to 1h"}},
        fault_case{"Anchor",
                   "spool: &a\n  settle: 1s\n",
                   {"1:8: spool: anchors are not allowed; write the value out"}},
        fault_case{"AnchorOfAScalar",
                   "spool:\n  settle: &a 1s\n",
                   {"2:11: spool.settle: anchors are not allowed; write the value out"}},
        fault_case{"Alias",
                   "spool: {settle: &a 1s, rescan: *a}\n",
                   {"1:17: spool.settle: anchors are not allowed; write the value out",
                    "1:32: spool.rescan: aliases are not allowed; write the value out"}},
        fault_case{"AliasOfNothing",
                   "spool: *a\n",
                   {"1:8: not valid YAML: the referenced anchor is not defined"}},
        fault_case{"AliasAsAKey",
                   "spool: {&a settle : 1s, *a : 2s}\n",
                   {"1:9: spool: anchors are not allowed; write the value out",
                    "1:25: spool: aliases are not allowed; write the value out"}},
        fault_case{"MergeKey",
                   "log:\n  <<: {level: info}\n",
                   {"2:3: log: merge keys are not allowed; write the keys out"}},
        fault_case{"Tag",
                   "spool:\n  settle: !!str 1s\n",
                   {"2:11: spool.settle: tags are not allowed; put text in quotes instead"}},
        fault_case{"TagOfAMapping",
                   "spool: !!map {settle: 1s}\n",
                   {"1:8: spool: tags are not allowed; put text in quotes instead"}},
        fault_case{"TagOfNothing",
                   "spool: !!null\n",
                   {"1:8: spool: tags are not allowed; put text in quotes instead",
                    "1:8: spool: not a mapping; allowed: lines of KEY: VALUE"}},
        fault_case{"UnspecificTag",
                   "log: {level: ! info}\n",
                   {"1:14: log.level: tags are not allowed; put text in quotes instead"}},
        fault_case{"KeyTwice",
                   "log: {level: info, level: debug}\n",
                   {"1:20: log.level: the key is given twice, first in line 1"}},
        fault_case{"KeyTwiceOnceInQuotes",
                   "log:\n  level: info\n  'level': debug\n",
                   {"3:3: log.level: the key is given twice, first in line 2"}},
        fault_case{"SectionTwice",
                   "log: {}\nspool: {}\nlog: {}\n",
                   {"3:1: log: the key is given twice, first in line 1"}},
        fault_case{"KeyIsAList", "? [a, b]\n: c\n", {"1:3: a key must be a name"}},
        fault_case{"KeyIsNothing", "log: {: c}\n", {"1:7: log: a key must be a name"}},
        fault_case{
            "NoColon", "log: {level}\n", {"1:7: log.level: a colon is missing behind this key"}},
        fault_case{"TextAfterAQuote",
                   "log: {level: 'info'x}\n",
                   {"1:20: log.level: unexpected text behind the quote",
                    "1:20: not valid YAML: end of map flow not found"}},
        fault_case{"CommentAtAQuote",
                   "log:\n  level: \"info\"# not a comment\n",
                   {"2:16: log.level: unexpected text behind the quote"}},
        fault_case{
            "QuoteOverLines",
            "log:\n  level: \"in\n    fo\"\n",
            {"2:10: log.level: the quote is not closed on its line; use | for text of many lines",
             "2:10: log.level: \"in fo\" is not one of them; allowed: debug, info, warning, "
             "error"}},
        fault_case{"WrongEscape",
                   "log:\n  level: \"in\\qfo\"\n",
                   {"2:15: not valid YAML: unknown escape character: q"}},
        fault_case{"EscapedApostrophe",
                   "log:\n  level: \"info\\'\"\n",
                   {"2:10: log.level: \\' is not an escape; allowed: ' as it is",
                    "2:10: log.level: \"info'\" is not one of them; allowed: debug, info, warning, "
                    "error"}},
        fault_case{"EscapedSurrogate",
                   "log:\n  level: \"\\ud800\"\n",
                   {"2:17: not valid YAML: invalid unicode: 55296"}},
        fault_case{"Dash",
                   "retry:\n  schedule: [-, 1s]\n",
                   {"2:14: retry.schedule[0]: a dash without quotes is not a value",
                    "2:14: retry.schedule[0]: \"-\" is not a duration; allowed: a whole number "
                    "with a unit: "
                    "ms, s, m, h or d, from 10ms to 1d"}},
        fault_case{"CommaWithoutAValue",
                   "retry:\n  schedule: [1s,, 2s]\n",
                   {"2:17: retry.schedule[1]: no duration; allowed: one, as in 30s"}},
        fault_case{"BlockItemWithoutAValue",
                   "retry:\n  schedule:\n  - 1s\n  -\n  - 2s\n",
                   {"3:3: retry.schedule[1]: no duration; allowed: one, as in 30s"}},
        fault_case{"WrongIndentation",
                   "log:\n  level: info\n format: auto\n",
                   {"3:2: not valid YAML: end of map not found"}},
        fault_case{"TabInTheIndentation",
                   "log:\n\tlevel: info\n  \tformat: auto\n",
                   {"2:1: a tab in the indentation; allowed: spaces",
                    "3:3: a tab in the indentation; allowed: spaces"}},
        fault_case{
            "Directive", "%YAML 1.2\n---\n", {"1:1: directives are not allowed; remove this line"}},
        fault_case{"SecondDocument",
                   "log: {}\n---\n",
                   {"2:1: a second document begins here; allowed: one document"}},
        fault_case{"TextAfterTheEnd",
                   "log: {}\n...\n",
                   {"3:1: a second document begins here; allowed: one document"}},
        fault_case{"ListBeforeAMapping",
                   "- log\n",
                   {"2:1: a second document begins here; allowed: one document"}},
        fault_case{"FlowNotClosed",
                   "log: {level: info\n",
                   {"2:9: not valid YAML: end of map flow not found"}},
        fault_case{
            "ColumnsInCharacters",
            "log: {'bl\u00e5b\u00e6r': 1, level: x}\n",
            {"1:7: log.\"bl\u00e5b\u00e6r\": unknown key; allowed: level, format",
             "1:27: log.level: \"x\" is not one of them; allowed: debug, info, warning, error"}},
        fault_case{"ControlBytesAreEscaped",
                   "log: {\"a\\e[31m\\u009b\": 1}\n",
                   {"1:7: log.\"a\\x1b[31m\\xc2\\x9b\": unknown key; allowed: level, format"}}),
    name_of);

TEST(YamlFaultsAtTheEnd, FindsAQuoteThatTheEndOfTheFileCloses) {
    EXPECT_THAT(faults_of(std::string(one_account) + "log: {}\nledger:\n  url: \"sqlite:///x\n"),
                testing::Contains("7:8: ledger.url: the quote is not closed on its line; use | for "
                                  "text of many lines"));
}

TEST(YamlFaultsAtTheEnd, FindsALastLineWithoutAColon) {
    EXPECT_THAT(faults_of(std::string(one_account) + "log: {}\nspool\n"),
                testing::ElementsAre("6:1: spool: a colon is missing behind this key"));
}

TEST(YamlFaultsAtTheEnd, TakesAByteOrderMarkAtTheFront) {
    EXPECT_THAT(faults_of("\xEF\xBB\xBF" + std::string(one_account)), testing::IsEmpty());
}

}  // namespace
}  // namespace onboardd::test
