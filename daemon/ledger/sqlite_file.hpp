#pragma once

// The files of the SQLite ledger, before and beside SQLite: ownership, making, and a look that
// changes nothing.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "onboardd/base/unique_fd.hpp"

namespace onboardd::sqlite {

// Makes the directory (0750) unless it is there. Its parent must be.
void make_directory(const std::filesystem::path& directory);

// After this, names that were made or renamed in `directory` survive a power cut.
void sync_directory(const std::filesystem::path& directory);

// Takes the ledger for this process, for as long as the handle lives: a lock on FILE.lock, made
// when it is missing. Throws already_owned.
unique_fd own(const std::filesystem::path& file);

// A second lock, on a byte of the ledger itself that SQLite never uses: it holds when somebody
// deletes FILE.lock, and for another path to the same file. The handle must be released after
// SQLite has closed the file, because closing any descriptor of a file drops the process's POSIX
// locks on it. Throws already_owned.
unique_fd own_contents(const std::filesystem::path& file);

// Makes an empty file, 0600. There must be none.
void make_file(const std::filesystem::path& file);

// What the first bytes of a ledger say.
struct file_header {
    std::int64_t application_id = 0;
    std::int64_t schema_version = 0;
    std::uint64_t page_bytes = 0;
    std::uint64_t bytes_expected = 0;  // by the page count in it
    std::uint64_t bytes_present = 0;
};

// nullopt: no such file. Throws config_error if it is not an SQLite database, or not a regular
// file.
std::optional<file_header> read_header(const std::filesystem::path& file);

// Durable on return. Nobody may have the file open.
void write_page_count(const std::filesystem::path& file, std::uint32_t pages);

// Drops what the kernel holds of the file in memory, unless that is still to be written: what is
// read from now on is what the disk has. Without the file, or where the kernel does not want to:
// nothing.
void forget_cached(const std::filesystem::path& file) noexcept;

std::uint64_t size_or_zero(const std::filesystem::path& file);

// Changes with every start of the kernel; empty when it cannot be known.
std::string boot_id();

// Throws config_error: "ledger FILE: " and `text`.
[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& text);

// The same for a failed system call, with errno's words behind `text`. Throws no_room instead where
// that is what failed.
[[noreturn]] void refuse_for_errno(const std::filesystem::path& file, const std::string& text);

}  // namespace onboardd::sqlite
