#pragma once

// Blocking work (files, a database) beside the loop: run on a thread pool, resumed on the caller's
// executor.

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace onboardd {

namespace asio = boost::asio;

// Runs `work()` on `pool` and returns its value here. An exception of `work` is thrown here. It
// cannot be interrupted: a cancelled caller gets control back when `work` has ended, so what `work`
// refers to stays alive.
template <class Work>
asio::awaitable<std::invoke_result_t<Work>> blocking(asio::thread_pool& pool, Work work) {
    using value_type = std::invoke_result_t<Work>;
    static_assert(!std::is_void_v<value_type>, "return something, a result<void> for example");
    std::optional<value_type> value;
    auto initiate = [&value, &pool, &work](auto handler) {
        auto home = asio::get_associated_executor(handler);
        auto guard = asio::make_work_guard(home);
        asio::post(pool, [&value, &work, guard = std::move(guard), home,
                          handler = std::move(handler)]() mutable {
            std::exception_ptr failure;
            try {
                value.emplace(work());
            } catch (...) {
                failure = std::current_exception();
            }
            asio::post(home,
                       [handler = std::move(handler), failure]() mutable { handler(failure); });
        });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
        initiate, asio::use_awaitable);
    co_return std::move(*value);
}

}  // namespace onboardd
