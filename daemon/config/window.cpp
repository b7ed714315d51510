#include "onboardd/config/window.hpp"

#include <date/tz.h>
#include <algorithm>

namespace onboardd {
namespace {

constexpr milliseconds one_day = std::chrono::days(1);

date::sys_info info_at(const time_window& window, wall_time at) {
    return date::locate_zone(window.zone)->get_info(std::chrono::floor<std::chrono::seconds>(at));
}

// The time since local midnight, from 0 to below one day.
milliseconds time_of_day(wall_time at, const date::sys_info& info) {
    auto since = (at.time_since_epoch() + info.offset) % one_day;
    return since < milliseconds(0) ? since + one_day : since;
}

// How long until the clock next shows `time` after `now`.
milliseconds until_shown(milliseconds now, milliseconds time) {
    return time >= now ? time - now : time - now + one_day;
}

bool contains(const time_window& window, milliseconds time) {
    if (window.from <= window.to)
        return time >= window.from && time < window.to;
    return time >= window.from || time < window.to;
}

}  // namespace

bool in_window(const time_window& window, wall_time now) {
    return contains(window, time_of_day(now, info_at(window, now)));
}

wall_time next_opening(const time_window& window, wall_time now) {
    // Between two changes of its offset a zone's clock runs evenly, so one subtraction answers; at
    // a change, look again. A stretch of a day or more always has an opening, so this ends.
    for (;;) {
        auto info = info_at(window, now);
        auto time = time_of_day(now, info);
        if (contains(window, time))
            return now;
        auto opening = now + until_shown(time, window.from);
        if (opening < info.end)
            return opening;
        now = info.end;
    }
}

}  // namespace onboardd
