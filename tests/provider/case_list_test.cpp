#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "onboardd/provider/cdd_case.hpp"

namespace onboardd {
namespace {

struct reading {
    std::vector<std::string> ids;
    bool sound = false;
    bool empty = false;
    bool says_more = false;
    error_code ec;
};

reading read_list(std::string_view text, std::size_t piece_size) {
    reading seen;
    case_list_parser parser([&seen](const cdd_case& found) {
        seen.ids.push_back(found.facts.id + ":" + found.reference);
        return error_code();
    });
    for (std::size_t at = 0; at < text.size() && !seen.ec; at += piece_size) {
        seen.ec = parser.write(text.substr(at, piece_size));
    }
    if (!seen.ec) {
        seen.ec = parser.finish();
    }
    seen.sound = parser.sound();
    seen.empty = parser.empty();
    seen.says_more = parser.says_more();
    return seen;
}

constexpr std::string_view two_cases =
    R"([ {"id": "a", "case_request": {"referenceId": "r1", "details": {"x": [1, {"y": []}]}}, "events": []},
         {"id": "b", "case_request": {"referenceId": "r2"}, "n": [[], {}, null, true, 1.5, -7, "\u00e5\"\\"]} ])";

class CaseListPieces : public testing::TestWithParam<std::size_t> {};

TEST_P(CaseListPieces, ReadsABareArrayCutAnywhere) {
    const auto seen = read_list(two_cases, GetParam());
    EXPECT_FALSE(seen.ec) << seen.ec.message();
    EXPECT_EQ(seen.ids, (std::vector<std::string>{"a:r1", "b:r2"}));
    EXPECT_TRUE(seen.sound);
}

TEST_P(CaseListPieces, ReadsAnObjectAroundTheArray) {
    const auto text = R"({"count": 2, "meta": {"pages": 1}, "cases": )" + std::string(two_cases) +
                      R"(, "next": null})";
    const auto seen = read_list(text, GetParam());
    EXPECT_FALSE(seen.ec) << seen.ec.message();
    EXPECT_EQ(seen.ids, (std::vector<std::string>{"a:r1", "b:r2"}));
    EXPECT_TRUE(seen.sound);
    EXPECT_FALSE(seen.says_more);
}

// Taken for the list, the first array would prove every job absent.
TEST_P(CaseListPieces, OtherArraysAroundTheListAreTold) {
    const auto text = R"({"warnings": [], "links": ["x", {"href": "/"}], "cases": )" +
                      std::string(two_cases) + R"(, "tags": []})";
    const auto seen = read_list(text, GetParam());
    EXPECT_FALSE(seen.ec) << seen.ec.message();
    EXPECT_EQ(seen.ids, (std::vector<std::string>{"a:r1", "b:r2"}));
    EXPECT_TRUE(seen.sound);
}

TEST_P(CaseListPieces, AnAnswerThatSaysThatThereIsMoreIsBelieved) {
    for (const char* more :
         {R"("has_more": true)", R"("next": "abc")", R"("links": {"next": "/x"})",
          R"("nextPageToken": "a longer one, cut more than once")"}) {
        const auto text = R"({"cases": [{"id": "a", "next": "n"}], )" + std::string(more) + "}";
        EXPECT_TRUE(read_list(text, GetParam()).says_more) << more;
        EXPECT_TRUE(read_list(text, GetParam()).sound) << more;
    }
    for (const char* none :
         {R"("has_more": false)", R"("next": null)", R"("next": "")", R"("more": true)",
          R"("has_more": 1)", R"("next_review": "2026-12-01")"}) {
        const auto text =
            R"({"cases": [{"id": "a", "next": "n", "has_more": true}], )" + std::string(none) + "}";
        EXPECT_FALSE(read_list(text, GetParam()).says_more) << none;
    }
}

INSTANTIATE_TEST_SUITE_P(Sizes, CaseListPieces, testing::Values(1, 2, 3, 7, 64, 100'000));

TEST(CaseList, AnEmptyListIsAList) {
    for (const char* text : {"[]", R"({"cases": []})", R"({"cases": [], "count": 0})"}) {
        const auto seen = read_list(text, 1);
        EXPECT_FALSE(seen.ec) << text;
        EXPECT_TRUE(seen.sound) << text;
        EXPECT_TRUE(seen.empty) << text;
    }
    EXPECT_FALSE(read_list(R"([{"id": "a"}])", 1).empty);
    EXPECT_FALSE(read_list("[7]", 1).empty);
}

TEST(CaseList, WhichArrayIsTheListMustBeClear) {
    for (const char* text : {R"({"cases": [], "links": []})", R"({"links": [7], "cases": []})",
                             R"({"cases": [{"id": "a"}], "old": [{"id": "b"}]})",
                             R"({"cases": [{"id": "a"}, 7]})", R"({"links": ["x"]})"}) {
        const auto seen = read_list(text, 5);
        EXPECT_FALSE(seen.ec) << text;
        EXPECT_FALSE(seen.sound) << text;
    }
}

TEST(CaseList, EveryTextThatIsNoCompleteListFails) {
    for (const char* text :
         {"", "{}", "null", "7", "\"x\"", "[", R"([{"id": "a"})", R"([{"id": "a"},])", "[]]",
          "[] []", "<html>", "{\"cases\": {}}", "{\"cases\": [}"}) {
        EXPECT_TRUE(read_list(text, 3).ec) << text;
    }
    for (std::size_t cut = 0; cut + 1 < two_cases.size(); ++cut) {
        EXPECT_TRUE(read_list(two_cases.substr(0, cut), 16).ec) << cut;
    }
}

TEST(CaseList, ElementsThatAreNoCasesAreTold) {
    const auto seen =
        read_list(R"([{"id": "a"}, 7, "x", null, {"no": "id"}, {"id": "b"}, [1]])", 5);
    EXPECT_FALSE(seen.ec) << seen.ec.message();
    EXPECT_EQ(seen.ids.size(), 2u);
    EXPECT_FALSE(seen.sound);
}

TEST(CaseList, TheCallbackCanEndIt) {
    int calls = 0;
    case_list_parser parser([&calls](const cdd_case&) {
        return ++calls == 2 ? make_error_code(errc::stopping) : error_code();
    });
    const auto ec = parser.write(R"([{"id":"a"},{"id":"b"},{"id":"c"}])");
    EXPECT_EQ(ec, errc::stopping);
    EXPECT_EQ(calls, 2);
}

// Nobody else's case is hidden by it; but the list proves nothing any more.
TEST(CaseList, ACaseThatIsTooLargeIsPassedOver) {
    std::string items;
    for (int i = 0; i < 400'000; ++i) {
        items += "\"0123456789\",";
    }
    const auto large = R"({"id": "large", "x": [)" + items + "1]}";
    const auto long_text = R"({"id": "long", "x": ")" + std::string(5'000'000, 'x') + "\"}";
    for (const auto& one : {large, long_text}) {
        const auto seen = read_list(R"([{"id": "a"},)" + one + R"(,{"id": "b"}])", 4096);
        EXPECT_FALSE(seen.ec) << seen.ec.message();
        EXPECT_EQ(seen.ids, (std::vector<std::string>{"a:", "b:"}));
        EXPECT_FALSE(seen.sound);
    }
    const auto fits =
        read_list(R"([{"id": "long", "x": ")" + std::string(3'000'000, 'x') + "\"}]", 4096);
    EXPECT_EQ(fits.ids.size(), 1U);
    EXPECT_TRUE(fits.sound);
}

TEST(CaseList, ACaseThatIsTooDeepIsPassedOver) {
    const auto nested = [](std::size_t depth) {
        return R"({"id": "deep", "x": )" + std::string(depth, '[') + std::string(depth, ']') + "}";
    };
    const auto seen = read_list(R"([{"id": "a"},)" + nested(300) + R"(,{"id": "b"}])", 4096);
    EXPECT_FALSE(seen.ec) << seen.ec.message();
    EXPECT_EQ(seen.ids, (std::vector<std::string>{"a:", "b:"}));
    EXPECT_FALSE(seen.sound);
    const auto fits = read_list("[" + nested(200) + "]", 4096);
    EXPECT_EQ(fits.ids.size(), 1U);
    EXPECT_TRUE(fits.sound);
    EXPECT_TRUE(parse_case(nested(200)));
}

TEST(CaseList, DeepNestingIsRefused) {
    EXPECT_TRUE(read_list("[{\"id\":\"a\",\"x\":" + std::string(100'000, '['), 4096).ec);
}

}  // namespace
}  // namespace onboardd
