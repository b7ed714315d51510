#include <gtest/gtest.h>

#include <random>

#include "onboardd/base/clock.hpp"

namespace onboardd {
namespace {

wall_time at(std::int64_t milliseconds_since_1970) {
    return wall_time(milliseconds(milliseconds_since_1970));
}

TEST(SystemClock, BootTimeRunsWithSteadyTimeWhileNobodySleeps) {
    const auto time = make_system_clock();
    const auto boot = time->boot_now();
    const auto steady = time->now();
    EXPECT_LE(boot, time->boot_now());
    EXPECT_GE(boot.time_since_epoch() + std::chrono::minutes(1), steady.time_since_epoch())
        << "steady time counts from the same moment and can only fall behind";
}

TEST(Rfc3339, ReadsEveryFormOfADateTime) {
    struct row {
        const char* text;
        std::int64_t expected;
    };
    const row rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22T01:04:05Z", 1'795'309'445'000},
        {"2026-11-22t01:04:05z", 1'795'309'445'000},
        {"2026-11-22T01:04:05.1Z", 1'795'309'445'100},
        {"2026-11-22T01:04:05.12Z", 1'795'309'445'120},
        {"2026-11-22T01:04:05.123Z", 1'795'309'445'123},
        {"2026-11-22T01:04:05.1239Z", 1'795'309'445'123},
        {"2026-11-22T01:04:05.999999999999999999999999999999Z", 1'795'309'445'999},
        {"1969-12-31T23:59:59.9999Z", -1},
        {"2026-11-22T01:04:05+01:00", 1'795'305'845'000},
        {"2026-11-22T01:04:05-05:30", 1'795'329'245'000},
        {"2026-11-22T01:04:05+23:59", 1'795'223'105'000},
        {"2026-11-22T01:04:05-23:59", 1'795'395'785'000},
        {"2026-11-22T01:04:05-00:00", 1'795'309'445'000},
        {"2026-11-22T01:04:05+00:00", 1'795'309'445'000},
        {"2016-12-31T23:59:60Z", 1'483'228'799'999},
        {"2016-12-31T23:59:60.5Z", 1'483'228'799'999},
        {"2017-01-01T00:59:60+01:00", 1'483'228'799'999},
        {"2000-02-29T00:00:00Z", 951'782'400'000},
        {"2024-02-29T23:59:59Z", 1'709'251'199'000},
        {"0000-01-01T00:00:00Z", -62'167'219'200'000},
        {"0000-02-29T00:00:00Z", -62'162'121'600'000},
        {"2262-04-11T23:47:17Z", 9'223'372'037'000},  // where nanoseconds since 1970 end
        {"2263-01-01T00:00:00Z", 9'246'182'400'000},
        {"9999-12-31T23:59:59.999Z", 253'402'300'799'999},
    };
    for (const auto& row : rows) {
        const auto time = parse_rfc3339(row.text);
        ASSERT_TRUE(time) << row.text;
        EXPECT_EQ(time->time_since_epoch().count(), row.expected) << row.text;
    }
}

TEST(Rfc3339, RefusesEverythingElse) {
    const char* const rows[] = {
        "",
        "2026",
        "2026-11-22",
        "01:04:05Z",
        "2026-11-22T01:04:05",   // local time of an unknown place
        "2026-11-22T01:04Z",     // seconds are not optional
        "2026-11-22 01:04:05Z",  // RFC 3339 allows it among friends only
        "2026-11-22T01:04:05,5Z",
        "2026-11-22T01:04:05.Z",
        "2026-11-22T01:04:05.+01:00",
        "2026-11-22T01:04:05Z ",
        " 2026-11-22T01:04:05Z",
        "2026-11-22T01:04:05ZZ",
        "2026-11-22T01:04:05Z+01:00",
        "2026-11-22T01:04:05+01",
        "2026-11-22T01:04:05+0100",
        "2026-11-22T01:04:05+1:00",
        "2026-11-22T01:04:05+24:00",
        "2026-11-22T01:04:05+01:60",
        "2026-11-22T01:04:05+-1:00",
        "2026-11-22T01:04:05+01:00:00",
        "2026-11-22T24:00:00Z",
        "2026-11-22T23:60:00Z",
        "2026-11-22T23:59:61Z",
        "2026-00-22T01:04:05Z",
        "2026-13-22T01:04:05Z",
        "2026-11-00T01:04:05Z",
        "2026-11-31T01:04:05Z",
        "2026-02-29T01:04:05Z",
        "1900-02-29T01:04:05Z",
        "2026-1-22T01:04:05Z",
        "26-11-22T01:04:05Z",
        "12026-11-22T01:04:05Z",
        "-026-11-22T01:04:05Z",
        "+2026-11-22T01:04:05Z",
        "2026-11-22T1:04:05Z",
        "2026-11-22T01:04:5Z",
        "2026/11/22T01:04:05Z",
        "2026-11-22T01.04.05Z",
        "2026-W47-7T01:04:05Z",
        "2026-11-2\xD9\xA2T01:04:05Z",     // an Arabic digit
        "2026-11-22T01:04:05\u221201:00",  // a typographic minus
    };
    for (const auto* row : rows) {
        EXPECT_FALSE(parse_rfc3339(row)) << row;
    }
    EXPECT_FALSE(parse_rfc3339(std::string_view("2026-11-22T01:04:05Z\0", 21)));
}

TEST(Rfc3339, WritesMillisecondsOnlyWhereTheyAreNotZero) {
    EXPECT_EQ(format_rfc3339(at(0)), "1970-01-01T00:00:00Z");
    EXPECT_EQ(format_rfc3339(at(1'795'309'445'000)), "2026-11-22T01:04:05Z");
    EXPECT_EQ(format_rfc3339(at(1'795'309'445'120)), "2026-11-22T01:04:05.120Z");
    EXPECT_EQ(format_rfc3339(at(1'795'309'445'007)), "2026-11-22T01:04:05.007Z");
    EXPECT_EQ(format_rfc3339(at(-1)), "1969-12-31T23:59:59.999Z");
    EXPECT_EQ(format_rfc3339(at(951'782'400'000)), "2000-02-29T00:00:00Z");
}

TEST(Rfc3339, WritesTheNearestMomentThatHasAYearOfFourDigits) {
    EXPECT_EQ(format_rfc3339(at(-62'167'219'200'000)), "0000-01-01T00:00:00Z");
    EXPECT_EQ(format_rfc3339(at(-62'167'219'200'001)), "0000-01-01T00:00:00Z");
    EXPECT_EQ(format_rfc3339(at(253'402'300'799'999)), "9999-12-31T23:59:59.999Z");
    EXPECT_EQ(format_rfc3339(at(253'402'300'800'000)), "9999-12-31T23:59:59.999Z");
    EXPECT_EQ(format_rfc3339(wall_time::max()), "9999-12-31T23:59:59.999Z");
    EXPECT_EQ(format_rfc3339(wall_time::min()), "0000-01-01T00:00:00Z");
}

TEST(Rfc3339, ReadsWhatItWrites) {
    std::mt19937_64 random(1);
    std::uniform_int_distribution<std::int64_t> any(-62'167'219'200'000, 253'402'300'799'999);
    for (int i = 0; i < 20'000; ++i) {
        const auto time = at(any(random));
        ASSERT_EQ(parse_rfc3339(format_rfc3339(time)), time) << time.time_since_epoch().count();
    }
}

TEST(Rfc3339, SurvivesAnyChangeOfOneByte) {
    const std::string good = "2026-11-22T01:04:05.123+01:00";
    for (std::size_t i = 0; i < good.size(); ++i) {
        EXPECT_FALSE(parse_rfc3339(std::string_view(good).substr(0, i))) << "cut at " << i;
        for (int byte = 0; byte < 256; ++byte) {
            auto text = good;
            text[i] = static_cast<char>(byte);
            const auto time = parse_rfc3339(text);  // mostly none; where one, it must be sane
            if (time) {
                EXPECT_EQ(parse_rfc3339(format_rfc3339(*time)), time) << text;
            }
        }
    }
}

}  // namespace
}  // namespace onboardd
