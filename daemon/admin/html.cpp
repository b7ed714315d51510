#include "daemon/admin/html.hpp"

#include <cmath>
#include <cstdio>

#include "onboardd/base/log.hpp"

namespace onboardd::admin::html {
namespace {

constexpr std::size_t foreign_bytes_max = 512;

template <class... Values>
std::string printed(const char* format, Values... values) {
    char out[64];
    std::snprintf(out, sizeof out, format, values...);
    return out;
}

}  // namespace

std::string text(std::string_view foreign) {
    std::string out;
    for (const char byte : printable(foreign, foreign_bytes_max)) {
        switch (byte) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += byte;
        }
    }
    return out;
}

std::string count(std::uint64_t number) {
    auto digits = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), ",");
    }
    return digits;
}

std::string rate(double per_second) {
    if (per_second < 9.95) {
        return printed("%.1f", per_second);
    }
    return count(static_cast<std::uint64_t>(std::llround(per_second)));
}

std::string duration(std::chrono::seconds time) {
    const auto seconds = static_cast<long long>(time.count());
    if (seconds < 60) {
        return printed("%lld s", seconds);
    }
    const auto minutes = (seconds + 30) / 60;
    if (minutes < 60) {
        return printed("%lld min", minutes);
    }
    if (minutes < 24 * 60) {
        return printed("%lld h %02lld min", minutes / 60, minutes % 60);
    }
    return printed("%lld d %lld h", minutes / (24 * 60), minutes / 60 % 24);
}

std::string time(wall_time at, wall_time now) {
    const auto exact = format_rfc3339(std::chrono::floor<std::chrono::seconds>(at));
    const bool today = exact.substr(0, 10) == format_rfc3339(now).substr(0, 10);
    return "<time datetime=\"" + exact + "\">" + (today ? "" : exact.substr(0, 10) + ' ') +
           exact.substr(11, 5) + "</time>";
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) {
        return "0&nbsp;%";
    }
    const double share = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    return printed("%d&nbsp;%%", static_cast<int>(share));
}

}  // namespace onboardd::admin::html
