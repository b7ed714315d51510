#pragma once

// What a person reads: times, and the provider's words without what they may repeat. Pure.

#include <string>
#include <string_view>

#include "onboardd/base/clock.hpp"

namespace onboardd::ctl {

// The provider's words, which may repeat what was sent: longer numbers and addresses of mail are
// left out.
std::string redacted(std::string_view text);

// "in 5m", "2h ago".
std::string relative(wall_time at, wall_time now);

// "5m", "2h 10m".
std::string length_of(milliseconds time);

}  // namespace onboardd::ctl
