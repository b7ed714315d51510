#include "daemon/ledger/commit_thread.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace onboardd::sqlite {

commit_thread::commit_thread(asio::any_io_executor home, store& tables, std::size_t rows_max)
    : home_(std::move(home)), tables_(tables), rows_max_(rows_max), thread_([this] { run(); }) {}

commit_thread::~commit_thread() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void commit_thread::enqueue(std::unique_ptr<operation> left) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = waiting_.empty();
        waiting_.push_back(std::move(left));
    }
    if (first) {
        changed_.notify_one();
    }
}

void commit_thread::run() {
    for (auto together = take_group(); !together.empty(); together = take_group()) {
        process(together);
        // One wake-up of the loop for all of them.
        asio::post(home_, [together = std::move(together)]() mutable {
            for (auto& done : together) {
                done->complete();
                done.reset();
            }
        });
        tidy_up();
    }
}

// Waits for an operation and takes it with those behind it, as many as may share a commit. Empty:
// the end.
commit_thread::group commit_thread::take_group() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    group together;
    for (std::size_t rows = 0; !waiting_.empty(); waiting_.pop_front()) {
        rows += waiting_.front()->rows();
        if (rows > rows_max_ && !together.empty()) {
            break;
        }
        together.push_back(std::move(waiting_.front()));
    }
    return together;
}

void commit_thread::process(group& together) {
    const auto does_write = [](const auto& one) { return one->writes(); };
    const bool writes = !failed() && std::ranges::any_of(together, does_write);
    try {
        execute(together, writes);
    } catch (const failure& cause) {
        refuse_all(together, cause);
    }
}

void commit_thread::execute(group& together, bool writes) {
    tables_.begin(writes);
    for (auto& next : together) {
        if (next->writes() && !writes) {
            next->refuse(errc::ledger_failed);
        } else {
            next->execute(tables_);
        }
    }
    tables_.commit();
    if (writes) {
        commits_.fetch_add(1, std::memory_order_relaxed);
        rows_.store(tables_.rows(), std::memory_order_relaxed);
    }
}

// No part of the group is known to be on disk, and none is known not to be. What was read may have
// seen a part.
void commit_thread::refuse_all(group& together, const failure& cause) {
    note_failure(cause);
    tables_.give_up();
    for (auto& one : together) {
        one->refuse(errc::ledger_failed);
    }
}

void commit_thread::tidy_up() {
    if (failed()) {
        return;
    }
    try {
        tables_.tidy_up();
    } catch (const failure& cause) {
        note_failure(cause);
    }
}

void commit_thread::note_failure(const failure& cause) {
    const std::lock_guard lock(mutex_);
    if (failure_text_.empty()) {
        failure_text_ = cause.what();
    }
    failed_.store(true);
}

ledger_counters commit_thread::counters() const {
    return {.commits = commits_.load(std::memory_order_relaxed),
            .rows = rows_.load(std::memory_order_relaxed)};
}

std::string commit_thread::failure_text() const {
    const std::lock_guard lock(mutex_);
    return failure_text_;
}

}  // namespace onboardd::sqlite
