#include "onboardd/base/steadied_wall.hpp"

#include <gtest/gtest.h>

namespace onboardd {
namespace {

using namespace std::chrono_literals;

class SteadiedWall : public testing::Test {
protected:
    // Time passes; the machine's clock shows it, and what it was set by. Returns how far ours is
    // behind.
    milliseconds behind_after(milliseconds passed) {
        boot += passed;
        machine += passed;
        return machine - subject.look(machine, boot);
    }

    boot_time boot{std::chrono::hours(5)};
    wall_time machine{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};
    const wall_time start = machine;
    steadied_wall subject{machine, boot};
};

TEST_F(SteadiedWall, RunsWithTheMachine) {
    EXPECT_EQ(behind_after(0ms), 0ms);
    EXPECT_EQ(behind_after(1s), 0ms);
    EXPECT_EQ(behind_after(24h), 0ms) << "the machine slept; the boot clock did not";
    EXPECT_EQ(subject.jump(), 0ms);
    EXPECT_EQ(subject.trusted_since(), start);
}

TEST_F(SteadiedWall, FollowsSmallCorrections) {
    for (int i = 0; i < 100; ++i) {
        machine += 900ms;
        EXPECT_EQ(behind_after(1s), 0ms);
    }
    machine -= 1500ms;
    EXPECT_EQ(behind_after(1s), 0ms);
    EXPECT_EQ(subject.trusted_since(), start);
}

TEST_F(SteadiedWall, AJumpThatIsTakenBackNeverHappened) {
    for (const milliseconds jump : {milliseconds(1h), milliseconds(-2h), milliseconds(100'000h)}) {
        machine += jump;
        EXPECT_EQ(behind_after(5s), jump);
        EXPECT_EQ(subject.jump(), jump);
        EXPECT_EQ(behind_after(14min), jump);
        machine -= jump;
        EXPECT_EQ(behind_after(5s), 0ms);
        EXPECT_EQ(subject.jump(), 0ms);
    }
    EXPECT_EQ(subject.trusted_since(), start);
}

TEST_F(SteadiedWall, AJumpThatLastsIsBelieved) {
    machine += 1h;
    EXPECT_EQ(behind_after(1s), 1h);
    EXPECT_EQ(behind_after(steadied_wall::believed_after - 1ms), 1h);
    EXPECT_EQ(subject.trusted_since(), start);
    EXPECT_EQ(behind_after(1ms), 0ms);
    EXPECT_EQ(subject.jump(), 0ms);
    EXPECT_EQ(subject.trusted_since(), machine) << "differences do not reach back over it";
    EXPECT_EQ(behind_after(1s), 0ms);
}

TEST_F(SteadiedWall, EveryJumpHasToLastByItself) {
    machine += 1h;
    EXPECT_EQ(behind_after(1s), 1h);
    EXPECT_EQ(behind_after(10min), 1h);
    machine += 1h;
    EXPECT_EQ(behind_after(10min), 2h);
    EXPECT_EQ(behind_after(10min), 2h);
    EXPECT_EQ(behind_after(5min), 0ms);
}

}  // namespace
}  // namespace onboardd
