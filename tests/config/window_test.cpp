// Windows across midnight and across summer time. In Europe/Oslo the clock went from 02:00 to 03:00
// on 2026-03-29 at 01:00 UTC and from 03:00 back to 02:00 on 2026-10-25 at 01:00 UTC.

#include "onboardd/config/window.hpp"

#include <gtest/gtest.h>

#include "read_values.hpp"

namespace onboardd::test {
namespace {

using namespace std::chrono_literals;
namespace chrono = std::chrono;

wall_time at(int year, unsigned month, unsigned day, milliseconds time) {
    return chrono::sys_days(chrono::year(year) / static_cast<int>(month) / static_cast<int>(day)) +
           time;
}

time_window oslo(chrono::minutes from, chrono::minutes to) {
    return {from, to, "Europe/Oslo"};
}

TEST(Window, IsOpenFromItsFirstMinuteToBeforeItsLast) {
    auto window = oslo(1h, 5h + 30min);  // in November an hour ahead of UTC
    EXPECT_FALSE(in_window(window, at(2026, 11, 22, -1ms)));
    EXPECT_TRUE(in_window(window, at(2026, 11, 22, 0h)));
    EXPECT_TRUE(in_window(window, at(2026, 11, 22, 4h + 30min - 1ms)));
    EXPECT_FALSE(in_window(window, at(2026, 11, 22, 4h + 30min)));
}

TEST(Window, CrossesMidnight) {
    auto window = oslo(22h, 5h);
    EXPECT_FALSE(in_window(window, at(2026, 11, 22, 21h - 1ms)));
    EXPECT_TRUE(in_window(window, at(2026, 11, 22, 21h)));
    EXPECT_TRUE(in_window(window, at(2026, 11, 22, 23h)));  // local midnight
    EXPECT_TRUE(in_window(window, at(2026, 11, 23, 4h - 1ms)));
    EXPECT_FALSE(in_window(window, at(2026, 11, 23, 4h)));
}

TEST(Window, EndsAtMidnight) {
    auto window = oslo(22h, 0h);
    EXPECT_TRUE(in_window(window, at(2026, 11, 22, 23h - 1ms)));
    EXPECT_FALSE(in_window(window, at(2026, 11, 22, 23h)));
}

TEST(Window, BeginsAtMidnight) {
    auto window = oslo(0h, 1h);
    EXPECT_FALSE(in_window(window, at(2026, 11, 22, 23h - 1ms)));
    EXPECT_TRUE(in_window(window, at(2026, 11, 22, 23h)));
}

TEST(Window, OpensLaterTodayOrTomorrow) {
    auto window = oslo(1h, 5h + 30min);
    EXPECT_EQ(next_opening(window, at(2026, 11, 21, 23h)), at(2026, 11, 22, 0h));
    EXPECT_EQ(next_opening(window, at(2026, 11, 22, 4h + 30min)), at(2026, 11, 23, 0h));
    EXPECT_EQ(next_opening(window, at(2026, 11, 22, 3h)), at(2026, 11, 22, 3h));
    EXPECT_EQ(next_opening(oslo(22h, 5h), at(2026, 11, 22, 12h)), at(2026, 11, 22, 21h));
}

TEST(Window, FollowsTheClockOnTheWallThroughTheYear) {
    auto window = oslo(1h, 2h);
    EXPECT_EQ(next_opening(window, at(2026, 1, 10, 12h)), at(2026, 1, 11, 0h));
    EXPECT_EQ(next_opening(window, at(2026, 7, 10, 12h)), at(2026, 7, 10, 23h));
}

TEST(Window, OpensAtTheEndOfAGapThatSwallowsItsBeginning) {
    auto window = oslo(2h + 30min, 3h + 30min);
    EXPECT_FALSE(in_window(window, at(2026, 3, 29, 1h - 1ms)));
    EXPECT_TRUE(in_window(window, at(2026, 3, 29, 1h)));
    EXPECT_EQ(next_opening(window, at(2026, 3, 29, 0h)), at(2026, 3, 29, 1h));
    EXPECT_FALSE(in_window(window, at(2026, 3, 29, 1h + 30min)));
}

TEST(Window, StaysShutOnADayWhoseGapSwallowsIt) {
    auto window = oslo(2h + 15min, 2h + 45min);
    EXPECT_EQ(next_opening(window, at(2026, 3, 29, 0h)), at(2026, 3, 30, 15min));
}

TEST(Window, OpensTwiceInTheHourThatComesTwice) {
    auto window = oslo(2h + 15min, 2h + 45min);
    EXPECT_EQ(next_opening(window, at(2026, 10, 24, 12h)), at(2026, 10, 25, 15min));
    EXPECT_EQ(next_opening(window, at(2026, 10, 25, 45min)), at(2026, 10, 25, 1h + 15min));
    EXPECT_EQ(next_opening(window, at(2026, 10, 25, 1h + 45min)), at(2026, 10, 26, 1h + 15min));
}

TEST(Window, OpensAnewWhereTheClockGoesBackIntoIt) {
    auto window = oslo(1h, 2h + 30min);
    EXPECT_FALSE(in_window(window, at(2026, 10, 25, 45min)));
    EXPECT_EQ(next_opening(window, at(2026, 10, 25, 45min)), at(2026, 10, 25, 1h));
}

TEST(Window, KnowsZonesWithoutSummerTimeAndWithOddOffsets) {
    EXPECT_EQ(next_opening({1h, 2h, "UTC"}, at(2026, 11, 22, 12h)), at(2026, 11, 23, 1h));
    EXPECT_EQ(next_opening({1h, 2h, "Asia/Kathmandu"}, at(2026, 11, 22, 12h)),
              at(2026, 11, 22, 19h + 15min));
    EXPECT_EQ(next_opening({1h, 2h, "Pacific/Kiritimati"}, at(2026, 11, 22, 12h)),
              at(2026, 11, 23, 11h));
}

// Samoa skipped the whole of 2011-12-30.
TEST(Window, KnowsADayThatNeverWas) {
    time_window window{12h, 13h, "Pacific/Apia"};
    EXPECT_EQ(next_opening(window, at(2011, 12, 30, 9h)), at(2011, 12, 30, 22h));
}

TEST(Window, WorksBeforeTheEpoch) {
    EXPECT_EQ(next_opening({1h, 2h, "UTC"}, at(1969, 12, 30, 12h)), at(1969, 12, 31, 1h));
}

// For every quarter of an hour around both changes: what next_opening() gives is open, and nothing
// before it is.
TEST(Window, OpensAtTheFirstOpenMoment) {
    for (auto zone : {"Europe/Oslo", "Australia/Lord_Howe", "America/St_Johns"}) {
        for (auto from = 0min; from < 24h; from += 45min) {
            for (auto now = at(2026, 3, 28, 12h); now < at(2026, 4, 6, 0h); now += 5h + 15min) {
                time_window window{from, (from + 20min) % (24h), zone};
                auto opening = next_opening(window, now);
                ASSERT_GE(opening, now);
                ASSERT_TRUE(in_window(window, opening));
                for (auto before = now; before < opening; before += 5min)
                    ASSERT_FALSE(in_window(window, before)) << zone << ' ' << from.count();
            }
        }
    }
}

}  // namespace
}  // namespace onboardd::test
