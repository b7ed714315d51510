#pragma once

// A deadline for any awaitable. (Boost 1.81 has no cancel_after; the || operator waits for the
// first success and would turn an exception into a timeout.)

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "onboardd/base/clock.hpp"

namespace onboardd {

// Runs `operation` until it completes or `deadline` passes, whichever is first. On the deadline the
// operation is cancelled and waited for; a value that it produced all the same is returned, never
// dropped. nullopt: timed out. Cancelling the caller cancels both and throws operation_aborted.
template <class T>
asio::awaitable<std::optional<T>> until(clock& time, steady_time deadline,
                                        asio::awaitable<T> operation) {
    auto executor = co_await asio::this_coro::executor;
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(executor, std::move(operation), asio::deferred),
        asio::co_spawn(executor, time.wait_until(deadline), asio::deferred));
    auto [order, failure, value, waited] =
        co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    if (!failure) {
        co_return std::optional<T>(std::move(value));
    }
    if (order[0] == 0 || waited) {  // it failed by itself, or both were cancelled from outside
        std::rethrow_exception(failure);
    }
    co_return std::nullopt;
}

// The same for an operation without a value: true if it completed, false if the deadline came
// first.
inline asio::awaitable<bool> until(clock& time, steady_time deadline,
                                   asio::awaitable<void> operation) {
    auto executor = co_await asio::this_coro::executor;
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(executor, std::move(operation), asio::deferred),
        asio::co_spawn(executor, time.wait_until(deadline), asio::deferred));
    auto [order, failure, waited] =
        co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    if (!failure) {
        co_return true;
    }
    if (order[0] == 0 || waited) {
        std::rethrow_exception(failure);
    }
    co_return false;
}

}  // namespace onboardd
