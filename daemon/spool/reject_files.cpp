#include "daemon/spool/reject_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace onboardd::spooling {
namespace {

constexpr std::size_t chunk_bytes = 64 * 1024;

// The next offset from `offset` on, below `end`, that holds data; `end` if only a hole is left.
std::uint64_t next_data(int fd, std::uint64_t offset, std::uint64_t end) {
    const auto found = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
    if (found < 0) {
        return errno == ENXIO ? end : offset;  // EINVAL: a file system without holes
    }
    return std::min(static_cast<std::uint64_t>(found), end);
}

result<void> write_at(int fd, std::string_view bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const auto written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return last_error();
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
    return {};
}

}  // namespace

bool exists(int directory, const std::string& name) {
    return ::faccessat(directory, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

result<void> rename_without_replacing(int from, const std::string& old_name, int to,
                                      const std::string& new_name) {
    if (::renameat2(from, old_name.c_str(), to, new_name.c_str(), RENAME_NOREPLACE) == 0) {
        return {};
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return last_error();
    }
    if (exists(to, new_name)) {  // a file system without the flag; rejected/ is ours alone
        return make_error_code(boost::system::errc::file_exists);
    }
    if (::renameat(from, old_name.c_str(), to, new_name.c_str()) != 0) {
        return last_error();
    }
    return {};
}

result<unique_fd> create_temporary(int directory, const std::string& name) {
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    unique_fd fd(::openat(directory, name.c_str(), flags, 0640));
    if (!fd && errno == EEXIST && ::unlinkat(directory, name.c_str(), 0) == 0) {
        fd = unique_fd(::openat(directory, name.c_str(), flags, 0640));
    }
    if (!fd) {
        return last_error();
    }
    return fd;
}

result<void> write_all(int fd, std::string_view bytes) {
    return write_at(fd, bytes, 0);
}

std::string read_small(int directory, const std::string& name, std::size_t bytes_max) {
    const auto fd = open_beneath(directory, name);
    std::string bytes(bytes_max + 1, '\0');
    const auto status = fd.has_value() ? status_of(fd->get()) : result<struct stat>(fd.error());
    if (status.has_error() || !S_ISREG(status->st_mode)) {
        return {};
    }
    const auto used = read_at(fd->get(), bytes.data(), bytes.size(), 0);
    bytes.resize(used.has_value() && *used <= bytes_max ? *used : 0);
    return bytes;
}

result<void> copy_range(int from, std::uint64_t offset, std::uint64_t length, int to) {
    std::string chunk(std::min<std::uint64_t>(chunk_bytes, length), '\0');
    const auto end = offset + length;
    for (auto at = next_data(from, offset, end); at < end; at = next_data(from, at, end)) {
        const auto got =
            read_at(from, chunk.data(), std::min<std::uint64_t>(chunk.size(), end - at), at);
        if (got.has_error()) {
            return got.error();
        }
        if (*got == 0) {
            return make_error_code(boost::system::errc::io_error);  // shorter than it was
        }
        if (auto put = write_at(to, std::string_view(chunk).substr(0, *got), at - offset);
            put.has_error()) {
            return put;
        }
        at += *got;
    }
    if (::ftruncate(to, static_cast<off_t>(length)) != 0) {
        return last_error();
    }
    return {};
}

bool holds_range(int directory, const std::string& name, int from, std::uint64_t offset,
                 std::uint64_t length) {
    const auto fd = open_beneath(directory, name);
    const auto status = fd.has_value() ? status_of(fd->get()) : result<struct stat>(fd.error());
    if (status.has_error() || !S_ISREG(status->st_mode) ||
        static_cast<std::uint64_t>(status->st_size) != length) {
        return false;
    }
    std::string left(chunk_bytes, '\0');
    std::string right(chunk_bytes, '\0');
    for (std::uint64_t at = 0; at < length; at += chunk_bytes) {
        const auto size = std::min<std::uint64_t>(chunk_bytes, length - at);
        const auto one = read_at(fd->get(), left.data(), size, at);
        const auto other = read_at(from, right.data(), size, offset + at);
        if (one.has_error() || other.has_error() || *one != size || *other != size ||
            left.compare(0, size, right, 0, size) != 0) {
            return false;
        }
    }
    return true;
}

}  // namespace onboardd::spooling
