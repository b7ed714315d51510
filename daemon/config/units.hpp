#pragma once

// Durations and sizes as they are written in the configuration.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace onboardd::reading {

using std::chrono::milliseconds;

inline constexpr std::string_view duration_form = "a whole number with a unit: ms, s, m, h or d";
inline constexpr std::string_view size_form =
    "a whole number of bytes, or with a unit: B, KiB or MiB";

// 250ms, 30s, 5m, 2h, 3d. nullopt: not of this form, or beyond what milliseconds can hold.
std::optional<milliseconds> parse_duration(std::string_view text);

// 4096, 4096B, 64KiB, 1MiB.
std::optional<std::uint64_t> parse_size(std::string_view text);

// In the largest unit that leaves a whole number.
std::string format_duration(milliseconds value);
std::string format_size(std::uint64_t bytes);

// A number of decimal digits only. nullopt: anything else, or too large.
std::optional<std::uint64_t> parse_digits(std::string_view text);

}  // namespace onboardd::reading
