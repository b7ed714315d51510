#pragma once

// When to try again. Pure: times in, times out.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/random.hpp"

namespace onboardd {

// A Retry-After beyond this is cut to it: nobody sees a job that sleeps for a year.
inline constexpr milliseconds retry_after_max = std::chrono::hours(24);

inline constexpr double retry_jitter = 0.2;

// The pause before retry number `retries` (0: the first), within `retry_jitter` of its step; the
// last step repeats. `schedule` is not empty.
milliseconds retry_delay(std::span<const milliseconds> schedule, std::uint32_t retries,
                         random_source& random);

// RFC 9110, 10.2.3: seconds, or an HTTP date in any of its three forms. At most retry_after_max; a
// date in the past is zero. nullopt: the value is neither.
std::optional<milliseconds> parse_retry_after(std::string_view value, wall_time now);

// The same of an answer's field: zero where there is none, or one that means nothing.
milliseconds wait_asked_for(const std::optional<std::string>& retry_after, wall_time now);

}  // namespace onboardd
