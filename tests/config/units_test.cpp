#include "daemon/config/units.hpp"

#include <gtest/gtest.h>

namespace onboardd::reading {
namespace {

using namespace std::chrono_literals;

TEST(Units, ReadsDurations) {
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("30s"), 30s);
    EXPECT_EQ(parse_duration("5m"), 5min);
    EXPECT_EQ(parse_duration("2h"), 2h);
    EXPECT_EQ(parse_duration("3d"), 72h);
    EXPECT_EQ(parse_duration("0s"), 0s);
    EXPECT_EQ(parse_duration("007s"), 7s);
}

TEST(Units, RefusesWhatIsNoDuration) {
    for (auto text : {"", "5", "s", "5 s", "5S", "5sec", "5min", "1.5s", "-5s", "+5s", "0x5s",
                      "5s ", " 5s", "1h30m", "5us", "5w", "5ms5", "99999999999999999999s", "1e3s"})
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(Units, RefusesADurationThatMillisecondsCannotHold) {
    EXPECT_EQ(parse_duration("9223372036854775807ms"), milliseconds::max());
    EXPECT_EQ(parse_duration("9223372036854775808ms"), std::nullopt);
    EXPECT_EQ(parse_duration("106751991167d"), milliseconds(106751991167 * 86400000));
    EXPECT_EQ(parse_duration("106751991168d"), std::nullopt);
}

TEST(Units, ReadsSizes) {
    EXPECT_EQ(parse_size("4096"), 4096u);
    EXPECT_EQ(parse_size("4096B"), 4096u);
    EXPECT_EQ(parse_size("64KiB"), 64u * 1024);
    EXPECT_EQ(parse_size("1MiB"), 1024u * 1024);
}

TEST(Units, RefusesWhatIsNoSize) {
    for (auto text : {"", "B", "1KB", "1kib", "1GiB", "1 KiB", "1.5MiB", "-1", "+1", "0x10",
                      "99999999999999999999", "8796093022208MiB"})
        EXPECT_EQ(parse_size(text), std::nullopt) << text;
}

TEST(Units, WritesWhatItReads) {
    for (auto text : {"0s", "250ms", "30s", "5m", "2h", "3d", "90s", "1500ms"})
        EXPECT_EQ(format_duration(*parse_duration(text)), text);
    for (auto text : {"0B", "1B", "64KiB", "1MiB", "1025B", "1536KiB"})
        EXPECT_EQ(format_size(*parse_size(text)), text);
}

}  // namespace
}  // namespace onboardd::reading
