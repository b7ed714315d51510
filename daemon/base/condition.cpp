#include "onboardd/base/condition.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace onboardd {

condition::condition(const asio::any_io_executor& executor)
    : timer_(executor, steady_time::max()) {}

void condition::notify_all() {
    timer_.cancel();
}

asio::awaitable<void> condition::wait() {
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
        throw boost::system::system_error(asio::error::operation_aborted);
    }
}

}  // namespace onboardd
