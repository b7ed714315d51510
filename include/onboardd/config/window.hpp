#pragma once

// When an account's window is open. Pure but for the system's time zone data; right across midnight
// and across changes to and from summer time: the window follows what a clock on the wall of that
// zone shows. An hour that is skipped in spring does not open it, an hour that comes twice in
// autumn opens it twice.

#include "onboardd/base/clock.hpp"
#include "onboardd/config/config.hpp"

namespace onboardd {

// Whether the window is open at `now`: from its first minute up to, not including, its last. Throws
// std::runtime_error if the zone is gone from the system; parse_config() has checked that it is
// there.
bool in_window(const time_window& window, wall_time now);

// The first moment at or after `now` at which the window is open: `now` itself where it is.
wall_time next_opening(const time_window& window, wall_time now);

}  // namespace onboardd
