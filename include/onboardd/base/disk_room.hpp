#pragma once

// How much room a disk has left, and whether that is enough to begin something new.

#include <cstdint>
#include <filesystem>
#include <string>

#include "onboardd/base/error.hpp"

namespace onboardd {

// Of one file system, as an ordinary user may use it.
struct disk_room {
    std::uint64_t bytes = 0;
    std::uint64_t bytes_free = 0;
    std::uint64_t files = 0;  // 0: it has no limit of its own
    std::uint64_t files_free = 0;
};

// Blocking: a network file system may take its time.
result<disk_room> room_at(const std::filesystem::path& path);

// What must be free. Disks may be small: never more than `1 / share` of them.
struct disk_needs {
    std::uint64_t bytes = 0;
    std::uint64_t files = 0;
    std::uint64_t share = 16;
};

// What is missing on the disk of `whose` ("the ledger"), in words for the operator; empty: nothing.
// Once something was missing (`was_short`), a quarter more is wanted, so that the verdict does not
// flicker.
std::string shortage(const std::string& whose, const disk_room& room, const disk_needs& needs,
                     bool was_short);

}  // namespace onboardd
