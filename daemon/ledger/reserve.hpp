#pragma once

// Room on the ledger's disk that is taken while there is plenty and used when there is none.
//
// Three pieces, for the three ways in which a full disk would stop a commit: a file that can be
// removed (bytes and an inode for whatever needs them), blocks for the log so that commits write
// into what is theirs already, and the pages of the log's index, whose growth must not fail because
// it comes after the commit (see failure::found_no_room()).

#include <cstdint>
#include <filesystem>

#include "onboardd/base/unique_fd.hpp"

namespace onboardd::sqlite {

// No piece takes more than this share of its file system: disks may be small.
inline constexpr std::uint64_t reserve_share = 16;

class reserve {
public:
    // `file` is the ledger. Takes nothing yet.
    reserve(const std::filesystem::path& file, std::uint64_t bytes_max);

    // Takes the room, if there is twice as much; nothing to do where it is taken. True: it is
    // taken, or the file system cannot do that.
    bool take();

    // Gives it back to the disk. True: there was some.
    bool release() noexcept;

    // Keeps blocks for the log, if there is room. To be called again when the log was cut.
    void keep_log_blocks();

private:
    std::filesystem::path file_;
    std::filesystem::path name_;
    std::uint64_t bytes_;
};

// Makes the log's index as large as it will ever be with a log of ordinary size. The handle must be
// released after SQLite has closed the file, because closing any descriptor of the index drops the
// process's POSIX locks on it. Empty where that is not possible.
unique_fd keep_log_index(const std::filesystem::path& file);

}  // namespace onboardd::sqlite
