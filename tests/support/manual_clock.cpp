#include "support/manual_clock.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace onboardd::test {

asio::awaitable<void> manual_clock::wait_until(steady_time deadline) {
    if (deadline <= steady_) {
        co_return;
    }
    asio::steady_timer timer(co_await asio::this_coro::executor, steady_time::max());
    struct registration {
        std::multimap<steady_time, asio::steady_timer*>& all;
        std::multimap<steady_time, asio::steady_timer*>::iterator at;
        ~registration() { all.erase(at); }
    };
    const registration entry{waiters_, waiters_.emplace(deadline, &timer)};
    while (steady_ < deadline) {
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        const auto state = co_await asio::this_coro::cancellation_state;
        // As a real timer: who is cancelled when the time has come goes on.
        if (steady_ < deadline && state.cancelled() != asio::cancellation_type::none) {
            throw boost::system::system_error(asio::error::operation_aborted);
        }
    }
}

void manual_clock::advance(milliseconds time) {
    steady_ += time;
    wall_ += time;
    wake_due();
}

bool manual_clock::advance_to_next() {
    if (waiters_.empty()) {
        return false;
    }
    const auto next = waiters_.begin()->first;
    if (next > steady_) {
        const auto step = std::chrono::ceil<milliseconds>(next - steady_);
        steady_ += step;
        wall_ += step;
    }
    wake_due();
    return true;
}

void manual_clock::wake_due() {
    for (auto waiter = waiters_.begin(); waiter != waiters_.end() && waiter->first <= steady_;
         ++waiter) {
        waiter->second->cancel();
    }
}

}  // namespace onboardd::test
