#include "daemon/spool/file_access.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "support/temporary_directory.hpp"

namespace onboardd::spooling {
namespace {

namespace fs = std::filesystem;

// As in systemd's RestrictSUIDSGID=: openat2() is not there, for this process and for good.
bool forbid_openat2() {
    std::array<sock_filter, 4> rules{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{.len = rules.size(), .filter = rules.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
           ::syscall(SYS_openat2, AT_FDCWD, "/", nullptr, 0) < 0 && errno == ENOSYS;
}

class FileAccess : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        std::ofstream(folder.path() / "file") << "text";
        fs::create_directory(folder.path() / "batch");
        fs::create_symlink("file", folder.path() / "link");
        fs::create_directory_symlink("batch", folder.path() / "batch-link");
        ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
    }

    // Runs `says_yes` in a process of its own, which may do without openat2().
    template <class Question>
    void expect(Question says_yes) {
        const auto ask = [&] {
            const unique_fd directory(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY));
            ::_exit((GetParam() || forbid_openat2()) && says_yes(directory.get()) ? 0 : 1);
        };
        EXPECT_EXIT(ask(), testing::ExitedWithCode(0), "");
    }

    static bool fails_with(int error, const result<unique_fd>& opened) {
        const bool as_expected = opened.has_error() && opened.error().value() == error;
        if (!as_expected) {
            std::cerr << (opened.has_error() ? opened.error().message() : "opened") << '\n';
        }
        return as_expected;
    }

    test::temporary_directory folder;
};

TEST_P(FileAccess, OpensFilesDirectoriesAndPipesWithoutWaiting) {
    expect([](int directory) {
        return open_beneath(directory, "file").has_value() &&
               open_beneath(directory, "pipe").has_value() &&
               open_directory_beneath(directory, "batch").has_value();
    });
}

TEST_P(FileAccess, FollowsNoLink) {
    expect([](int directory) {
        return fails_with(ELOOP, open_beneath(directory, "link")) &&
               open_directory_beneath(directory, "batch-link").has_error();
    });
}

TEST_P(FileAccess, DoesNotLeaveTheDirectory) {
    expect([](int directory) {
        return fails_with(EXDEV, open_beneath(directory, "..")) &&
               open_beneath(directory, "/etc/hostname").has_error() &&
               open_beneath(directory, "../file").has_error();
    });
}

TEST_P(FileAccess, TellsWhatIsNotThere) {
    expect([](int directory) { return fails_with(ENOENT, open_beneath(directory, "nothing")); });
}

TEST_P(FileAccess, DoesNotEnterAMountOfTheSameFileSystem) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root may mount";
    }
    const auto batch = folder.path() / "batch";
    expect([&](int /*of the namespace before*/) {
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount(folder.path().c_str(), batch.c_str(), nullptr, MS_BIND, nullptr) != 0) {
            return false;
        }
        const unique_fd directory(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY));
        return fails_with(EXDEV, open_directory_beneath(directory.get(), "batch"));
    });
}

INSTANTIATE_TEST_SUITE_P(, FileAccess, testing::Bool(), [](const auto& with_openat2) {
    return with_openat2.param ? "WithOpenat2" : "WithoutOpenat2";
});

}  // namespace
}  // namespace onboardd::spooling
