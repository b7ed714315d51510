#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <fstream>

#include "tests/spool/spool_fixture.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;
using names_type = std::vector<std::string>;

// changed() with run() beside it; time moves only by hand.
class SpoolWakeTest : public test::SpoolTest {
protected:
    ~SpoolWakeTest() override {
        stop_.emit(asio::cancellation_type::terminal);
        stop_changed_.emit(asio::cancellation_type::terminal);
        loop.restart();
        loop.poll();
    }

    void start() {
        open();
        asio::co_spawn(
            loop, files->run(),
            asio::bind_cancellation_slot(stop_.slot(), [](const std::exception_ptr&) {}));
        settle_down();
    }

    void begin_waiting() {
        woken_ = false;
        asio::co_spawn(loop, files->changed(),
                       asio::bind_cancellation_slot(stop_changed_.slot(),
                                                    [this](const std::exception_ptr& failure) {
                                                        woken_ = failure == nullptr;
                                                    }));
        settle_down();
    }

    // Runs what is ready; inotify's events are, as soon as the call that caused them returned.
    void settle_down() {
        loop.restart();
        while (loop.poll() > 0) {
        }
    }

    bool woken_after(milliseconds wait) {
        time.advance(wait);
        settle_down();
        return woken_;
    }

    asio::cancellation_signal stop_;
    asio::cancellation_signal stop_changed_;
    bool woken_ = false;
};

TEST_F(SpoolWakeTest, WhatIsThereAtTheStartIsToldAtOnceAndOnlyOnce) {
    start();
    begin_waiting();
    EXPECT_TRUE(woken_);
    begin_waiting();
    EXPECT_FALSE(woken_after(59s));
    EXPECT_TRUE(woken_after(1s));
}

TEST_F(SpoolWakeTest, AnEventWakesAfterSettle) {
    start();
    take_all();
    begin_waiting();
    EXPECT_FALSE(woken_after(10s));
    put("a.json", job());
    settle_down();
    EXPECT_FALSE(woken_after(999ms));
    EXPECT_TRUE(woken_after(1ms));
}

TEST_F(SpoolWakeTest, ARenameWakesAndALaterEventDoesNotPostponeIt) {
    put(".a", job());
    start();
    take_all();
    begin_waiting();
    std::filesystem::rename(incoming(".a"), incoming("a.json"));
    settle_down();
    EXPECT_FALSE(woken_after(600ms));
    put("b.json", job());
    settle_down();
    EXPECT_TRUE(woken_after(400ms));
}

// The kernel drops events beyond max_queued_events while nobody reads them: what is there counts,
// not what was told.
TEST_F(SpoolWakeTest, AnOverflowOfTheQueueLosesNoFile) {
    std::size_t queue_max = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> queue_max;
    if (queue_max == 0 || queue_max > 100'000) {
        GTEST_SKIP() << "max_queued_events is " << queue_max << ": no flood of a test's size";
    }
    start();
    take_all();
    begin_waiting();
    const auto other = incoming(".flood");
    std::ofstream(other).close();
    for (std::size_t i = 0; i < queue_max; ++i) {  // two events each: moved here, moved here
        std::filesystem::rename(other, incoming(".flooD"));
        std::filesystem::rename(incoming(".flooD"), other);
    }
    constexpr int files_dropped = 50;  // their events come behind the full queue: lost
    for (int i = 0; i < files_dropped; ++i) {
        put("lost-" + std::to_string(i) + ".json", job());
    }
    settle_down();
    EXPECT_TRUE(woken_after(1s)) << "the overflow itself wakes";
    EXPECT_EQ(accept_all().size(), std::size_t{files_dropped});
    EXPECT_TRUE(names("incoming") == names_type{".flood"});
}

TEST_F(SpoolWakeTest, BatchDirectoriesAreWatchedOnceTheyWereScanned) {
    start();
    put("batch/a.json", job());
    EXPECT_EQ(accept_all(), names_type{"a"});
    settle_down();
    take_all();
    begin_waiting();
    EXPECT_FALSE(woken_after(10s));
    put("batch/b.json", job());
    settle_down();
    EXPECT_TRUE(woken_after(1s));
}

TEST_F(SpoolWakeTest, YoungFilesAreLookedAtAgainAfterSettle) {
    open();  // nobody listens to inotify
    put("young.json", job(), 100ms);
    EXPECT_TRUE(take_all().empty());
    begin_waiting();
    EXPECT_FALSE(woken_after(999ms));
    EXPECT_TRUE(woken_after(1ms));
    EXPECT_EQ(accept_all(), names_type{"young"});
}

TEST_F(SpoolWakeTest, OurOwnWorkDoesNotWakeUs) {
    put("a.json", job());
    put("bad.json", "bad");
    start();
    begin_waiting();
    EXPECT_TRUE(woken_);
    EXPECT_EQ(accept_all(), names_type{"a"});
    begin_waiting();
    EXPECT_FALSE(woken_after(59s));
}

TEST_F(SpoolWakeTest, AFileThatCannotBeMovedDoesNotMakeItSpin) {
    put("a.json", "bad");
    start();
    std::filesystem::remove(options.directory / "rejected");
    put("../rejected", "in the way");
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(take_all().empty());
        begin_waiting();
        EXPECT_FALSE(woken_after(59s));
        EXPECT_TRUE(woken_after(1s));
    }
}

TEST_F(SpoolWakeTest, WithoutSettleAFailureIsRetriedAtABoundedRate) {
    options.settle = 0ms;
    open();
    std::filesystem::remove(options.directory / "incoming");
    std::filesystem::create_symlink("nowhere", options.directory / "incoming");
    EXPECT_TRUE(take().has_error());
    begin_waiting();
    EXPECT_FALSE(woken_after(99ms));
    EXPECT_TRUE(woken_after(1ms));
}

TEST_F(SpoolWakeTest, WaitingCanBeCancelled) {
    start();
    take_all();
    begin_waiting();
    stop_changed_.emit(asio::cancellation_type::terminal);
    settle_down();
    EXPECT_FALSE(woken_);
    EXPECT_EQ(time.waiters(), 0u);
    begin_waiting();
    EXPECT_TRUE(woken_after(60s));
}

TEST_F(SpoolWakeTest, ACancelledTakeLosesNothing) {
    put("a.json", job());
    put("b.jsonl", job(R"({"case_for":{},"case_request":{"referenceId":"b"}})"));
    start();
    for (int steps = 0; steps < 4; ++steps) {
        asio::cancellation_signal stop;
        bool done = false;
        auto ended = [&](const std::exception_ptr&, const result<portion>&) {
            done = true;
        };  // what it took is dropped
        asio::co_spawn(loop, files->take(), asio::bind_cancellation_slot(stop.slot(), ended));
        loop.restart();
        for (int i = 0; i < steps; ++i) {
            loop.poll_one();
        }
        stop.emit(asio::cancellation_type::terminal);
        while (!done) {
            loop.restart();
            loop.run_one();
        }
        settle_down();  // the emission may have been posted
    }
    auto all = accept_all();
    for (const auto& more : accept_all()) {
        all.push_back(more);
    }
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all, (names_type{"a", "b"}));
    EXPECT_TRUE(names("incoming").empty());
}

}  // namespace
}  // namespace onboardd
