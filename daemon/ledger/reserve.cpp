#include "daemon/ledger/reserve.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace onboardd::sqlite {
namespace {

// SQLite maps the index in pieces of 32 KiB, each for some 4,000 pages of the log; the log is moved
// into the ledger after as many.
constexpr off_t log_index_bytes = off_t{4} * 32 * 1024;

struct file_system {
    std::uint64_t bytes = 0;
    std::uint64_t bytes_free = 0;
};

file_system look_at(const std::filesystem::path& directory) {
    struct statvfs seen {};
    if (::statvfs(directory.c_str(), &seen) != 0) {
        return {};
    }
    return {.bytes = std::uint64_t{seen.f_blocks} * seen.f_frsize,
            .bytes_free = std::uint64_t{seen.f_bavail} * seen.f_frsize};
}

unique_fd open_here(const std::filesystem::path& file, int flags) {
    return unique_fd(
        ::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | flags, 0600));
}

bool has_size(const std::filesystem::path& file, std::uint64_t bytes) {
    struct stat seen {};
    return ::lstat(file.c_str(), &seen) == 0 && S_ISREG(seen.st_mode) &&
           static_cast<std::uint64_t>(seen.st_size) == bytes;
}

}  // namespace

reserve::reserve(const std::filesystem::path& file, std::uint64_t bytes_max)
    : file_(std::filesystem::absolute(file)),
      name_(file_.string() + ".reserve"),
      bytes_(std::min(bytes_max, look_at(file_.parent_path()).bytes / reserve_share)) {}

bool reserve::take() {
    if (bytes_ == 0 || has_size(name_, bytes_)) {
        return true;
    }
    if (look_at(name_.parent_path()).bytes_free < 2 * bytes_) {
        return false;
    }
    const auto made = open_here(name_, O_CREAT | O_TRUNC);
    if (!made) {
        return false;
    }
    if (::fallocate(made.get(), 0, 0, static_cast<off_t>(bytes_)) == 0) {
        return true;
    }
    const bool impossible = errno == EOPNOTSUPP;
    release();
    return impossible;
}

bool reserve::release() noexcept {
    return ::unlink(name_.c_str()) == 0;
}

void reserve::keep_log_blocks() {
    const auto log = open_here(file_.string() + "-wal", 0);
    if (log && bytes_ != 0 && look_at(file_.parent_path()).bytes_free >= 2 * bytes_) {
        // Beyond the end of the file, so that SQLite sees no difference. Where that fails, commits
        // take blocks as they need them.
        ::fallocate(log.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes_));
    }
}

unique_fd keep_log_index(const std::filesystem::path& file) {
    auto index = open_here(file.string() + "-shm", 0);
    if (index) {
        ::fallocate(index.get(), 0, 0, log_index_bytes);
    }
    return index;
}

}  // namespace onboardd::sqlite
