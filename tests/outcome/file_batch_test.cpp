#include "daemon/outcome/file_batch.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>
#include <thread>

#include "daemon/outcome/safe_name.hpp"
#include "support/temporary_directory.hpp"

namespace onboardd {
namespace {

using testing::ElementsAre;
namespace fs = std::filesystem;

const auto disk_error = boost::system::errc::make_error_code(boost::system::errc::io_error);

// Does the real thing, writes down what, and fails at one step.
class scripted_calls final : public file_calls {
public:
    explicit scripted_calls(std::optional<std::size_t> failing_step = {})
        : failing_step_(failing_step) {}

    result<unique_fd> create(int directory, const std::string& name) override {
        if (fails("create")) {
            return disk_error;
        }
        return file_calls::create(directory, name);
    }
    error_code write(int fd, std::string_view bytes) override {
        if (fails("write")) {
            file_calls::write(fd, bytes.substr(0, bytes.size() / 2));
            return disk_error;
        }
        return file_calls::write(fd, bytes);
    }
    void start_write_back(int fd) override {
        steps.emplace_back("start");
        file_calls::start_write_back(fd);
    }
    error_code sync(int fd) override {
        struct stat what = {};
        ::fstat(fd, &what);
        return fails(S_ISDIR(what.st_mode) ? "sync directory" : "sync") ? disk_error
                                                                        : file_calls::sync(fd);
    }
    result<dev_t> device(int fd) override {
        return fails("device") ? disk_error : file_calls::device(fd);
    }
    bool is_well_known(int) override { return well_known; }
    error_code sync_file_system(int fd) override {
        now_ += sync_time;
        return fails("sync all") ? disk_error : file_calls::sync_file_system(fd);
    }
    error_code bytes_on_disk(int fd) override {
        return fails("look") ? disk_error : file_calls::bytes_on_disk(fd);
    }
    std::chrono::steady_clock::time_point now() override { return now_; }
    error_code rename(int directory, const std::string& from, const std::string& to) override {
        return fails("rename " + to) ? disk_error : file_calls::rename(directory, from, to);
    }
    error_code remove(int directory, const std::string& name) override {
        steps.emplace_back("remove");
        return file_calls::remove(directory, name);
    }

    std::size_t count(std::string_view step) const {
        return static_cast<std::size_t>(std::count(steps.begin(), steps.end(), step));
    }
    void wait(std::chrono::milliseconds time) { now_ += time; }

    bool well_known = true;
    std::chrono::milliseconds sync_time{5};
    std::vector<std::string> steps;
    std::string failed;  // the step that failed

private:
    bool fails(const std::string& step) {
        steps.push_back(step);
        if (failing_step_ != count_++) {
            return false;
        }
        failed = step;
        return true;
    }

    std::optional<std::size_t> failing_step_;
    std::size_t count_ = 0;
    std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
};

class FileBatch : public testing::Test {
protected:
    std::shared_ptr<const unique_fd> open(const fs::path& path) {
        fs::create_directories(path);
        return std::make_shared<const unique_fd>(
            ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }

    std::vector<file_to_publish> files(const std::vector<std::string>& names) {
        std::vector<file_to_publish> out;
        for (const auto& name : names) {
            auto& file = out.emplace_back();
            file.directory = one_;
            file.name = name;
            file.content = "new " + file.name;
        }
        return out;
    }

    std::vector<file_to_publish> files(std::size_t count) {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < count; ++i) {
            names.push_back("file-" + std::to_string(i));
        }
        return files(names);
    }

    void publish(file_calls& calls, std::span<file_to_publish> batch) {
        publish_files(calls, choice, batch);
    }

    // Of the directory "one". Returns how many failed.
    std::size_t expect_old_or_new(std::span<const file_to_publish> batch,
                                  const scripted_calls& calls) const {
        std::size_t failures = 0;
        for (const auto& file : batch) {
            const auto content = test::read_file(folder.path() / "one" / file.name);
            const bool only_directory = calls.failed == "sync directory";
            EXPECT_EQ(content, (file.failure && !only_directory ? "old " : "new ") + file.name)
                << calls.failed;
            EXPECT_TRUE(!file.failure || file.failure == disk_error);
            failures += file.failure ? 1 : 0;
        }
        EXPECT_EQ(temporaries(), 0U) << calls.failed;
        return failures;
    }

    std::size_t temporaries() const {
        std::size_t count = 0;
        for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
            count += is_temporary_name(entry.path().filename().native()) ? 1 : 0;
        }
        return count;
    }

    test::temporary_directory folder;
    sync_choice choice;
    std::shared_ptr<const unique_fd> one_ = open(folder.path() / "one");
    std::shared_ptr<const unique_fd> two_ = open(folder.path() / "two");
};

TEST_F(FileBatch, SyncsEachFileBeforeItsRenameAndTheDirectoryOnceAtTheEnd) {
    scripted_calls calls;
    auto batch = files({"a", "b"});
    publish(calls, batch);
    EXPECT_THAT(calls.steps, ElementsAre("device", "create", "write", "start", "create", "write",
                                         "start", "sync", "sync", "look", "look", "rename a",
                                         "rename b", "sync directory"));
    EXPECT_EQ(test::read_file(folder.path() / "one" / "a"), "new a");
    EXPECT_EQ(test::read_file(folder.path() / "one" / "b"), "new b");
}

TEST_F(FileBatch, SyncsEveryDirectory) {
    scripted_calls calls;
    auto batch = files({"a", "b", "c"});
    batch[1].directory = two_;
    publish(calls, batch);
    EXPECT_EQ(calls.count("sync directory"), 2);
    EXPECT_EQ(test::read_file(folder.path() / "two" / "b"), "new b");
}

TEST_F(FileBatch, LeavesOldOrNewWhereverItFails) {
    for (std::size_t step = 0;; ++step) {
        test::write_file(folder.path() / "one" / "a", "old a");
        test::write_file(folder.path() / "one" / "b", "old b");
        scripted_calls calls(step);
        auto batch = files({"a", "b"});
        publish(calls, batch);
        if (calls.failed.empty()) {
            EXPECT_EQ(step, 12U);
            break;
        }
        const bool all = calls.failed == "sync directory" || calls.failed == "device";
        EXPECT_EQ(expect_old_or_new(batch, calls), all ? 2U : 1U) << calls.failed;
    }
}

TEST_F(FileBatch, SyncsManyTogetherBeforeTheFirstRename) {
    scripted_calls calls;
    auto batch = files(sync_choice::together_min);
    publish(calls, batch);
    std::vector<std::string> expected = {"device"};
    for (std::size_t i = 0; i < batch.size(); ++i) {
        expected.insert(expected.end(), {"create", "write"});
    }
    expected.emplace_back("sync all");
    expected.insert(expected.end(), batch.size(), "look");
    for (const auto& file : batch) {
        expected.push_back("rename " + file.name);
    }
    expected.emplace_back("sync directory");
    EXPECT_EQ(calls.steps, expected);
    for (const auto& file : batch) {
        EXPECT_FALSE(file.failure);
        EXPECT_EQ(test::read_file(folder.path() / "one" / file.name), file.content);
    }
}

TEST_F(FileBatch, SyncedTogetherLeavesOldOrNewWhereverItFails) {
    for (std::size_t step = 0;; ++step) {
        auto batch = files(sync_choice::together_min);
        for (const auto& file : batch) {
            test::write_file(folder.path() / "one" / file.name, "old " + file.name);
        }
        scripted_calls calls(step);
        sync_choice unspoilt;
        publish_files(calls, unspoilt, batch);
        if (calls.failed.empty()) {
            EXPECT_EQ(step, 4 * batch.size() + 3);
            break;
        }
        const bool all = calls.failed == "sync directory" || calls.failed == "device";
        // What somebody else has lost in the file system costs no outcome.
        const bool none = calls.failed == "sync all";
        EXPECT_EQ(expect_old_or_new(batch, calls), none  ? 0U
                                                   : all ? batch.size()
                                                         : 1U)
            << calls.failed;
        EXPECT_EQ(calls.count("sync"), none ? batch.size() : 0U) << calls.failed;
    }
}

TEST_F(FileBatch, SyncsFewFilesEachByItself) {
    scripted_calls calls;
    auto batch = files(sync_choice::together_min - 1);
    publish(calls, batch);
    EXPECT_EQ(calls.count("sync all"), 0);
    EXPECT_EQ(calls.count("sync"), batch.size());
}

TEST_F(FileBatch, SyncsEachByItselfWhereTheFileSystemPromisesTooLittle) {
    scripted_calls calls;
    calls.well_known = false;
    auto batch = files(100);
    publish(calls, batch);
    EXPECT_EQ(calls.count("sync all"), 0);
    EXPECT_EQ(calls.count("sync"), 100);
    file_calls real;
    EXPECT_FALSE(real.is_well_known(open("/proc")->get()));
}

// Others may write gigabytes there, and that is not ours to wait for.
TEST_F(FileBatch, AfterASlowSyncOfAllEachIsSyncedByItselfForAWhile) {
    scripted_calls calls;
    const auto synced_all = [&] {
        calls.steps.clear();
        auto batch = files(20);
        publish(calls, batch);
        EXPECT_EQ(calls.count("sync"), calls.count("sync all") == 0 ? 20 : 0);
        return calls.count("sync all");
    };
    calls.sync_time = sync_choice::slow;
    EXPECT_EQ(synced_all(), 1);
    EXPECT_EQ(synced_all(), 1);  // not slower than what is still good
    calls.sync_time = sync_choice::slow + std::chrono::milliseconds(1);
    EXPECT_EQ(synced_all(), 1);
    EXPECT_EQ(synced_all(), 0);
    for (auto apart = sync_choice::apart_factor * calls.sync_time; apart < sync_choice::apart_max;
         apart = std::min(2 * apart, sync_choice::apart_max)) {
        calls.wait(apart - std::chrono::milliseconds(1));
        EXPECT_EQ(synced_all(), 0) << apart.count();
        calls.wait(std::chrono::milliseconds(1));
        EXPECT_EQ(synced_all(), 1) << apart.count();  // no better: twice as long
    }
    calls.wait(sync_choice::apart_max);
    calls.sync_time = sync_choice::slow;
    EXPECT_EQ(synced_all(), 1);
    EXPECT_EQ(synced_all(), 1);
}

TEST_F(FileBatch, AFailedSyncOfAllIsTriedAgainASecondLater) {
    choice.went(false, {}, sync_choice::clock::time_point());
    const auto later = sync_choice::clock::time_point() + sync_choice::apart_min;
    EXPECT_FALSE(choice.together(20, later - std::chrono::milliseconds(1)));
    EXPECT_TRUE(choice.together(20, later));
    choice.went(true, sync_choice::slow, later);
    EXPECT_TRUE(choice.together(20, later));
}

TEST_F(FileBatch, ASyncOfAllThatTookLongIsNotTriedForTenTimesAsLong) {
    choice.went(true, std::chrono::seconds(30), sync_choice::clock::time_point());
    const auto later = sync_choice::clock::time_point() + std::chrono::minutes(5);
    EXPECT_FALSE(choice.together(20, later - std::chrono::milliseconds(1)));
    EXPECT_TRUE(choice.together(20, later));
    choice.went(true, std::chrono::hours(1), later);
    EXPECT_TRUE(choice.together(20, later + sync_choice::apart_max));
}

TEST_F(FileBatch, WhileOneTriesWhetherItIsStillSlowTheOthersSyncEachByItself) {
    scripted_calls calls;
    choice.went(false, {}, calls.now());
    calls.wait(sync_choice::apart_min);
    auto batch = files(20);
    std::thread([&] {  // a lock is tried by another thread than its owner
        const auto other = choice.turn();
        EXPECT_TRUE(other.owns_lock());
        std::thread([&] { publish(calls, batch); }).join();
    })
        .join();
    EXPECT_EQ(calls.count("sync all"), 0);
    EXPECT_EQ(calls.count("sync"), 20);
}

TEST_F(FileBatch, AFileWhoseBytesTheFileSystemDroppedIsNoOutcome) {
    file_calls real;
    auto fd = real.create(one_->get(), ".0000000000000000.tmp");
    ASSERT_TRUE(fd);
    EXPECT_FALSE(real.bytes_on_disk(fd->get()));  // it is empty as it should be
    ASSERT_EQ(::ftruncate(fd->get(), 1'000), 0);  // bytes that have no blocks
    EXPECT_EQ(real.bytes_on_disk(fd->get()), boost::system::errc::io_error);
    const std::string bytes(1'000, 'x');
    ASSERT_FALSE(real.write(fd->get(), bytes));
    EXPECT_FALSE(real.bytes_on_disk(fd->get()));
}

TEST_F(FileBatch, SyncsEveryFileSystem) {
    struct two_file_systems final : file_calls {
        explicit two_file_systems(int second) : second_(second) {}
        result<dev_t> device(int fd) override { return fd == second_ ? 2 : 1; }
        bool is_well_known(int) override { return true; }
        error_code sync_file_system(int fd) override {
            ++synced;
            return file_calls::sync_file_system(fd);
        }
        int synced = 0;

    private:
        int second_;
    };
    auto batch = files(20);
    for (std::size_t i = 0; i < batch.size(); i += 2) {
        batch[i].directory = two_;
    }
    two_file_systems calls(two_->get());
    publish(calls, batch);
    EXPECT_EQ(calls.synced, 2);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        EXPECT_FALSE(batch[i].failure);
        EXPECT_EQ(test::read_file(folder.path() / (i % 2 == 0 ? "two" : "one") / batch[i].name),
                  batch[i].content);
    }
}

TEST_F(FileBatch, DoesNotSyncADirectoryThatNothingWasRenamedInto) {
    scripted_calls calls(1);
    auto batch = files({"a"});
    publish(calls, batch);
    EXPECT_THAT(calls.steps, ElementsAre("device", "create"));
}

TEST_F(FileBatch, OpensABoundedNumberOfFiles) {
    struct counting final : file_calls {
        result<unique_fd> create(int directory, const std::string& name) override {
            open_most = std::max(open_most, ++open);
            return file_calls::create(directory, name);
        }
        error_code rename(int directory, const std::string& from, const std::string& to) override {
            --open;
            return file_calls::rename(directory, from, to);
        }
        int open = 0;
        int open_most = 0;
    } calls;
    std::vector<file_to_publish> batch(1000);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        batch[i].directory = one_;
        batch[i].name = "file-" + std::to_string(i);
        batch[i].content = batch[i].name;
    }
    publish(calls, batch);
    EXPECT_EQ(calls.open_most, 128);
    for (const auto& file : batch) {
        ASSERT_FALSE(file.failure);
        ASSERT_EQ(test::read_file(folder.path() / "one" / file.name), file.name);
    }
}

TEST_F(FileBatch, TriesAnotherNameWhereOneIsTaken) {
    struct taken final : file_calls {
        result<unique_fd> create(int directory, const std::string& name) override {
            names.push_back(name);
            if (names.size() <= taken_names) {
                return boost::system::errc::make_error_code(boost::system::errc::file_exists);
            }
            return file_calls::create(directory, name);
        }
        std::size_t taken_names = 0;
        std::vector<std::string> names;
    } calls;
    calls.taken_names = 3;
    auto batch = files({"a"});
    publish(calls, batch);
    EXPECT_FALSE(batch[0].failure);
    EXPECT_EQ(calls.names.size(), 4U);
    EXPECT_NE(calls.names[0], calls.names[1]);
    calls.names.clear();
    calls.taken_names = 1000;
    batch = files({"a"});
    publish(calls, batch);
    EXPECT_EQ(batch[0].failure, boost::system::errc::file_exists);
    EXPECT_LT(calls.names.size(), 10U);
}

TEST_F(FileBatch, WillNotFollowOrReplaceWhatHasATemporarysName) {
    const auto victim = folder.path() / "victim";
    test::write_file(victim, "untouched");
    fs::create_symlink(victim, folder.path() / "one" / ".0000000000000000.tmp");
    file_calls calls;
    const auto fd = calls.create(one_->get(), ".0000000000000000.tmp");
    ASSERT_TRUE(fd.has_error());
    EXPECT_EQ(test::read_file(victim), "untouched");
}

}  // namespace
}  // namespace onboardd
