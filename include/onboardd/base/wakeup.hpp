#pragma once

// A flag to wait for: one waiter, any number of setters, on one thread. A set() before the wait is
// not lost, several before it count once.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "onboardd/base/clock.hpp"

namespace onboardd {

class wakeup {
public:
    explicit wakeup(const asio::any_io_executor& executor);

    // Lets the waiter go on, now or when it comes.
    void set();

    // Returns once set() was called since the last return. Cancellation throws operation_aborted
    // and keeps the flag.
    asio::awaitable<void> wait();

    // The same with a deadline: false if that came first.
    asio::awaitable<bool> wait_until(clock& time, steady_time deadline);

private:
    asio::steady_timer timer_;
    bool set_ = false;
};

}  // namespace onboardd
