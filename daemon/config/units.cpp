#include "daemon/config/units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace onboardd::reading {
namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array duration_units = {unit{"ms", 1}, unit{"s", 1'000}, unit{"m", 60'000},
                                       unit{"h", 3'600'000}, unit{"d", 86'400'000}};
constexpr std::array size_units = {unit{"B", 1}, unit{"KiB", 1024}, unit{"MiB", 1024 * 1024}};

std::optional<std::uint64_t> parse_with_unit(std::string_view text, const auto& units) {
    auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    auto number = parse_digits(text.substr(0, digits));
    auto found = std::ranges::find(units, text.substr(digits), &unit::name);
    if (!number || found == units.end())
        return std::nullopt;
    if (*number > std::uint64_t{std::numeric_limits<std::int64_t>::max()} / found->factor)
        return std::nullopt;
    return *number * found->factor;
}

std::string format_with_unit(std::uint64_t value, const auto& units) {
    const auto* best = &units.front();
    for (const auto& candidate : units) {
        if (value != 0 && value % candidate.factor == 0)
            best = &candidate;
    }
    return std::to_string(value / best->factor) + std::string(best->name);
}

}  // namespace

std::optional<std::uint64_t> parse_digits(std::string_view text) {
    std::uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<milliseconds> parse_duration(std::string_view text) {
    auto value = parse_with_unit(text, duration_units);
    if (!value)
        return std::nullopt;
    return milliseconds(static_cast<milliseconds::rep>(*value));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    auto bytes = parse_digits(text);
    return bytes ? bytes : parse_with_unit(text, size_units);
}

std::string format_duration(milliseconds value) {
    return value.count() == 0
               ? "0s"
               : format_with_unit(static_cast<std::uint64_t>(value.count()), duration_units);
}

std::string format_size(std::uint64_t bytes) {
    return format_with_unit(bytes, size_units);
}

}  // namespace onboardd::reading
