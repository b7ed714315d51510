#include "daemon/base/flood_gate.hpp"

#include <gtest/gtest.h>

#include "daemon/base/log_sinks.hpp"
#include "support/recording_log.hpp"

namespace onboardd::test {
namespace {

using namespace std::chrono_literals;

// Owned by a test, written to by the logger in front of it.
class forward_log final : public logger {
public:
    explicit forward_log(recording_log& to) : to_(to) {}
    void write(severity level, std::string_view event, std::string_view message,
               std::span<const log_field> fields) override {
        to_.write(level, event, message, fields);
    }
    bool enabled(severity level) const override { return to_.enabled(level); }

private:
    recording_log& to_;
};

class QuietLogger : public testing::Test {
protected:
    void flood(int events, const char* event = "job_file_rejected", const char* account = "T1") {
        for (int i = 0; i < events; ++i) {
            subject->warning(event, "no job", {{"account", account}, {"job", std::to_string(i)}});
        }
    }

    steady_time now{1h};
    recording_log seen;
    std::unique_ptr<logger> subject =
        make_quiet_logger(std::make_unique<forward_log>(seen), [this] { return now; });
};

TEST_F(QuietLogger, WritesTheFirstOnesAndThenTheirNumber) {
    flood(1050);
    EXPECT_EQ(seen.count("job_file_rejected"), flood_gate::free_events);
    now += flood_gate::window;
    subject->info("started", "at work");
    ASSERT_EQ(seen.count("log_flood"), 1u);
    const auto told = seen.of("log_flood")[0];
    EXPECT_EQ(told.level, severity::warning);
    EXPECT_EQ(told.fields.at("of"), "job_file_rejected");
    EXPECT_EQ(told.fields.at("events"), "1000");
    EXPECT_EQ(told.fields.at("account"), "T1");
    flood(1);
    EXPECT_EQ(seen.count("job_file_rejected"), flood_gate::free_events + 1) << "a new window";
}

TEST_F(QuietLogger, KeepsKindsApart) {
    flood(1000);
    flood(1, "job_file_rejected", "T2");
    flood(1, "account_paused");
    EXPECT_EQ(seen.count("account_paused"), 1u);
    EXPECT_EQ(seen.of("job_file_rejected").back().fields.at("account"), "T2");
}

TEST_F(QuietLogger, LeavesNothingOutOfWhatIsAskedForByDebug) {
    for (int i = 0; i < 1000; ++i) {
        subject->debug("job_moved", "created");
    }
    EXPECT_EQ(seen.count("job_moved"), 1000u);
}

TEST_F(QuietLogger, LeavesNothingOutOfWhatOperatorsDo) {
    flood(1000, "operator");
    EXPECT_EQ(seen.count("operator"), 1000u);
}

TEST_F(QuietLogger, TellsAtTheEndWhatItHasNotToldYet) {
    flood(60);
    subject.reset();
    ASSERT_EQ(seen.count("log_flood"), 1u);
    EXPECT_EQ(seen.of("log_flood")[0].fields.at("events"), "10");
}

TEST_F(QuietLogger, SaysNothingOfAFewEvents) {
    flood(50);
    now += 10 * flood_gate::window;
    subject.reset();
    EXPECT_EQ(seen.count("log_flood"), 0u);
}

TEST(FloodGate, IsBounded) {
    flood_gate gate;
    for (int i = 0; i < 10'000; ++i) {
        EXPECT_TRUE(gate.pass(severity::info, "event", std::to_string(i), steady_time(1h)));
    }
    EXPECT_TRUE(gate.take_ended(steady_time(1h)).empty());
}

TEST(MessageId, IsThereForWhatPeopleWakeUpFor) {
    EXPECT_EQ(message_id_of("ledger_failed"), "dbfe393b9ae34e1dabb26fc62b0da675");
    EXPECT_EQ(message_id_of("job_moved"), "");
    EXPECT_EQ(message_id_of(""), "");
    EXPECT_EQ(message_id_of("zzz"), "");
}

}  // namespace
}  // namespace onboardd::test
