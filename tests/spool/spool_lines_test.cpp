#include <gtest/gtest.h>

#include <unistd.h>

#include "tests/spool/spool_fixture.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using names_type = std::vector<std::string>;

class SpoolLinesTest : public test::SpoolTest {
protected:
    static std::string line(const std::string& reference) {
        return R"({"reference":")" + reference + R"(","case":{"case_for":{}}})";
    }

    static std::string lines(int from, int to) {
        std::string text;
        for (int i = from; i < to; ++i) {
            text += line("s" + std::to_string(i)) + "\n";
        }
        return text;
    }
};

TEST_F(SpoolLinesTest, AFileOfLinesIsABatchByItsName) {
    put("night.jsonl", lines(0, 3));
    put("week/day.jsonl", line("d"));
    open();
    for (auto& taken : take_all()) {
        for (const auto& each : taken.jobs) {
            EXPECT_EQ(each.batch, each.reference == "d" ? "week" : "night");
        }
        EXPECT_TRUE(finish(std::move(taken)).has_value());
    }
    EXPECT_EQ(names("incoming"), names_type{"week"});
}

TEST_F(SpoolLinesTest, BlankLinesAndAMissingLastNewlineAreFine) {
    put("a.jsonl", "\n" + line("a") + "\r\n  \t\r\n\n" + line("b"));
    open();
    EXPECT_EQ(accept_all(), (names_type{"a", "b"}));
    EXPECT_TRUE(names("incoming").empty());
    EXPECT_TRUE(names("rejected").empty());
}

TEST_F(SpoolLinesTest, TheFileGoesWithItsLastPortionInAnyOrder) {
    options.portion_jobs_max = 4;
    put("a.jsonl", lines(0, 10));
    open();
    auto portions = take_all();
    ASSERT_EQ(portions.size(), 3u);
    EXPECT_TRUE(finish(std::move(portions[2])).has_value());
    EXPECT_TRUE(finish(std::move(portions[0])).has_value());
    EXPECT_EQ(names("incoming"), names_type{"a.jsonl"});
    EXPECT_TRUE(finish(std::move(portions[1])).has_value());
    EXPECT_TRUE(names("incoming").empty());
}

TEST_F(SpoolLinesTest, AFileWhoseFirstPortionsAreFinishedEarlyGoesAtItsEnd) {
    options.portion_jobs_max = 5;
    put("a.jsonl", lines(0, 10) + "\n");
    open();
    EXPECT_TRUE(finish(*take()).has_value());
    EXPECT_TRUE(finish(*take()).has_value());
    EXPECT_EQ(names("incoming"), names_type{"a.jsonl"});  // its end was not seen yet
    EXPECT_TRUE(take()->jobs.empty());
    EXPECT_TRUE(names("incoming").empty());
}

TEST_F(SpoolLinesTest, BadLinesAreKeptAloneAndTheGoodGoOn) {
    put("a.jsonl", line("x") + "\n{\"case\":1}\n" + line("y") + "\nnot json\r\n");
    open();
    auto taken = take();
    EXPECT_EQ(taken->jobs.size(), 2u);
    EXPECT_EQ(taken->refused, 2u);
    EXPECT_EQ(names("rejected"), (names_type{"a.line-2.json", "a.line-2.reason.json",
                                             "a.line-4.json", "a.line-4.reason.json"}));
    EXPECT_EQ(text_of(rejected("a.line-2.json")), "{\"case\":1}");
    EXPECT_EQ(text_of(rejected("a.line-4.json")), "not json\r");
    const auto why = reason("a.line-4.reason.json");
    EXPECT_EQ(why.at("line"), 4);
    EXPECT_EQ(why.at("file"), "a.jsonl");
    EXPECT_EQ(why.at("batch"), "a");
    EXPECT_EQ(why.at("kind"), "invalid_job");
    EXPECT_EQ(why.at("faults").at(0).at("line"), 1);
    EXPECT_EQ(why.at("faults").at(0).at("column"), 1);
    EXPECT_TRUE(finish(std::move(*taken)).has_value());
    take_all();
    EXPECT_TRUE(names("incoming").empty());
    EXPECT_EQ(log.count("job_file_rejected"), 2u);
}

TEST_F(SpoolLinesTest, AfterACrashInTheMiddleAllLinesComeAgainAndBadOnesAreNotKeptTwice) {
    options.portion_jobs_max = 3;
    put("a.jsonl", "bad\n" + lines(0, 7));
    open();
    EXPECT_TRUE(finish(*take()).has_value());
    open();
    EXPECT_EQ(accept_all().size(), 7u);
    EXPECT_EQ(names("rejected"), (names_type{"a.line-1.json", "a.line-1.reason.json"}));
    EXPECT_TRUE(names("incoming").empty());
}

TEST_F(SpoolLinesTest, AnAbandonedPortionKeepsTheWholeFile) {
    options.portion_jobs_max = 3;
    put("a.jsonl", lines(0, 9));
    open();
    files->abandon(*take());
    EXPECT_TRUE(take_all().empty());  // the rest would only be read twice
    EXPECT_EQ(names("incoming"), names_type{"a.jsonl"});
    EXPECT_EQ(accept_all().size(), 9u);
    EXPECT_TRUE(names("incoming").empty());
}

TEST_F(SpoolLinesTest, DuplicateLinesGoToRejected) {
    put("a.jsonl", lines(0, 3));
    open();
    auto taken = take();
    auto body = [&]() -> asio::awaitable<void> {
        std::vector<admission> verdicts(3, admission::accepted);
        verdicts[1] = admission::duplicate_reference;
        const auto done = co_await files->finish(std::move(*taken), std::move(verdicts));
        EXPECT_TRUE(done.has_value());
    };
    test::run(loop, body());
    take_all();
    EXPECT_TRUE(names("incoming").empty());
    EXPECT_EQ(text_of(rejected("a.line-2.json")), line("s1"));
    EXPECT_EQ(reason("a.line-2.reason.json").at("kind"), "duplicate_reference");
    EXPECT_EQ(reason("a.line-2.reason.json").at("line"), 2);
}

TEST_F(SpoolLinesTest, LinesBeyondTheBoundAreBadLines) {
    options.file_bytes_max = 200'000;
    const auto exact = line("fits") + std::string(200'000 - line("fits").size(), ' ');
    put("a.jsonl", line("x") + "\n" + std::string(200'001, ' ') + "\n" + exact + "\n" +
                       std::string(500'000, 'z') + "\n" + line("y") + "\n" +
                       std::string(300'000, 'q'));
    open();
    EXPECT_EQ(accept_all(), (names_type{"fits", "x", "y"}));
    EXPECT_TRUE(names("incoming").empty());
    EXPECT_EQ(std::filesystem::file_size(rejected("a.line-2.json")), 200'001u);
    EXPECT_EQ(text_of(rejected("a.line-4.json")), std::string(500'000, 'z'));
    EXPECT_EQ(text_of(rejected("a.line-6.json")), std::string(300'000, 'q'));
    EXPECT_EQ(first_message("a.line-4.reason.json"), "this is too large");
}

TEST_F(SpoolLinesTest, AHugeHoleCostsNothing) {
    put("a.jsonl", line("x") + "\n");
    const auto size = static_cast<off_t>(text_of(incoming("a.jsonl")).size());
    const off_t far = off_t{1} << 39;
    ASSERT_EQ(::truncate(incoming("a.jsonl").c_str(), far), 0);
    set_age("a.jsonl", 1h);
    open();
    EXPECT_EQ(accept_all(), names_type{"x"});
    EXPECT_TRUE(names("incoming").empty());
    EXPECT_EQ(std::filesystem::file_size(rejected("a.line-2.json")),
              static_cast<std::uintmax_t>(far - size));
}

TEST_F(SpoolLinesTest, AFileWithoutAnyJobIsMovedWhole) {
    put("empty.jsonl", "");
    put("blank.jsonl", "\n \n");
    open();
    EXPECT_TRUE(accept_all().empty());
    EXPECT_EQ(names("rejected"), (names_type{"blank.jsonl", "blank.jsonl.reason.json",
                                             "empty.jsonl", "empty.jsonl.reason.json"}));
}

TEST_F(SpoolLinesTest, AFileThatGrowsWhileItIsReadStaysForLater) {
    options.portion_jobs_max = 3;
    const auto half = line("last").substr(0, 10);
    put("a.jsonl", lines(0, 4) + half);
    open();
    auto first = take();
    put("a.jsonl", lines(0, 4) + line("last"), 0ms);
    EXPECT_TRUE(finish(std::move(*first)).has_value());
    for (auto& taken : take_all()) {
        EXPECT_EQ(taken.refused, 0u);
        EXPECT_TRUE(finish(std::move(taken)).has_value());
    }
    EXPECT_EQ(names("incoming"), names_type{"a.jsonl"});
    EXPECT_EQ(files->unsettled(), 1u);
    time.advance(2s);
    EXPECT_EQ(accept_all().size(), 5u);
    EXPECT_TRUE(names("rejected").empty());
}

TEST_F(SpoolLinesTest, APortionMayComeFromManyFiles) {
    put("a.jsonl", lines(0, 2));
    put("b.json", job());
    put("c.jsonl", lines(2, 4));
    open();
    const auto taken = take();
    EXPECT_EQ(taken->jobs.size(), 5u);
}

TEST_F(SpoolLinesTest, TenThousandLinesInPortions) {
    put("big.jsonl", lines(0, 10'000));
    open();
    EXPECT_EQ(accept_all().size(), 10'000u);
    EXPECT_TRUE(names("incoming").empty());
}

}  // namespace
}  // namespace onboardd
