#include "daemon/http/slots.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace onboardd::http {

// Lives in the frame of acquire(). A slot that was handed to a waiter which then gave up goes on to
// the next one.
struct slots::waiter {
    waiter(slots& slots_, const asio::any_io_executor& executor)
        : owner(slots_), timer(executor, asio::steady_timer::time_point::max()) {
        owner.waiters_.push_back(this);
    }
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;
    ~waiter() { owner.waiters_.remove(this); }

    slots& owner;
    asio::steady_timer timer;
    slot granted;
};

slot slots::try_acquire() noexcept {
    if (closed_ || free_ == 0) {
        return {};
    }
    --free_;
    return slot(this);
}

asio::awaitable<slot> slots::acquire() {
    if (auto free = try_acquire()) {
        co_return free;
    }
    if (closed_) {
        co_return slot();
    }
    waiter self(*this, executor_);
    while (!self.granted && !closed_) {
        co_await self.timer.async_wait(asio::as_tuple(asio::use_awaitable));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) {
            throw boost::system::system_error(asio::error::operation_aborted);
        }
    }
    co_return std::move(self.granted);
}

void slots::close() {
    closed_ = true;
    for (auto* waiting : waiters_) {
        waiting->timer.cancel();
    }
}

void slots::release() noexcept {
    for (auto* waiting : waiters_) {
        if (!waiting->granted) {
            waiting->granted.owner_ = this;
            waiting->timer.cancel();
            return;
        }
    }
    ++free_;
}

}  // namespace onboardd::http
