#include "support/recording_log.hpp"

#include <gtest/gtest.h>

namespace onboardd {
namespace {

TEST(RecordingLog, KeepsEventsWithTheirFields) {
    test::recording_log log(severity::info);
    log.debug("quiet", "dropped");
    log.warning("account_paused", "Refused", {{"account", "T12345678"}, {"status", "401"}});
    log.info("started", "Ready");
    ASSERT_EQ(log.entries().size(), 2U);
    ASSERT_EQ(log.count("account_paused"), 1U);
    const auto paused = log.of("account_paused").front();
    EXPECT_EQ(paused.level, severity::warning);
    EXPECT_EQ(paused.message, "Refused");
    EXPECT_EQ(paused.fields.at("account"), "T12345678");
    EXPECT_TRUE(log.mentions("2345"));
    EXPECT_FALSE(log.mentions("secret"));
    log.clear();
    EXPECT_EQ(log.entries().size(), 0U);
}

}  // namespace
}  // namespace onboardd
