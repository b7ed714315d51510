#include "onboardd/policy/retry.hpp"

#include <date/date.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string>

namespace onboardd {
namespace {

// The three forms of RFC 9110, 5.6.7: IMF-fixdate, and the obsolete ones of RFC 850 and asctime.
constexpr const char* http_date_forms[] = {"%a, %d %b %Y %T GMT", "%A, %d-%b-%y %T GMT",
                                           "%a %b %e %T %Y"};

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view value) {
    for (const char* form : http_date_forms) {
        std::istringstream stream{std::string(value)};
        std::chrono::sys_seconds time;
        stream >> date::parse(form, time);
        if (!stream.fail() && stream.peek() == std::istringstream::traits_type::eof()) {
            return time;
        }
    }
    return std::nullopt;
}

bool is_digits(std::string_view value) {
    return !value.empty() &&
           std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

milliseconds retry_delay(std::span<const milliseconds> schedule, std::uint32_t retries,
                         random_source& random) {
    const auto step = std::min<std::size_t>(retries, schedule.size() - 1);
    return jitter(schedule[step], retry_jitter, random);
}

std::optional<milliseconds> parse_retry_after(std::string_view value, wall_time now) {
    if (is_digits(value)) {
        std::int64_t seconds = 0;
        const auto parsed = std::from_chars(value.data(), value.data() + value.size(), seconds);
        if (parsed.ec == std::errc::result_out_of_range ||
            seconds > retry_after_max / std::chrono::seconds(1)) {
            return retry_after_max;
        }
        return std::chrono::seconds(seconds);
    }
    if (value.size() > 40) {
        return std::nullopt;
    }
    const auto date = parse_http_date(value);
    if (!date) {
        return std::nullopt;
    }
    return std::clamp<milliseconds>(*date - now, milliseconds(0), retry_after_max);
}

}  // namespace onboardd
