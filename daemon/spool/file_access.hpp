#pragma once

// Files of people we do not trust: everything is opened beneath a directory that is already open,
// nothing is followed, nothing blocks, and who holds a descriptor knows which file it is.

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/error.hpp"
#include "onboardd/base/unique_fd.hpp"

namespace onboardd::spooling {

// Which file it is and whether it is still what it was.
struct file_identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;

    bool operator==(const file_identity&) const = default;
};

file_identity identity_of(const struct stat& file) noexcept;
wall_time modified_at(const struct stat& file) noexcept;
wall_time status_changed_at(const struct stat& file) noexcept;

// A directory of incoming/, or incoming/ itself.
struct open_directory {
    unique_fd fd;
    std::string name;   // in incoming/; empty for incoming/ itself
    std::string batch;  // safe in a path; empty for incoming/ itself
};

using directory_ptr = std::shared_ptr<const open_directory>;

error_code last_error() noexcept;

// Never leaves `directory` and its file system, follows no link of any kind, does not wait for the
// other end of a pipe.
result<unique_fd> open_beneath(int directory, const std::string& name, int flags = 0);

// The same for a directory.
result<unique_fd> open_directory_beneath(int directory, const std::string& name);

result<struct stat> status_of(int fd);
result<struct stat> status_of(int directory, const std::string& name);  // of a link itself

// Reads up to `length` bytes at `offset`; fewer only at the end of the file.
result<std::size_t> read_at(int fd, char* to, std::size_t length, std::uint64_t offset);

// Reads the `size` bytes that a file has. resource_unavailable_try_again: it changed meanwhile.
result<void> read_whole(int fd, const file_identity& identity, std::string& bytes);

result<void> sync_file(int fd);

// The first 64 bits of the SHA-256 of `text` as 16 hexadecimal digits.
std::string short_hash(std::string_view text);

// `name` as it is where it is a reference, else what is good of it and a hash: for paths and
// commands.
std::string batch_for(std::string_view name);

}  // namespace onboardd::spooling
