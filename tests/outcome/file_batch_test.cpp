#include "daemon/outcome/file_batch.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>

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
    error_code rename(int directory, const std::string& from, const std::string& to) override {
        return fails("rename " + to) ? disk_error : file_calls::rename(directory, from, to);
    }
    error_code remove(int directory, const std::string& name) override {
        steps.emplace_back("remove");
        return file_calls::remove(directory, name);
    }

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
};

class FileBatch : public testing::Test {
protected:
    std::shared_ptr<const unique_fd> open(const fs::path& path) {
        fs::create_directories(path);
        return std::make_shared<const unique_fd>(
            ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }

    std::vector<file_to_publish> files(std::initializer_list<const char*> names) {
        std::vector<file_to_publish> out;
        for (const char* name : names) {
            auto& file = out.emplace_back();
            file.directory = one_;
            file.name = name;
            file.content = "new " + file.name;
        }
        return out;
    }

    std::size_t temporaries() const {
        std::size_t count = 0;
        for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
            count += is_temporary_name(entry.path().filename().native()) ? 1 : 0;
        }
        return count;
    }

    test::temporary_directory folder;
    std::shared_ptr<const unique_fd> one_ = open(folder.path() / "one");
};

TEST_F(FileBatch, SyncsEachFileBeforeItsRenameAndTheDirectoryOnceAtTheEnd) {
    scripted_calls calls;
    auto batch = files({"a", "b"});
    publish_files(calls, batch);
    EXPECT_THAT(calls.steps, ElementsAre("create", "write", "start", "create", "write", "start",
                                         "sync", "rename a", "sync", "rename b", "sync directory"));
    EXPECT_EQ(test::read_file(folder.path() / "one" / "a"), "new a");
    EXPECT_EQ(test::read_file(folder.path() / "one" / "b"), "new b");
}

TEST_F(FileBatch, SyncsEveryDirectory) {
    scripted_calls calls;
    auto batch = files({"a", "b", "c"});
    batch[1].directory = open(folder.path() / "two");
    publish_files(calls, batch);
    EXPECT_EQ(std::count(calls.steps.begin(), calls.steps.end(), "sync directory"), 2);
    EXPECT_EQ(test::read_file(folder.path() / "two" / "b"), "new b");
}

TEST_F(FileBatch, LeavesOldOrNewWhereverItFails) {
    for (std::size_t step = 0;; ++step) {
        test::write_file(folder.path() / "one" / "a", "old a");
        test::write_file(folder.path() / "one" / "b", "old b");
        scripted_calls calls(step);
        auto batch = files({"a", "b"});
        publish_files(calls, batch);
        if (calls.failed.empty()) {
            EXPECT_EQ(step, 9U);
            break;
        }
        int failures = 0;
        for (const auto& file : batch) {
            const auto content = test::read_file(folder.path() / "one" / file.name);
            const bool only_directory = calls.failed == "sync directory";
            EXPECT_EQ(content, (file.failure && !only_directory ? "old " : "new ") + file.name)
                << calls.failed;
            EXPECT_TRUE(!file.failure || file.failure == disk_error);
            failures += file.failure ? 1 : 0;
        }
        EXPECT_EQ(failures, calls.failed == "sync directory" ? 2 : 1) << calls.failed;
        EXPECT_EQ(temporaries(), 0U) << calls.failed;
    }
}

TEST_F(FileBatch, DoesNotSyncADirectoryThatNothingWasRenamedInto) {
    scripted_calls calls(0);
    auto batch = files({"a"});
    publish_files(calls, batch);
    EXPECT_THAT(calls.steps, ElementsAre("create"));
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
    publish_files(calls, batch);
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
    publish_files(calls, batch);
    EXPECT_FALSE(batch[0].failure);
    EXPECT_EQ(calls.names.size(), 4U);
    EXPECT_NE(calls.names[0], calls.names[1]);
    calls.names.clear();
    calls.taken_names = 1000;
    batch = files({"a"});
    publish_files(calls, batch);
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
