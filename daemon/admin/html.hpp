#pragma once

// Words and numbers as they stand on the page.

#include <cstdint>
#include <string>
#include <string_view>

#include "onboardd/base/clock.hpp"

namespace onboardd::admin::html {

// Safe as text and in a quoted attribute; control bytes and bad UTF-8 as \xNN.
std::string text(std::string_view foreign);

// 1234567 as "1,234,567".
std::string count(std::uint64_t number);

// "0.4", "12", "1,234".
std::string rate(double per_second);

// "45 s", "12 min", "3 h 05 min", "2 d 4 h".
std::string duration(std::chrono::seconds time);

// A <time> element: "01:05", with its date where that is not the day of `now`; UTC.
std::string time(wall_time at, wall_time now);

std::string percent(std::uint64_t part, std::uint64_t whole);

}  // namespace onboardd::admin::html
