#include "onboardd/policy/retry.hpp"

#include <algorithm>
#include <charconv>

#include "daemon/policy/http_date.hpp"

namespace onboardd {
namespace {

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
    const auto date = parse_http_date(value, std::chrono::floor<std::chrono::seconds>(now));
    if (!date) {
        return std::nullopt;
    }
    return std::clamp<milliseconds>(*date - now, milliseconds(0), retry_after_max);
}

milliseconds wait_asked_for(const std::optional<std::string>& retry_after, wall_time now) {
    return retry_after ? parse_retry_after(*retry_after, now).value_or(milliseconds(0))
                       : milliseconds(0);
}

}  // namespace onboardd
