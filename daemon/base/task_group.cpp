#include "onboardd/base/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>

namespace onboardd {
namespace {

bool is_cancellation(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
        return error.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

}  // namespace

task_group::task_group(asio::any_io_executor executor, std::function<void()> on_failure)
    : executor_(std::move(executor)), on_failure_(std::move(on_failure)), changed_(executor_) {}

task_group::~task_group() {
    assert(children_.empty());
}

void task_group::spawn(asio::awaitable<void> task) {
    auto child = children_.emplace(children_.end());
    auto done = [this, child](std::exception_ptr failure) { finished(child, std::move(failure)); };
    asio::co_spawn(executor_, std::move(task), asio::bind_cancellation_slot(child->slot(), done));
    if (cancelled_) {
        child->emit(asio::cancellation_type::terminal);
    }
}

void task_group::finished(std::list<asio::cancellation_signal>::iterator child,
                          std::exception_ptr failure) {
    children_.erase(child);
    changed_.set();
    if (failure && !failure_ && !is_cancellation(failure)) {
        failure_ = std::move(failure);
        cancel();
        if (on_failure_) {
            on_failure_();
        }
    }
}

void task_group::cancel() {
    cancelled_ = true;
    for (auto child = children_.begin(); child != children_.end();) {
        (child++)->emit(asio::cancellation_type::terminal);
    }
}

asio::awaitable<void> task_group::join() {
    // Both settings below belong to the whole chain of callers, so the first is put back; after a
    // cancellation the chain unwinds and what it still awaits is cleanup, which must not be
    // interrupted.
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    bool told = false;
    while (!children_.empty()) {
        bool interrupted = false;
        try {
            co_await changed_.wait();
        } catch (const boost::system::system_error& error) {
            interrupted = error.code() == asio::error::operation_aborted;
        }
        if (interrupted && !told) {
            told = true;
            cancel();
            co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        }
    }
    co_await asio::this_coro::throw_if_cancelled(throws);
    if (failure_) {
        std::rethrow_exception(std::exchange(failure_, nullptr));
    }
    if (told) {
        throw boost::system::system_error(asio::error::operation_aborted);
    }
}

asio::awaitable<void> join_in_order(task_group& first, task_group& second) {
    std::exception_ptr failure;
    try {
        co_await first.join();
    } catch (...) {
        failure = std::current_exception();
        second.cancel();
    }
    co_await second.join();
    if (failure) {
        std::rethrow_exception(failure);
    }
}

}  // namespace onboardd
