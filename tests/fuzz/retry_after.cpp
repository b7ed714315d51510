#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>

#include "onboardd/policy/retry.hpp"
#include "tests/fuzz/target.hpp"

namespace onboardd::fuzz {
namespace {

constexpr std::chrono::sys_seconds now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} +
                                       std::chrono::hours(1)};

void check_bounds(std::string_view value) {
    const auto wait = parse_retry_after(value, now);
    promise(!wait || (*wait >= milliseconds(0) && *wait <= retry_after_max), "out of bounds");
    const bool digits =
        !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    promise(!digits || wait.has_value(), "seconds that are not understood");
    if (digits && value.size() <= 9) {
        const auto seconds = std::chrono::seconds(std::stol(std::string(value)));
        promise(*wait == std::min<milliseconds>(seconds, retry_after_max), "not these seconds");
    }
}

// The date `offset` seconds from now in each form of RFC 9110, and what must be read from it.
void check_dates(std::int32_t offset) {
    const auto time = now + std::chrono::seconds(offset);
    const std::time_t stamp = time.time_since_epoch().count();
    std::tm parts{};
    gmtime_r(&stamp, &parts);
    const auto expected = std::clamp<milliseconds>(time - now, milliseconds(0), retry_after_max);
    for (const char* form :
         {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
        char text[64];
        std::strftime(text, sizeof text, form, &parts);
        promise(parse_retry_after(text, now) == expected, "a date that is read wrongly");
    }
}

}  // namespace

void retry_after(std::string_view bytes) {
    check_bounds(bytes);
    if (bytes.size() >= 4) {
        std::uint32_t number = 0;
        for (const char byte : bytes.substr(0, 4)) {
            number = number << 8U | static_cast<unsigned char>(byte);
        }
        // Within 19 years: two digits of a year say no more.
        check_dates(static_cast<std::int32_t>(number % 1'200'000'000U) - 600'000'000);
    }
}

}  // namespace onboardd::fuzz
