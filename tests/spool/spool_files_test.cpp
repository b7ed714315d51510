#include <gtest/gtest.h>

#include "tests/spool/spool_fixture.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;
using names_type = std::vector<std::string>;

class SpoolFilesTest : public test::SpoolTest {};

TEST_F(SpoolFilesTest, AFileGoesOnlyWhenTheLedgerHasItsJob) {
    put("a.json", job());
    open();
    auto taken = take();
    ASSERT_EQ(taken->jobs.size(), 1u);
    EXPECT_EQ(taken->jobs[0].reference, "a");
    EXPECT_EQ(taken->jobs[0].batch, "default");
    EXPECT_EQ(names("incoming"), names_type{"a.json"});
    EXPECT_TRUE(finish(std::move(*taken)).has_value());
    EXPECT_TRUE(names("incoming").empty());
    EXPECT_TRUE(take()->jobs.empty());
    EXPECT_TRUE(names("rejected").empty());
}

TEST_F(SpoolFilesTest, MakesItsDirectoriesAndKeepsOthersOut) {
    std::filesystem::remove(options.directory / "incoming");
    open();
    EXPECT_TRUE(std::filesystem::is_directory(options.directory / "incoming"));
    EXPECT_TRUE(std::filesystem::is_directory(options.directory / "rejected"));
    const auto mode = std::filesystem::status(options.directory / "rejected").permissions();
    EXPECT_EQ(mode & std::filesystem::perms::others_all, std::filesystem::perms::none);
}

TEST_F(SpoolFilesTest, ASecondOwnerIsRefusedEvenWithoutTheLockFile) {
    open();
    asio::thread_pool other(1);
    EXPECT_THROW(open_spool(loop.get_executor(), other, time, log, nullptr, options),
                 already_owned);
    std::filesystem::remove(options.directory / ".lock");
    EXPECT_THROW(open_spool(loop.get_executor(), other, time, log, nullptr, options),
                 already_owned);
    files.reset();
    EXPECT_NO_THROW(open_spool(loop.get_executor(), other, time, log, nullptr, options));
}

TEST_F(SpoolFilesTest, ADirectoryThatCannotBeUsedStopsTheStart) {
    options.directory /= "not/there";
    EXPECT_THROW(open(), config_error);
    options.directory = options.directory.parent_path().parent_path();
    std::filesystem::remove(options.directory / "incoming");
    std::filesystem::create_directory(options.directory / "elsewhere");
    std::filesystem::create_symlink("elsewhere", options.directory / "incoming");
    EXPECT_THROW(open(), config_error);
}

TEST_F(SpoolFilesTest, SubdirectoriesAreBatches) {
    put("one/a.json", job());
    put("two words/b.json", job());
    put("c.json", job());
    open();
    std::map<std::string, std::string> batch_of;
    for (auto& taken : take_all()) {
        for (const auto& each : taken.jobs) {
            batch_of[each.reference] = each.batch;
        }
        EXPECT_TRUE(finish(std::move(taken)).has_value());
    }
    EXPECT_EQ(batch_of["a"], "one");
    EXPECT_TRUE(batch_of["b"].starts_with("two_words-"));
    EXPECT_EQ(batch_of["c"], "default");
    EXPECT_EQ(names("incoming"), (names_type{"one", "two words"}));  // empty, and the producer's
    EXPECT_TRUE(names("incoming/one").empty());
}

TEST_F(SpoolFilesTest, UnfinishedNamesAreNotTouched) {
    put(".a.json", job());
    put("b.json.tmp", job());
    put(".hidden/c.json", job());
    put("d.tmp/e.json", job());
    open();
    EXPECT_TRUE(accept_all().empty());
    EXPECT_EQ(names("incoming").size(), 4u);
    EXPECT_EQ(files->unsettled(), 0u);
}

TEST_F(SpoolFilesTest, YoungFilesAreLeftForNow) {
    put("old.json", job(), 1s);
    put("young.json", job(), 999ms);
    put("future.json", job(), -999ms);
    put("clock-was-wrong.json", job(), -2h);
    open();
    EXPECT_EQ(accept_all(), (names_type{"clock-was-wrong", "old"}));
    EXPECT_EQ(files->unsettled(), 2u);
    time.advance(3s);
    EXPECT_EQ(accept_all(), (names_type{"future", "young"}));
    EXPECT_EQ(files->unsettled(), 0u);
}

TEST_F(SpoolFilesTest, APortionIsBoundedAndNothingIsHandedOutTwice) {
    options.portion_jobs_max = 2;
    for (const char* name : {"a.json", "b.json", "c.json", "d.json", "e.json"}) {
        put(name, job());
    }
    open();
    auto first = take_all();
    ASSERT_EQ(first.size(), 3u);
    EXPECT_EQ(first[0].jobs.size(), 2u);
    EXPECT_TRUE(take_all().empty());  // all in open portions
    files->abandon(std::move(first[0]));
    first[1] = {};  // dropped without a word: the same
    EXPECT_EQ(accept_all().size(), 4u);
    EXPECT_TRUE(finish(std::move(first[2])).has_value());
    EXPECT_TRUE(names("incoming").empty());
}

TEST_F(SpoolFilesTest, AfterACrashEverythingIsReadAgain) {
    put("a.json", job());
    put("b.json", job());
    open();
    auto before = take_all();
    EXPECT_EQ(before.size(), 1u);
    open();
    EXPECT_EQ(accept_all(), (names_type{"a", "b"}));
    before.clear();
}

TEST_F(SpoolFilesTest, DuplicatesGoToRejectedWithTheirKind) {
    put("a.json", job());
    open();
    auto taken = take();
    EXPECT_TRUE(finish(std::move(*taken), admission::duplicate_reference).has_value());
    EXPECT_TRUE(names("incoming").empty());
    EXPECT_EQ(names("rejected"), (names_type{"a.json", "a.reason.json"}));
    EXPECT_EQ(reason("a.reason.json").at("kind"), "duplicate_reference");
    EXPECT_EQ(text_of(rejected("a.json")), job());
}

TEST_F(SpoolFilesTest, KnownJobsAreNoError) {
    put("a.json", job());
    open();
    EXPECT_TRUE(finish(*take(), admission::known).has_value());
    EXPECT_TRUE(names("incoming").empty());
    EXPECT_TRUE(names("rejected").empty());
}

TEST_F(SpoolFilesTest, AFileThatReplacedAnOpenOneStays) {
    put("a.json", job());
    open();
    auto taken = take();
    put(".next", job(R"({"case_for":{"x":1}})"));
    std::filesystem::rename(incoming(".next"), incoming("a.json"));
    EXPECT_TRUE(finish(std::move(*taken)).has_value());
    EXPECT_EQ(names("incoming"), names_type{"a.json"});
    EXPECT_TRUE(take_all().empty());  // the end of the first scan
    EXPECT_EQ(accept_all(), names_type{"a"});
    EXPECT_TRUE(names("incoming").empty());
}

TEST_F(SpoolFilesTest, AFileThatWasWrittenToAfterItWasReadStays) {
    put("a.json", job());
    open();
    auto taken = take();
    put("a.json", job() + " ", 30min);
    EXPECT_TRUE(finish(std::move(*taken)).has_value());
    EXPECT_TRUE(take_all().empty());  // the end of the first scan
    EXPECT_EQ(accept_all(), names_type{"a"});
}

TEST_F(SpoolFilesTest, NewRulesHoldForWhatIsReadFromThenOn) {
    put("a.json", job());
    open();
    account_config other;
    other.id = "P00000001";
    other.defaults = R"({"products":["checkout"],"case_request":{}})";
    files->use(make_job_reader({other}, {}));
    EXPECT_EQ(take()->jobs.at(0).account, "P00000001");
}

TEST_F(SpoolFilesTest, FiveThousandFilesAtOnce) {
    for (int i = 0; i < 5'000; ++i) {
        put("s" + std::to_string(i) + ".json", job());
    }
    open();
    EXPECT_EQ(accept_all().size(), 5'000u);
    EXPECT_TRUE(names("incoming").empty());
    EXPECT_TRUE(names("rejected").empty());
}

TEST_F(SpoolFilesTest, AReadingFailureIsReportedAndTheNextCallTriesAgain) {
    open();
    std::filesystem::remove(options.directory / "incoming");
    std::filesystem::create_directory(options.directory / "elsewhere");
    std::filesystem::create_symlink("elsewhere", options.directory / "incoming");
    EXPECT_TRUE(take().has_error());
    std::filesystem::remove(options.directory / "incoming");
    put("a.json", job());
    EXPECT_EQ(accept_all(), names_type{"a"});
}

}  // namespace
}  // namespace onboardd
