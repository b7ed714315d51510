#pragma once

// Structured concurrency: tasks with an owner that waits for them. No task of the daemon outlives
// its group.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <cstddef>
#include <exception>
#include <functional>
#include <list>

#include "onboardd/base/wakeup.hpp"

namespace onboardd {

// A coroutine that was cancelled throws at its next co_await of another one, and that may be
// join(): the children would lose their group. So nothing is awaited between the first spawn() and
// join(); a group that is made late in a coroutine gets one of its own.
class task_group {
public:
    // `on_failure` is called once, when the first child fails: for an owner that is not in join()
    // yet.
    explicit task_group(asio::any_io_executor executor, std::function<void()> on_failure = {});
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    ~task_group();  // the group must be empty: join() first

    // Starts `task` as a child. The first child that ends with an exception other than
    // operation_aborted cancels the others, and join() throws that exception. After cancel() a new
    // child is cancelled at its first suspension.
    void spawn(asio::awaitable<void> task);

    // Asks every child to stop (terminal cancellation). They are still to be joined.
    void cancel();

    // Returns when no child is left, then throws what the first failing child threw, if any. When
    // the caller is cancelled, the children are, and they are waited for all the same; then it
    // throws operation_aborted.
    asio::awaitable<void> join();

    [[nodiscard]] std::size_t size() const noexcept { return children_.size(); }

private:
    void finished(std::list<asio::cancellation_signal>::iterator child, std::exception_ptr failure);

    asio::any_io_executor executor_;
    std::function<void()> on_failure_;
    std::list<asio::cancellation_signal> children_;
    std::exception_ptr failure_;
    wakeup changed_;
    bool cancelled_ = false;
};

// Joins `first`, then `second`. If `first` ends with an exception, `second` is cancelled, joined,
// and the exception thrown.
asio::awaitable<void> join_in_order(task_group& first, task_group& second);

}  // namespace onboardd
