#pragma once

// The dates of HTTP. A reader of our own, because the text comes from a peer: date::parse()
// computes with members that it has not read where a text ends or goes wrong within the time of
// day.

#include <chrono>
#include <optional>
#include <string_view>

namespace onboardd {

// RFC 9110, 5.6.7: IMF-fixdate, and the obsolete forms of RFC 850 and asctime, each as it is
// written there and nothing around it. Two digits of a year mean the one that is at most 50 years
// after `now`. nullopt: none of the three, or a date that does not exist.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text,
                                                        std::chrono::sys_seconds now);

}  // namespace onboardd
