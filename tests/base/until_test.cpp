#include "onboardd/base/until.hpp"

#include <gtest/gtest.h>

#include "onboardd/base/wakeup.hpp"
#include "support/run.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;

class UntilTest : public testing::Test {
protected:
    asio::io_context loop;
    test::manual_clock time;
};

asio::awaitable<int> answer_after(clock& time, milliseconds wait, int value) {
    co_await time.wait_for(wait);
    co_return value;
}

asio::awaitable<int> fail_after(clock& time, milliseconds wait) {
    co_await time.wait_for(wait);
    throw std::runtime_error("planned");
}

TEST_F(UntilTest, ReturnsTheValueOfAnOperationThatIsInTime) {
    auto body = [&]() -> asio::awaitable<void> {
        auto value = co_await until(time, time.now() + 10s, answer_after(time, 3s, 42));
        EXPECT_EQ(value, 42);
        EXPECT_EQ(time.elapsed(), 3s);
    };
    test::run(loop, body(), &time);
    EXPECT_EQ(time.waiters(), 0u);
}

TEST_F(UntilTest, GivesUpAtTheDeadline) {
    auto body = [&]() -> asio::awaitable<void> {
        auto value = co_await until(time, time.now() + 2s, answer_after(time, 3s, 42));
        EXPECT_EQ(value, std::nullopt);
        EXPECT_EQ(time.elapsed(), 2s);
    };
    test::run(loop, body(), &time);
    EXPECT_EQ(time.waiters(), 0u);
}

TEST_F(UntilTest, PassesAnExceptionOnAtOnce) {
    auto body = [&]() -> asio::awaitable<void> {
        bool thrown = false;
        try {
            co_await until(time, time.now() + 10s, fail_after(time, 1s));
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        EXPECT_TRUE(thrown);
        EXPECT_EQ(time.elapsed(), 1s);
    };
    test::run(loop, body(), &time);
}

TEST_F(UntilTest, WakeupSetBeforeTheWaitIsNotLost) {
    wakeup flag(loop.get_executor());
    auto body = [&]() -> asio::awaitable<void> {
        flag.set();
        flag.set();
        EXPECT_TRUE(co_await flag.wait_until(time, time.now() + 1s));
        EXPECT_FALSE(co_await flag.wait_until(time, time.now() + 1s));
        EXPECT_EQ(time.elapsed(), 1s);
    };
    test::run(loop, body(), &time);
}

}  // namespace
}  // namespace onboardd
