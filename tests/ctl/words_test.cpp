// Times and foreign words as a person reads them.

#include "daemon/ctl/words.hpp"

#include <gtest/gtest.h>

namespace onboardd::ctl {
namespace {

using namespace std::chrono_literals;

const wall_time now{std::chrono::hours(24 * 365 * 50)};

TEST(Words, LengthsAreShort) {
    EXPECT_EQ(length_of(0ms), "0s");
    EXPECT_EQ(length_of(1ms), "1s");
    EXPECT_EQ(length_of(59s), "59s");
    EXPECT_EQ(length_of(60s), "1m");
    EXPECT_EQ(length_of(61s), "1m 1s");
    EXPECT_EQ(length_of(60min), "1h");
    EXPECT_EQ(length_of(130min), "2h 10m");
    EXPECT_EQ(length_of(24h), "1d");
    EXPECT_EQ(length_of(50h), "2d 2h");
    EXPECT_EQ(relative(now, now), "now");
    EXPECT_EQ(relative(now + 1s, now), "in 1s");
    EXPECT_EQ(relative(now - 1s, now), "1s ago");
}

TEST(Words, ForeignOnesLoseLongNumbersAndAddresses) {
    EXPECT_EQ(redacted(""), "");
    EXPECT_EQ(redacted("HTTP 4001, product 42"), "HTTP 4001, product 42");
    EXPECT_EQ(redacted("no 98765 and NO987654325MVA"), "no … and NO…MVA");
    EXPECT_EQ(redacted("for <kari.nordmann@example.no>: none"), "for … none");
    EXPECT_EQ(redacted("a @b c@ @"), "a @b c@ @");
}

}  // namespace
}  // namespace onboardd::ctl
