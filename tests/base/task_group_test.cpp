#include "onboardd/base/task_group.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>

#include "onboardd/base/blocking.hpp"
#include "onboardd/base/until.hpp"
#include "support/run.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;

class TaskGroupTest : public testing::Test {
protected:
    asio::awaitable<void> count_after(milliseconds wait) {
        co_await time.wait_for(wait);
        ++finished;
    }

    asio::awaitable<void> fail_after(milliseconds wait) {
        co_await time.wait_for(wait);
        throw std::runtime_error("planned");
    }

    asio::io_context loop;
    test::manual_clock time;
    int finished = 0;
};

TEST_F(TaskGroupTest, JoinWaitsForEveryChild) {
    auto body = [&]() -> asio::awaitable<void> {
        task_group group(loop.get_executor());
        group.spawn(count_after(1s));
        group.spawn(count_after(5s));
        co_await group.join();
        EXPECT_EQ(finished, 2);
        EXPECT_EQ(time.elapsed(), 5s);
    };
    test::run(loop, body(), &time);
}

TEST_F(TaskGroupTest, TheFirstFailureStopsTheOthersAndIsThrownByJoin) {
    auto body = [&]() -> asio::awaitable<void> {
        task_group group(loop.get_executor());
        group.spawn(count_after(1h));
        group.spawn(fail_after(1s));
        bool thrown = false;
        try {
            co_await group.join();
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        EXPECT_TRUE(thrown);
        EXPECT_EQ(finished, 0);
        EXPECT_EQ(time.elapsed(), 1s);
    };
    test::run(loop, body(), &time);
}

TEST_F(TaskGroupTest, CancellingTheJoinerStopsTheChildrenAndStillWaits) {
    auto inner = [&]() -> asio::awaitable<void> {
        task_group group(loop.get_executor());
        group.spawn(count_after(1h));
        group.spawn(count_after(2h));
        co_await group.join();
    };
    auto body = [&]() -> asio::awaitable<void> {
        EXPECT_FALSE(co_await until(time, time.now() + 1s, inner()));
        EXPECT_EQ(time.elapsed(), 1s);
        EXPECT_EQ(time.waiters(), 0u);
    };
    test::run(loop, body(), &time);
    EXPECT_EQ(finished, 0);
}

TEST_F(TaskGroupTest, BlockingWorkReturnsItsValueAndItsException) {
    asio::thread_pool pool(1);
    auto body = [&]() -> asio::awaitable<void> {
        const auto home = std::this_thread::get_id();
        auto elsewhere = co_await blocking(pool, [] { return std::this_thread::get_id(); });
        EXPECT_TRUE(elsewhere != home);
        EXPECT_TRUE(std::this_thread::get_id() == home);
        bool thrown = false;
        try {
            co_await blocking(pool, []() -> int { throw std::runtime_error("planned"); });
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        EXPECT_TRUE(thrown);
    };
    test::run(loop, body());
}

}  // namespace
}  // namespace onboardd
