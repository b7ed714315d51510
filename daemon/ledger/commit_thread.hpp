#pragma once

// The thread that owns the tables. Callers leave operations here; all that wait at the same moment
// share one transaction, and each caller is resumed on the loop after the commit that holds its
// operation.

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/ledger/reserve.hpp"
#include "daemon/ledger/sqlite_store.hpp"

namespace onboardd::sqlite {

// What an operation does to the tables, and how many rows it may change.
struct effect {
    std::size_t rows = 0;   // 0: it only reads
    bool takes_in = false;  // new jobs: the first to be refused when there is no room
};

// One call of the ledger's interface. It holds all that it needs, so nobody else has to outlive it.
class operation {
public:
    operation(const asio::any_io_executor& home, effect planned)
        : planned_(planned), guard_(home) {}
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;
    virtual ~operation() = default;

    // On the thread; keeps its value. Executed again when there was no room the first time.
    virtual void execute(store& tables) = 0;
    virtual void refuse(
        error_code reason) = 0;   // in place of that, or after it when the commit failed
    virtual void complete() = 0;  // on the loop: resumes the caller

    [[nodiscard]] std::size_t rows() const noexcept { return planned_.rows; }
    [[nodiscard]] bool writes() const noexcept { return planned_.rows != 0; }
    [[nodiscard]] bool takes_in() const noexcept { return planned_.takes_in; }

private:
    effect planned_;
    asio::executor_work_guard<asio::any_io_executor>
        guard_;  // the loop does not end while a caller waits
};

template <class T, class Work, class Handler>
class call_operation final : public operation {
public:
    call_operation(asio::any_io_executor home, effect planned, Work work, Handler handler)
        : operation(std::move(home), planned),
          work_(std::move(work)),
          handler_(std::move(handler)) {}

    void execute(store& tables) override { value_.emplace(work_(tables)); }
    void refuse(error_code reason) override { value_.emplace(reason); }

    void complete() override {
        // The caller may end the loop or the ledger: nothing of this object is used after the call.
        auto handler = std::move(handler_);
        handler(std::move(*value_));
    }

private:
    Work work_;
    Handler handler_;
    std::optional<result<T>> value_;
};

class commit_thread {
public:
    // Takes over `tables` and `spare` until it is destroyed. At most `rows_max` rows share a
    // commit, unless one call has more. Commits are measured in `seen` unless it is null.
    commit_thread(asio::any_io_executor home, store& tables, reserve& spare, std::size_t rows_max,
                  measures* seen);
    commit_thread(const commit_thread&) = delete;
    commit_thread& operator=(const commit_thread&) = delete;
    ~commit_thread();  // ends all that was left here, then the thread

    // Runs `work(store&)`, a result<T> or T, on the thread; returns after the commit. Cancelling
    // the caller does not undo it: it gets control back when the commit has ended.
    template <class T, class Work>
    asio::awaitable<result<T>> call(effect planned, Work work) {
        auto initiate = [this, planned, &work](auto handler) {
            using handler_type = decltype(handler);
            enqueue(std::make_unique<call_operation<T, Work, handler_type>>(
                home_, planned, std::move(work), std::move(handler)));
        };
        co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(result<T>)>(
            initiate, asio::use_awaitable);
    }

    [[nodiscard]] ledger_counters counters() const;
    [[nodiscard]] bool failed() const noexcept { return failed_.load(); }

    // Set when there was no room on the disk, until make_room() has found some.
    [[nodiscard]] bool full() const noexcept { return full_.load(); }

    // Takes the reserve again. errc::ledger_full: there is still no room.
    asio::awaitable<result<void>> make_room();
    [[nodiscard]] std::string failure_text() const;

private:
    using group = std::vector<std::unique_ptr<operation>>;
    using members = std::vector<operation*>;

    void enqueue(std::unique_ptr<operation> left);
    void run();
    group take_group();
    void process(members together);
    bool try_to_execute(const members& together);
    void execute(const members& together);
    void use_reserve();
    void tidy_up();
    void tidy_tables();
    void note_failure(const failure& cause);

    asio::any_io_executor home_;
    store& tables_;
    reserve& spare_;
    const std::size_t rows_max_;
    measures* const seen_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::unique_ptr<operation>> waiting_;
    bool stopping_ = false;
    std::string failure_text_;

    std::atomic<bool> failed_ = false;
    std::atomic<bool> full_ = false;
    std::atomic<std::uint64_t> commits_ = 0;
    std::atomic<std::uint64_t> rows_ = 0;
    std::atomic<std::uint64_t> damaged_ = 0;
    std::thread thread_;  // last: it uses all the others
};

}  // namespace onboardd::sqlite
