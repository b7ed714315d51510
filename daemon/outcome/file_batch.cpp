#include "daemon/outcome/file_batch.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <vector>

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

using files_there = std::vector<file_to_publish*>;

// Those without a failure. All outcomes are in one file system, unless an operator has mounted
// another one for an account.
std::map<dev_t, files_there> by_file_system(file_calls& calls, std::span<file_to_publish> files) {
    std::map<const unique_fd*, result<dev_t>> devices;
    std::map<dev_t, files_there> found;
    for (auto& file : files) {
        if (file.failure) {
            continue;
        }
        const auto* const directory = file.directory.get();
        const auto known = devices.find(directory);
        const auto& device =
            known != devices.end()
                ? known->second
                : devices.emplace(directory, calls.device(directory->get())).first->second;
        if (device) {
            found[*device].push_back(&file);
        } else {
            file.failure = device.error();
        }
    }
    return found;
}

void write_each(file_calls& calls, const files_there& files, bool together) {
    for (auto* const file : files) {
        write_temporary(calls, *file);
        // A single file only pays twice, and the file system does it better for many.
        if (!file->failure && !together && files.size() > 1) {
            calls.start_write_back(file->fd.get());
        }
    }
}

// A file whose sync failed is never renamed, nor synced again by itself: the kernel reports a lost
// page once only.
void sync_each(file_calls& calls, const files_there& files) {
    for (auto* const file : files) {
        if (!file->failure) {
            file->failure = calls.sync(file->fd.get());
        }
    }
}

// Through the descriptor that was opened first, so before any of these bytes could fail. False: it
// was not done, or failed, maybe for what others lost; an fsync() of each file tells its own fate.
bool sync_together(file_calls& calls, sync_choice& choice, const files_there& files) {
    const auto first = std::ranges::find_if(files, [](const auto* file) { return !file->failure; });
    const auto turn = choice.turn();
    const auto began = calls.now();
    if (first == files.end() || !turn.owns_lock() || !choice.together(files.size(), began)) {
        return false;
    }
    const auto failure = calls.sync_file_system((*first)->fd.get());
    const auto ended = calls.now();
    choice.went(!failure, ended - began, ended);
    return !failure;
}

void look_at_each(file_calls& calls, const files_there& files) {
    for (auto* const file : files) {
        if (!file->failure) {
            file->failure = calls.bytes_on_disk(file->fd.get());
        }
    }
}

void put_in_place(file_calls& calls, file_to_publish& file) {
    file.fd.reset();
    if (!file.failure) {
        file.failure = calls.rename(file.directory->get(), file.temporary, file.name);
    }
    if (file.failure && !file.temporary.empty()) {
        calls.remove(file.directory->get(),
                     file.temporary);  // what stays is removed at the next start
    }
}

void publish_there(file_calls& calls, sync_choice& choice, const files_there& files) {
    const bool well_known = calls.is_well_known(files.front()->directory->get());
    const bool together = well_known && choice.together(files.size(), calls.now());
    write_each(calls, files, together);
    if (!together || !sync_together(calls, choice, files)) {
        sync_each(calls, files);
    }
    if (well_known) {
        look_at_each(calls, files);
    }
    for (auto* const file : files) {
        put_in_place(calls, *file);
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

result<dev_t> file_calls::device(int fd) {
    struct stat found {};
    if (::fstat(fd, &found) != 0) {
        return last_error();
    }
    return found.st_dev;
}

bool file_calls::is_well_known(int fd) {
    struct statfs found {};
    return ::fstatfs(fd, &found) == 0 &&
           (found.f_type == EXT4_SUPER_MAGIC || found.f_type == XFS_SUPER_MAGIC ||
            found.f_type == BTRFS_SUPER_MAGIC);
}

error_code file_calls::sync_file_system(int fd) {
    return ::syncfs(fd) == 0 ? error_code() : last_error();
}

error_code file_calls::bytes_on_disk(int fd) {
    constexpr unsigned all =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    struct stat found {};
    if (::sync_file_range(fd, 0, 0, all) != 0 || ::fstat(fd, &found) != 0) {
        return last_error();
    }
    return found.st_size > 0 && found.st_blocks == 0
               ? make_error_code(boost::system::errc::io_error)
               : error_code();
}

std::chrono::steady_clock::time_point file_calls::now() {
    return std::chrono::steady_clock::now();
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

void publish_files(file_calls& calls, sync_choice& choice, std::span<file_to_publish> files) {
    for (std::size_t at = 0; at < files.size(); at += chunk_files_max) {
        const auto chunk = files.subspan(at, std::min(chunk_files_max, files.size() - at));
        for (const auto& [device, there] : by_file_system(calls, chunk)) {
            publish_there(calls, choice, there);
        }
    }
    sync_directories(calls, files);
}

void publish_file(file_calls& calls, file_to_publish& file) {
    sync_choice choice;
    publish_files(calls, choice, std::span(&file, 1));
}

}  // namespace onboardd
