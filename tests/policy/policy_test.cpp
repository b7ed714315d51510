#include <gtest/gtest.h>

#include <vector>

#include "onboardd/policy/breaker.hpp"
#include "onboardd/policy/budget.hpp"
#include "onboardd/policy/limiter.hpp"
#include "onboardd/policy/retry.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;

constexpr wall_time now{std::chrono::sys_days{std::chrono::year{1994} / 11 / 6} + 8h + 49min};

TEST(RetryDelay, FollowsTheScheduleAndRepeatsItsLastStep) {
    random_source random(1);
    const std::vector<milliseconds> schedule{1s, 5s, 30s};
    const milliseconds steps[] = {1s, 5s, 30s, 30s, 30s};
    for (std::uint32_t i = 0; i < 5; ++i) {
        for (int round = 0; round < 100; ++round) {
            const auto delay = retry_delay(schedule, i, random);
            EXPECT_GE(delay, steps[i] * 8 / 10);
            EXPECT_LE(delay, steps[i] * 12 / 10);
        }
    }
}

TEST(RetryDelay, IsSpreadByJitter) {
    random_source random(1);
    const std::vector<milliseconds> schedule{10s};
    EXPECT_NE(retry_delay(schedule, 0, random), retry_delay(schedule, 0, random));
}

struct retry_after_case {
    const char* name;
    const char* value;
    std::optional<milliseconds> expected;
};

class RetryAfter : public testing::TestWithParam<retry_after_case> {};

TEST_P(RetryAfter, IsReadWithinBounds) {
    EXPECT_EQ(parse_retry_after(GetParam().value, now), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Values, RetryAfter,
    testing::Values(
        retry_after_case{"Seconds", "120", 120s}, retry_after_case{"Zero", "0", 0s},
        retry_after_case{"LeadingZeros", "007", 7s}, retry_after_case{"OneDay", "86400", 24h},
        retry_after_case{"MoreThanADay", "86401", 24h},
        retry_after_case{"LessThanADay", "86399", 86'399s},
        retry_after_case{"Overflow", "99999999999999999999999", 24h},
        retry_after_case{"ImfFixdate", "Sun, 06 Nov 1994 08:49:37 GMT", 37s},
        retry_after_case{"Rfc850", "Sunday, 06-Nov-94 08:49:37 GMT", 37s},
        retry_after_case{"Asctime", "Sun Nov  6 08:49:37 1994", 37s},
        retry_after_case{"Past", "Sun, 06 Nov 1994 08:00:00 GMT", 0s},
        retry_after_case{"FarFuture", "Sun, 06 Nov 2044 08:49:37 GMT", 24h},
        retry_after_case{"Negative", "-1", std::nullopt},
        retry_after_case{"Fraction", "1.5", std::nullopt},
        retry_after_case{"Empty", "", std::nullopt},
        retry_after_case{"Words", "soon", std::nullopt},
        retry_after_case{"Trailing", "12 s", std::nullopt},
        retry_after_case{"DateWithTail", "Sun, 06 Nov 1994 08:49:37 GMT x", std::nullopt},
        retry_after_case{"LeapSecond", "Sun, 06 Nov 1994 08:49:60 GMT", 60s},
        retry_after_case{"Rfc850InHalfACentury", "Sunday, 06-Nov-44 08:49:00 GMT", 24h},
        retry_after_case{"Rfc850BeforeHalfACentury", "Monday, 06-Nov-45 08:49:00 GMT",
                         std::nullopt},
        // Found by fuzzing: undefined behaviour in the library that read dates before.
        retry_after_case{"TimeWithASpace", "Sun, 22 Nov 2026 00:0 0:01GMT", std::nullopt},
        retry_after_case{"CutInTheTime", "Sun, 06 Nov 1994 08:4", std::nullopt},
        retry_after_case{"CutInTheName", "Su", std::nullopt},
        retry_after_case{"OtherDay", "Mon, 06 Nov 1994 08:49:37 GMT", std::nullopt},
        retry_after_case{"NoSuchDay", "Thu, 31 Nov 1994 08:49:37 GMT", std::nullopt},
        retry_after_case{"NoSuchMonth", "Sun, 06 Nox 1994 08:49:37 GMT", std::nullopt},
        retry_after_case{"NoSuchHour", "Sun, 06 Nov 1994 24:49:37 GMT", std::nullopt},
        retry_after_case{"NoSuchMinute", "Sun, 06 Nov 1994 08:60:37 GMT", std::nullopt},
        retry_after_case{"NoSuchSecond", "Sun, 06 Nov 1994 08:49:61 GMT", std::nullopt},
        retry_after_case{"LastHour", "Sun, 06 Nov 1994 23:59:00 GMT", 54'600s},
        retry_after_case{"OtherDigits", "1:", std::nullopt},
        retry_after_case{"OtherSigns", "1/", std::nullopt},
        retry_after_case{"SlashInTheDate", "Sun, 0/ Nov 1994 08:49:37 GMT", std::nullopt},
        // The tenth, were a colon a digit.
        retry_after_case{"ColonInTheDate", "Thu, 0: Nov 1994 08:49:37 GMT", std::nullopt},
        retry_after_case{"NineInTheDate", "Wed, 09 Nov 1994 09:49:37 GMT", 24h},
        retry_after_case{"NoComma", "Sun  06 Nov 1994 08:49:37 GMT", std::nullopt},
        retry_after_case{"NoSuchName", "Son, 06 Nov 1994 08:49:37 GMT", std::nullopt},
        retry_after_case{"CutInTheYear", "Sun Nov  3 08:49:37 199", std::nullopt},
        retry_after_case{"LetterInTheYear", "Sun Nov  6 08:49:37 1x94", std::nullopt},
        retry_after_case{"AsctimeWithTail", "Sun Nov  6 08:49:37 1994 GMT", std::nullopt},
        retry_after_case{"AsctimeLetterForADay", "Sun Nov  x 08:49:37 1994", std::nullopt},
        retry_after_case{"Rfc850InThePast", "Tuesday, 06-Nov-45 08:49:00 GMT", 0s},
        retry_after_case{"Rfc850ThisYear", "Sunday, 06-Nov-94 08:49:01 GMT", 1s},
        retry_after_case{"Rfc850NextCentury", "Monday, 06-Nov-00 08:49:00 GMT", 24h},
        retry_after_case{"NotGmt", "Sun, 06 Nov 1994 08:49:37 CET", std::nullopt},
        retry_after_case{"AsctimeTwoDigits", "Sun Nov 06 08:49:37 1994", 37s}),
    [](const auto& entry) { return entry.param.name; });

TEST(RetryAfterValue, IsNotReadBeyondItsEnd) {
    EXPECT_EQ(parse_retry_after(std::string_view("1209").substr(0, 3), now), 120s);
}

TEST(Breaker, StaysClosedBelowTheNumberOfFailures) {
    random_source random(1);
    breaker guard({.failures_max = 3});
    const steady_time start{};
    guard.failed(start, random);
    guard.failed(start, random);
    EXPECT_TRUE(guard.try_pass(start));
    guard.succeeded();
    guard.failed(start, random);
    guard.failed(start, random);
    EXPECT_TRUE(guard.closed());
    guard.failed(start, random);
    EXPECT_FALSE(guard.closed());
    EXPECT_FALSE(guard.try_pass(start));
}

TEST(Breaker, LetsOneProbeThroughAndDoublesItsPause) {
    random_source random(1);
    breaker guard({.failures_max = 1, .pause_min = 1s, .pause_max = 3s});
    steady_time at{};
    guard.failed(at, random);
    for (const milliseconds pause : {1s, 2s, 3s, 3s}) {
        EXPECT_GE(guard.opens_at() - at, pause * 8 / 10);
        EXPECT_LE(guard.opens_at() - at, pause * 12 / 10);
        at = guard.opens_at();
        EXPECT_TRUE(guard.try_pass(at));
        EXPECT_FALSE(guard.try_pass(at)) << "a second request beside the probe";
        EXPECT_EQ(guard.opens_at(), steady_time::max());
        guard.failed(at, random);
    }
    at = guard.opens_at();
    EXPECT_TRUE(guard.try_pass(at));
    guard.succeeded();
    EXPECT_TRUE(guard.closed());
}

TEST(Breaker, AWithdrawnProbeLetsAnotherTry) {
    random_source random(1);
    breaker guard({.failures_max = 1});
    guard.failed(steady_time{}, random);
    const auto at = guard.opens_at();
    EXPECT_TRUE(guard.try_pass(at));
    guard.withdrawn();
    EXPECT_TRUE(guard.try_pass(at));
}

TEST(Breaker, LateFailuresOfOldRequestsDoNotLengthenThePause) {
    random_source random(1);
    breaker guard({.failures_max = 1, .pause_min = 1s});
    guard.failed(steady_time{}, random);
    const auto opens = guard.opens_at();
    guard.failed(steady_time{} + 500ms, random);
    EXPECT_EQ(guard.opens_at(), opens);
}

TEST(Breaker, WhenClosedNobodyWaits) {
    random_source random(1);
    breaker guard({.failures_max = 1, .pause_min = 1s});
    EXPECT_EQ(guard.opens_at(), steady_time::min());
    guard.failed(steady_time{}, random);
    EXPECT_FALSE(guard.try_pass(guard.opens_at() - 1ns));
    EXPECT_TRUE(guard.try_pass(guard.opens_at() + 1h)) << "later than needed is good too";
    guard.succeeded();
    EXPECT_EQ(guard.opens_at(), steady_time::min());
    EXPECT_TRUE(guard.try_pass(steady_time{}));
}

TEST(Breaker, ASuccessIsTheEndOfAllFailuresBeforeIt) {
    random_source random(1);
    breaker guard({.failures_max = 2, .pause_min = 1s});
    guard.failed(steady_time{}, random);
    guard.failed(steady_time{}, random);
    EXPECT_TRUE(guard.try_pass(guard.opens_at()));
    guard.succeeded();
    guard.failed(steady_time{}, random);
    EXPECT_TRUE(guard.closed());
    guard.failed(steady_time{}, random);
    EXPECT_FALSE(guard.closed());
    EXPECT_TRUE(guard.try_pass(guard.opens_at())) << "a probe of before does not count";
}

TEST(Breaker, ItsPauseIsSpreadByAFifthAtMost) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        random_source random(seed);
        breaker guard({.failures_max = 1, .pause_min = 1s});
        guard.failed(steady_time{}, random);
        EXPECT_GE(guard.opens_at(), steady_time{} + 800ms);
        EXPECT_LE(guard.opens_at(), steady_time{} + 1200ms);
    }
}

TEST(RetryBudget, RetriesTakeTheirShareWhileFirstAttemptsWait) {
    retry_budget budget(20);
    while (budget.allows_retry()) {
        budget.retry();
    }
    int retries = 0;
    for (int i = 0; i < 1000; ++i) {
        budget.first_attempt();
        if (budget.allows_retry()) {
            budget.retry();
            ++retries;
        }
    }
    EXPECT_EQ(retries, 200);
}

TEST(RetryBudget, ZeroPercentLetsFirstAttemptsGoFirstAlways) {
    retry_budget budget(0);
    for (int i = 0; i < 10; ++i) {
        budget.retry();
    }
    budget.first_attempt();
    EXPECT_FALSE(budget.allows_retry());
}

TEST(RetryBudget, WhatIsOverdrawnIsForgiven) {
    retry_budget budget(50);
    for (int i = 0; i < 11; ++i) {
        budget.retry();
    }
    EXPECT_FALSE(budget.allows_retry());
    budget.first_attempt();
    EXPECT_FALSE(budget.allows_retry());
    budget.first_attempt();
    EXPECT_TRUE(budget.allows_retry()) << "two halves are one";
    budget.first_attempt();
    budget.retry();
    budget.first_attempt();
    EXPECT_TRUE(budget.allows_retry()) << "only one was taken";
}

TEST(RetryBudget, SavesAHundredRetriesAtMost) {
    retry_budget budget(1000);
    for (int i = 0; i < 1000; ++i) {
        budget.first_attempt();
    }
    int retries = 0;
    for (; budget.allows_retry(); ++retries) {
        budget.retry();
    }
    EXPECT_EQ(retries, 100);
}

TEST(ConcurrencyLimit, HalvesOncePerWaveAndGrowsBack) {
    concurrency_limit limit(64);
    const steady_time start{1s};
    limit.overloaded(start, start + 10ms);
    limit.overloaded(start, start + 11ms);  // started before the decrease: the same wave
    EXPECT_EQ(limit.limit(), 32u);
    limit.overloaded(start + 20ms, start + 30ms);
    EXPECT_EQ(limit.limit(), 16u);
    for (int i = 0; i < 10'000; ++i) {
        limit.succeeded();
    }
    EXPECT_EQ(limit.limit(), 64u);
}

TEST(ConcurrencyLimit, GrowsByOneWithARoundOfSuccesses) {
    concurrency_limit limit(64);
    limit.overloaded(steady_time{1s}, steady_time{1s});
    EXPECT_EQ(limit.limit(), 32u);
    for (int i = 0; i < 32; ++i) {
        limit.succeeded();
    }
    EXPECT_EQ(limit.limit(), 32u);
    limit.succeeded();
    EXPECT_EQ(limit.limit(), 33u);
}

TEST(ConcurrencyLimit, AStartAtTheMomentOfTheDecreaseIsANewWave) {
    concurrency_limit limit(64);
    limit.overloaded(steady_time{1s}, steady_time{2s});
    limit.overloaded(steady_time{2s}, steady_time{3s});
    EXPECT_EQ(limit.limit(), 16u);
}

TEST(ConcurrencyLimit, NeverFallsBelowOne) {
    concurrency_limit limit(4);
    for (int i = 1; i < 20; ++i) {
        const steady_time at{std::chrono::seconds(i)};
        limit.overloaded(at, at);
    }
    EXPECT_EQ(limit.limit(), 1u);
}

TEST(RateLimit, SpacesStartsAfterABurstOfOneSecond) {
    rate_limit rate(10.0);
    steady_time at{1h};
    int in_first_ten_seconds = 0;
    const auto end = at + 10s;
    while (at < end) {
        rate.started(at);
        ++in_first_ten_seconds;
        at = std::max(at, rate.next_start());
    }
    EXPECT_GE(in_first_ten_seconds, 100);
    EXPECT_LE(in_first_ten_seconds, 110);
}

TEST(RateLimit, TheBurstIsASecondsWorth) {
    rate_limit rate(10.0);
    EXPECT_EQ(rate.next_start(), steady_time::min());
    const steady_time at{1h};
    rate.started(at);
    EXPECT_EQ(rate.next_start(), at - 800ms);
    rate.started(at);
    EXPECT_EQ(rate.next_start(), at - 700ms);
    rate.started(at + 10s);
    EXPECT_EQ(rate.next_start(), at + 10s - 800ms) << "what was not used is not saved";
}

TEST(RateLimit, OnePerSecondHasNoBurst) {
    rate_limit rate(1.0);
    const steady_time at{1h};
    rate.started(at);
    EXPECT_EQ(rate.next_start(), at + 1s);
}

TEST(RateLimit, BelowOnePerSecondThereIsNoBurst) {
    rate_limit rate(0.5);
    const steady_time at{1h};
    rate.started(at);
    EXPECT_EQ(rate.next_start(), at + 2s);
}

TEST(RateLimit, WithoutALimitEverythingGoesAtOnce) {
    rate_limit rate(std::nullopt);
    const steady_time at{1h};
    for (int i = 0; i < 1000; ++i) {
        rate.started(at);
    }
    EXPECT_LE(rate.next_start(), at);
}

}  // namespace
}  // namespace onboardd
