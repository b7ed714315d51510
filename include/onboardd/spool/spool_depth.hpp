#pragma once

// How much waits in the spool, for people and metrics. A look beside the intake: it takes nothing,
// opens no file, and is bounded, so that a spool of a million files costs no more than one of ten
// thousand.

#include <cstdint>
#include <filesystem>
#include <optional>

#include "onboardd/base/clock.hpp"

namespace onboardd {

struct spool_depth {
    std::uint64_t files = 0;  // in incoming/ and its batches, unfinished ones apart; at most
                              // spool_files_max
    std::optional<wall_time>
        oldest;  // modification time of the oldest of the first spool_dated_max
};

inline constexpr std::uint64_t spool_files_max = 100'000;
inline constexpr std::uint64_t spool_dated_max = 1'000;

// `directory` holds incoming/. What cannot be read counts as empty. Blocking.
spool_depth look_at_spool(const std::filesystem::path& directory);

}  // namespace onboardd
