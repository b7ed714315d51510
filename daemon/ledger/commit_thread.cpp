#include "daemon/ledger/commit_thread.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>

namespace onboardd::sqlite {

namespace {

template <class Which>
void refuse(std::vector<operation*>& together, error_code reason, Which which) {
    std::erase_if(together, [&](operation* one) {
        const bool refused = which(*one);
        if (refused) {
            one->refuse(reason);
        }
        return refused;
    });
}

bool writes(const operation& one) {
    return one.writes();
}

bool takes_in(const operation& one) {
    return one.takes_in();
}

bool any(const operation&) {
    return true;
}

}  // namespace

commit_thread::commit_thread(asio::any_io_executor home, store& tables, reserve& spare,
                             std::size_t rows_max, measures* seen)
    : home_(std::move(home)),
      tables_(tables),
      spare_(spare),
      rows_max_(rows_max),
      seen_(seen),
      thread_([this] { run(); }) {}

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
        members all;
        for (const auto& one : together) {
            all.push_back(one.get());
        }
        process(std::move(all));
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

// When there is no room, the reserve is for what has begun: the results of requests that were sent.
void commit_thread::process(members together) {
    if (failed()) {
        refuse(together, errc::ledger_failed, writes);
    }
    if (try_to_execute(together)) {
        return;
    }
    use_reserve();
    if (failed()) {
        refuse(together, errc::ledger_failed, writes);
    }
    refuse(together, errc::ledger_full, takes_in);
    if (try_to_execute(together)) {
        return;
    }
    refuse(together, errc::ledger_full, writes);
    if (!try_to_execute(together)) {
        refuse(together, errc::ledger_full, any);
    }
}

// False: there was no room, and nothing was done. Else each has its answer.
bool commit_thread::try_to_execute(const members& together) {
    try {
        try {
            execute(together);
        } catch (const failure& cause) {
            if (!cause.found_no_room()) {
                throw;
            }
            tables_.roll_back();
            return false;
        }
    } catch (const failure& cause) {
        // No part of the group is known to be on disk, and none is known not to be. What was read
        // may have seen a part.
        note_failure(cause);
        tables_.give_up();
        auto all = together;
        refuse(all, errc::ledger_failed, any);
    }
    return true;
}

void commit_thread::execute(const members& together) {
    const bool anything_written =
        std::ranges::any_of(together, [](const operation* one) { return one->writes(); });
    const auto began = std::chrono::steady_clock::now();
    tables_.begin(anything_written);
    for (auto* next : together) {
        next->execute(tables_);
    }
    tables_.commit();
    damaged_.store(tables_.damaged(), std::memory_order_relaxed);
    if (anything_written) {
        commits_.fetch_add(1, std::memory_order_relaxed);
        const auto before = rows_.exchange(tables_.rows(), std::memory_order_relaxed);
        if (seen_ != nullptr) {
            seen_->commit_time.observe(std::chrono::steady_clock::now() - began);
            seen_->commit_rows.observe(static_cast<double>(tables_.rows() - before));
        }
    }
}

// Once the log was moved into the ledger, commits write over it and need no more room.
void commit_thread::use_reserve() {
    full_.store(true);
    spare_.release();
    try {
        tables_.move_log();
    } catch (const failure& cause) {
        if (!cause.found_no_room()) {
            note_failure(cause);
        }
    }
}

asio::awaitable<result<void>> commit_thread::make_room() {
    auto work = [this](store&) {
        if (!spare_.take()) {
            return result<void>(errc::ledger_full);
        }
        full_.store(false);
        return result<void>();
    };
    return call<void>(effect{}, std::move(work));
}

void commit_thread::tidy_up() {
    if (failed()) {
        return;
    }
    try {
        tidy_tables();
    } catch (const failure& cause) {
        note_failure(cause);
    }
}

// Without room the log stays as it is and grows, into the reserve.
void commit_thread::tidy_tables() {
    try {
        tables_.tidy_up();
        if (tables_.log_was_emptied()) {
            spare_.keep_log_blocks();
        }
    } catch (const failure& cause) {
        if (!cause.found_no_room()) {
            throw;
        }
        use_reserve();
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
            .rows = rows_.load(std::memory_order_relaxed),
            .damaged = damaged_.load(std::memory_order_relaxed)};
}

std::string commit_thread::failure_text() const {
    const std::lock_guard lock(mutex_);
    return failure_text_;
}

}  // namespace onboardd::sqlite
