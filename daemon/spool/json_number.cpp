#include "daemon/spool/json_number.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>

namespace onboardd::spooling {
namespace {

// The significant digits of a number's text and the power of ten of the last one.
struct decimal {
    std::string digits;
    long exponent = 0;

    bool operator==(const decimal&) const = default;
};

decimal decimal_of(std::string_view text) {
    decimal value;
    std::size_t i = text.starts_with('-') ? 1 : 0;
    bool fraction = false;
    for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
        if (text[i] == '.') {
            fraction = true;
            continue;
        }
        value.digits += text[i];
        value.exponent -= fraction ? 1 : 0;
    }
    if (i < text.size()) {
        i += text[i + 1] == '+' ? 2 : 1;
        long power = 0;
        std::from_chars(text.data() + i, text.data() + text.size(), power);
        value.exponent += power;
    }
    value.digits.erase(0, std::min(value.digits.find_first_not_of('0'), value.digits.size()));
    while (value.digits.ends_with('0')) {
        value.digits.pop_back();
        ++value.exponent;
    }
    return value.digits.empty() ? decimal{} : value;
}

}  // namespace

bool survives(std::string_view text, double& value) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || !std::isfinite(value)) {
        value = 0;
        return false;
    }
    const auto digits_max = static_cast<std::size_t>(std::numeric_limits<double>::digits10);
    if (text.size() <= digits_max && std::abs(value) >= std::numeric_limits<double>::min()) {
        return true;  // so few digits always do
    }
    char buffer[32];
    const auto written =
        std::to_chars(buffer, std::end(buffer), value, std::chars_format::scientific);
    return decimal_of(text) == decimal_of({buffer, static_cast<std::size_t>(written.ptr - buffer)});
}

std::string_view shortest_number(double value, char (&buffer)[32]) {
    const auto written = std::to_chars(buffer, buffer + sizeof buffer, value);
    return {buffer, static_cast<std::size_t>(written.ptr - buffer)};
}

}  // namespace onboardd::spooling
