#include "daemon/outcome/file_batch.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>

#include "daemon/outcome/safe_name.hpp"

namespace onboardd {
namespace {

// How many files are open at once.
constexpr std::size_t chunk_files_max = 128;

// Names are random only against collision with what else is there: O_EXCL decides, a few more are
// tried.
constexpr int name_attempts_max = 4;

error_code last_error() {
    return {errno, boost::system::system_category()};
}

result<std::uint64_t> random_number() {
    std::uint64_t value = 0;
    if (::getrandom(&value, sizeof value, 0) != sizeof value) {
        return last_error();
    }
    return value;
}

error_code create_temporary(file_calls& calls, file_to_publish& file) {
    for (int attempt = 1;; ++attempt) {
        const auto random = random_number();
        if (random.has_error()) {
            return random.error();
        }
        auto name = temporary_name(*random);
        auto fd = calls.create(file.directory->get(), name);
        if (fd.has_value()) {
            file.temporary = std::move(name);
            file.fd = std::move(*fd);
            return {};
        }
        if (fd.error() != boost::system::errc::file_exists || attempt == name_attempts_max) {
            return fd.error();
        }
    }
}

void write_temporary(file_calls& calls, file_to_publish& file) {
    file.failure = create_temporary(calls, file);
    if (!file.failure) {
        file.failure = calls.write(file.fd.get(), file.content);
    }
}

// A file whose sync failed is never renamed, nor synced again: the kernel reports a lost page once
// only.
void put_in_place(file_calls& calls, file_to_publish& file) {
    if (!file.failure) {
        file.failure = calls.sync(file.fd.get());
    }
    file.fd.reset();
    if (!file.failure) {
        file.failure = calls.rename(file.directory->get(), file.temporary, file.name);
    }
    if (file.failure && !file.temporary.empty()) {
        calls.remove(file.directory->get(),
                     file.temporary);  // what stays is removed at the next start
    }
}

void sync_directories(file_calls& calls, std::span<file_to_publish> files) {
    std::map<const unique_fd*, error_code> synced;
    for (auto& file : files) {
        if (file.failure) {
            continue;
        }
        const auto [entry, is_new] = synced.try_emplace(file.directory.get());
        if (is_new) {
            entry->second = calls.sync(file.directory->get());
        }
        file.failure = entry->second;
    }
}

}  // namespace

result<unique_fd> file_calls::create(int directory, const std::string& name) {
    constexpr mode_t mode = 0640;
    unique_fd fd(::openat(directory, name.c_str(),
                          O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!fd) {
        return last_error();
    }
    // The umask may have taken something away. To look costs less than to set.
    struct stat made {};
    const bool as_wanted = ::fstat(fd.get(), &made) == 0 && (made.st_mode & 07777U) == mode;
    if (!as_wanted && ::fchmod(fd.get(), mode) != 0) {
        const auto ec = last_error();
        ::unlinkat(directory, name.c_str(), 0);
        return ec;
    }
    return fd;
}

error_code file_calls::write(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) {
            return last_error();
        }
        bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    return {};
}

void file_calls::start_write_back(int fd) {
    ::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

error_code file_calls::sync(int fd) {
    return ::fsync(fd) == 0 ? error_code() : last_error();
}

error_code file_calls::rename(int directory, const std::string& from, const std::string& to) {
    return ::renameat(directory, from.c_str(), directory, to.c_str()) == 0 ? error_code()
                                                                           : last_error();
}

error_code file_calls::remove(int directory, const std::string& name) {
    return ::unlinkat(directory, name.c_str(), 0) == 0 ? error_code() : last_error();
}

bool file_calls::holds(int directory, const std::string& name) {
    struct stat found {};
    return ::fstatat(directory, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0
               ? S_ISREG(found.st_mode) && found.st_size > 0
               : errno != ENOENT;
}

void publish_files(file_calls& calls, std::span<file_to_publish> files) {
    for (std::size_t at = 0; at < files.size(); at += chunk_files_max) {
        const auto chunk = files.subspan(at, std::min(chunk_files_max, files.size() - at));
        for (auto& file : chunk) {
            if (file.failure) {
                continue;
            }
            write_temporary(calls, file);
            if (!file.failure && chunk.size() > 1) {  // a single file only pays twice
                calls.start_write_back(file.fd.get());
            }
        }
        for (auto& file : chunk) {
            put_in_place(calls, file);
        }
    }
    sync_directories(calls, files);
}

}  // namespace onboardd
