#include "onboardd/base/wakeup.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "onboardd/base/until.hpp"

namespace onboardd {

wakeup::wakeup(const asio::any_io_executor& executor) : timer_(executor, steady_time::max()) {}

void wakeup::set() {
    set_ = true;
    timer_.cancel_one();
}

asio::awaitable<void> wakeup::wait() {
    while (!set_) {
        co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) {
            throw boost::system::system_error(asio::error::operation_aborted);
        }
    }
    set_ = false;
}

asio::awaitable<bool> wakeup::wait_until(clock& time, steady_time deadline) {
    if (set_) {
        set_ = false;
        co_return true;
    }
    co_return co_await until(time, deadline, wait());
}

}  // namespace onboardd
