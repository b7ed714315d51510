#include "daemon/spool/file_access.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "daemon/spool/job_checks.hpp"

namespace onboardd::spooling {
namespace {

std::int64_t nanoseconds(const timespec& time) noexcept {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

wall_time to_wall_time(const timespec& time) noexcept {
    const auto exact = std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    return wall_time(std::chrono::floor<milliseconds>(exact));
}

result<unique_fd> open_by_openat2(int directory, const std::string& name, int flags) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how);
    if (fd < 0) {
        return last_error();
    }
    return unique_fd(static_cast<int>(fd));
}

// Sandboxes such as systemd's RestrictSUIDSGID= have no openat2(), since they cannot look at its
// mode. The name of an entry goes through nothing else, so only the entry itself can lead away: by
// a link, which O_NOFOLLOW refuses, or by a mount.
result<unique_fd> open_by_openat(int directory, const std::string& name, int flags) {
    if (name == ".." || name.find('/') != std::string::npos) {
        return make_error_code(boost::system::errc::cross_device_link);
    }
    unique_fd fd(::openat(directory, name.c_str(), flags));
    struct statx found {};
    if (!fd || ::statx(fd.get(), "", AT_EMPTY_PATH, 0, &found) != 0) {
        return last_error();
    }
    if ((found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
        return make_error_code(boost::system::errc::cross_device_link);
    }
    return fd;
}

}  // namespace

file_identity identity_of(const struct stat& file) noexcept {
    return {file.st_dev, file.st_ino, static_cast<std::uint64_t>(file.st_size),
            nanoseconds(file.st_mtim)};
}

wall_time modified_at(const struct stat& file) noexcept {
    return to_wall_time(file.st_mtim);
}

wall_time status_changed_at(const struct stat& file) noexcept {
    return to_wall_time(file.st_ctim);
}

error_code last_error() noexcept {
    return {errno, boost::system::system_category()};
}

result<unique_fd> open_beneath(int directory, const std::string& name, int flags) {
    flags |= O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    for (;;) {
        auto fd = open_by_openat2(directory, name, flags);
        if (fd.has_error() && fd.error() == boost::system::errc::function_not_supported) {
            fd = open_by_openat(directory, name, flags);
        }
        // EAGAIN: something was renamed during the walk.
        if (fd.has_value() || (fd.error() != boost::system::errc::interrupted &&
                               fd.error() != boost::system::errc::resource_unavailable_try_again)) {
            return fd;
        }
    }
}

result<unique_fd> open_directory_beneath(int directory, const std::string& name) {
    return open_beneath(directory, name, O_DIRECTORY);
}

result<struct stat> status_of(int fd) {
    struct stat file {};
    if (::fstat(fd, &file) != 0) {
        return last_error();
    }
    return file;
}

result<struct stat> status_of(int directory, const std::string& name) {
    struct stat file {};
    if (::fstatat(directory, name.c_str(), &file, AT_SYMLINK_NOFOLLOW) != 0) {
        return last_error();
    }
    return file;
}

result<std::size_t> read_at(int fd, char* to, std::size_t length, std::uint64_t offset) {
    std::size_t used = 0;
    while (used < length) {
        const auto got = ::pread(fd, to + used, length - used, static_cast<off_t>(offset + used));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return last_error();
        }
        if (got == 0) {
            break;
        }
        used += static_cast<std::size_t>(got);
    }
    return used;
}

result<void> read_whole(int fd, const file_identity& identity, std::string& bytes) {
    bytes.resize(identity.size + 1);  // one more than there should be: reading it shows growth
    const auto used = read_at(fd, bytes.data(), bytes.size(), 0);
    if (used.has_error()) {
        return used.error();
    }
    bytes.resize(*used);
    const auto after = status_of(fd);
    if (after.has_error()) {
        return after.error();
    }
    if (*used != identity.size || identity_of(*after) != identity) {
        return make_error_code(boost::system::errc::resource_unavailable_try_again);
    }
    return {};
}

result<void> sync_file(int fd) {
    if (::fsync(fd) != 0) {
        return last_error();
    }
    return {};
}

std::string short_hash(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::array<unsigned char, 32> hash{};
    EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
    std::string digits;
    for (std::size_t i = 0; i < 8; ++i) {
        digits += hex[hash[i] >> 4];
        digits += hex[hash[i] & 0xf];
    }
    return digits;
}

std::string batch_for(std::string_view name) {
    if (is_reference(name)) {
        return std::string(name);
    }
    constexpr std::size_t kept_bytes_max = 40;
    std::string batch;
    for (const char byte : name.substr(0, kept_bytes_max)) {
        batch += is_reference(std::string_view(&byte, 1)) || (!batch.empty() && byte == '.') ? byte
                                                                                             : '_';
    }
    if (!is_reference(batch)) {
        batch.insert(0, "batch");
    }
    return batch + "-" + short_hash(name);
}

}  // namespace onboardd::spooling
