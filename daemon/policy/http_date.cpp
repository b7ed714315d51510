#include "daemon/policy/http_date.hpp"

#include <algorithm>
#include <span>

namespace onboardd {
namespace {

using namespace std::chrono;

constexpr std::string_view day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view long_day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                               "Thursday", "Friday", "Saturday"};
constexpr std::string_view month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct parts {
    unsigned day_name = 0;  // 0: Sunday
    unsigned month = 0;     // from 0
    unsigned day = 0;
    unsigned year = 0;
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
};

// Goes forward over a text and remembers whether all of it was as expected.
class reader {
public:
    explicit reader(std::string_view text) : rest_(text) {}

    reader& literal(std::string_view expected) {
        good_ = good_ && rest_.starts_with(expected);
        skip(expected.size());
        return *this;
    }

    reader& digits(unsigned& value, std::size_t count) {
        good_ = good_ && rest_.size() >= count;
        value = 0;
        for (const char c : rest_.substr(0, count)) {
            good_ = good_ && c >= '0' && c <= '9';
            value = value * 10 + static_cast<unsigned char>(c - '0');
        }
        skip(count);
        return *this;
    }

    // asctime puts a space in place of a leading zero.
    reader& padded_digits(unsigned& value) {
        return rest_.starts_with(' ') ? literal(" ").digits(value, 1) : digits(value, 2);
    }

    reader& name(unsigned& index, std::span<const std::string_view> names) {
        const auto found = std::ranges::find_if(
            names, [this](std::string_view name) { return rest_.starts_with(name); });
        good_ = good_ && found != names.end();
        if (good_) {
            index = static_cast<unsigned>(found - names.begin());
            skip(names[index].size());
        }
        return *this;
    }

    reader& time_of_day(parts& into) {
        return digits(into.hour, 2)
            .literal(":")
            .digits(into.minute, 2)
            .literal(":")
            .digits(into.second, 2);
    }

    [[nodiscard]] bool complete() const { return good_ && rest_.empty(); }

private:
    void skip(std::size_t count) { rest_.remove_prefix(std::min(count, rest_.size())); }

    std::string_view rest_;
    bool good_ = true;
};

std::optional<sys_seconds> time_of(const parts& from) {
    const year_month_day date(year(static_cast<int>(from.year)), month(from.month + 1),
                              day(from.day));
    const bool exists = date.ok() && weekday(date).c_encoding() == from.day_name;
    if (!exists || from.hour > 23 || from.minute > 59 || from.second > 60) {
        return std::nullopt;
    }
    return sys_days(date) + hours(from.hour) + minutes(from.minute) + seconds(from.second);
}

bool read_with_zone(std::string_view text, parts& into, std::span<const std::string_view> days,
                    std::string_view between, std::size_t year_digits) {
    return reader(text)
        .name(into.day_name, days)
        .literal(", ")
        .digits(into.day, 2)
        .literal(between)
        .name(into.month, month_names)
        .literal(between)
        .digits(into.year, year_digits)
        .literal(" ")
        .time_of_day(into)
        .literal(" GMT")
        .complete();
}

bool read_fixdate(std::string_view text, parts& into) {
    return read_with_zone(text, into, day_names, " ", 4);
}

bool read_rfc850(std::string_view text, parts& into) {
    return read_with_zone(text, into, long_day_names, "-", 2);
}

bool read_asctime(std::string_view text, parts& into) {
    return reader(text)
        .name(into.day_name, day_names)
        .literal(" ")
        .name(into.month, month_names)
        .literal(" ")
        .padded_digits(into.day)
        .literal(" ")
        .time_of_day(into)
        .literal(" ")
        .digits(into.year, 4)
        .complete();
}

// The latest year with these two digits that is not more than 50 years ahead.
unsigned whole_year(unsigned two_digits, sys_seconds now) {
    const auto latest =
        static_cast<unsigned>(static_cast<int>(year_month_day(floor<days>(now)).year())) + 50;
    return latest - (latest - two_digits) % 100;
}

}  // namespace

std::optional<sys_seconds> parse_http_date(std::string_view text, sys_seconds now) {
    parts found;
    if (read_rfc850(text, found)) {
        found.year = whole_year(found.year, now);
        return time_of(found);
    }
    return read_fixdate(text, found) || read_asctime(text, found) ? time_of(found) : std::nullopt;
}

}  // namespace onboardd
