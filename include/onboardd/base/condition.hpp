#pragma once

// Something to wait for until it is announced: any number of waiters, on one thread. Look at your
// predicate before and after each wait; nothing changes in between.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "onboardd/base/clock.hpp"

namespace onboardd {

class condition {
public:
    explicit condition(const asio::any_io_executor& executor);

    // Lets all go on that wait now. Who comes later waits for the next call.
    void notify_all();

    // Returns at the next notify_all(). Cancellation throws operation_aborted.
    asio::awaitable<void> wait();

private:
    asio::steady_timer timer_;
};

}  // namespace onboardd
