#include "daemon/engine/publisher.hpp"

#include <utility>

#include "daemon/engine/room.hpp"

namespace onboardd {
namespace {

constexpr milliseconds gather_time{20};
constexpr std::size_t restore_page_max = 1'000;  // outcomes looked for at a time
constexpr milliseconds publish_retry{5'000};     // after a failed write: a full disk, most likely

}  // namespace

publisher::publisher(engine_context& context)
    : context_(context), changed_(context.parts.executor) {}

asio::awaitable<void> publisher::push(job row) {
    while (waiting_.size() >= context_.options.publish_backlog_max) {
        co_await changed_.wait();
    }
    waiting_.push_back(std::move(row));
    if (waiting_.size() == 1) {  // more join the batch that is being gathered
        changed_.notify_all();
    }
}

void publisher::look_into_ledger() {
    pull_due_ = true;
    changed_.notify_all();
}

void publisher::close() {
    closed_ = true;
    changed_.notify_all();
}

asio::awaitable<void> publisher::run() {
    task_group lanes(context_.parts.executor);
    lanes.spawn(restore());
    for (std::size_t i = 0; i < context_.options.publish_lanes; ++i) {
        lanes.spawn(lane());
    }
    co_await lanes.join();
}

// Outcomes that an earlier process wrote and that a crash or a hand took away are written again.
asio::awaitable<void> publisher::restore() {
    published_outcome last;
    last.finished_at = wall_time::min();
    std::size_t gone = 0;
    while (!closed_ && !context_.status.outcomes_checked) {
        const auto seen = co_await restore_page(last, gone);
        if (seen) {
            context_.status.outcomes_checked = *seen == 0;
            continue;
        }
        context_.fail(seen.error());
        if (seen.error() != errc::ledger_full) {
            co_return;
        }
        co_await context_.parts.time.wait_for(publish_retry);
    }
    if (gone != 0) {
        context_.parts.log.warning("outcomes_missing",
                                   "outcome files were not there any more; they are written again",
                                   {{"files", std::to_string(gone)}});
    }
}

// Those behind `last`, which moves on once they are dealt with. Returns how many that were.
asio::awaitable<result<std::size_t>> publisher::restore_page(published_outcome& last,
                                                             std::size_t& gone) {
    auto& parts = context_.parts;
    auto known =
        co_await parts.store.published_outcomes(last.finished_at, last.id, restore_page_max);
    if (!known) {
        co_return known.error();
    }
    const auto seen = known->size();
    if (seen == 0) {
        co_return seen;
    }
    auto end = known->back();
    auto missing = co_await parts.outcomes.missing(std::move(*known));
    const auto count = missing.size();
    if (count != 0) {
        const auto noted = co_await parts.store.publish_again(std::move(missing));
        if (!noted) {
            co_return noted.error();
        }
        look_into_ledger();
    }
    gone += count;
    last = std::move(end);
    co_return seen;
}

asio::awaitable<void> publisher::lane() {
    for (;;) {
        if (may_begin() && !gathering_) {
            co_await gather();
            co_await publish(next_batch());
        } else if (pull_due_ && waiting_.empty() && !pulling_ && being_written_.empty()) {
            co_await pull();
        } else if (closed_ && being_written_.empty() && !pulling_) {
            co_return;
        } else {
            co_await changed_.wait();
        }
    }
}

// An outcome waits while an earlier revision of it is being written, else that could come last.
bool publisher::may_begin() const {
    return !pulling_ && !waiting_.empty() && !being_written_.contains(waiting_.front().id);
}

// Outcomes are dear one by one and cheap together: a batch that is not full waits a moment for
// more.
asio::awaitable<void> publisher::gather() {
    if (waiting_.size() < context_.options.publish_batch_max && !closed_) {
        gathering_ = true;
        co_await context_.parts.time.wait_for(gather_time);
        gathering_ = false;
    }
    if (waiting_.size() > context_.options.publish_batch_max) {
        changed_.notify_all();  // enough for another lane
    }
}

std::vector<job> publisher::next_batch() {
    std::vector<job> rows;
    while (may_begin() && rows.size() < context_.options.publish_batch_max) {
        being_written_.insert(waiting_.front().id);
        rows.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    return rows;
}

// Only while nothing else is waiting or under way, and nothing is begun before it ends, so that no
// outcome is written twice at once, nor an older one after a newer one.
asio::awaitable<void> publisher::pull() {
    pulling_ = true;
    pull_due_ = false;
    auto found = co_await context_.parts.store.unpublished(context_.options.publish_batch_max);
    pulling_ = false;
    if (!found) {
        context_.fail(found.error());
    } else if (found->empty()) {
        tell({});  // what could not be written has been written meanwhile
    } else {
        pull_due_ = true;  // there may be more
        add_pulled(std::move(*found));
    }
    changed_.notify_all();
}

// What was pushed meanwhile is as new as what was found, or newer.
void publisher::add_pulled(std::vector<job> found) {
    std::unordered_set<job_id> pushed;
    for (const auto& row : waiting_) {
        pushed.insert(row.id);
    }
    for (auto& row : found) {
        if (!pushed.contains(row.id)) {
            waiting_.push_back(std::move(row));
        }
    }
}

asio::awaitable<void> publisher::publish(std::vector<job> rows) {
    std::vector<std::pair<job_id, std::uint32_t>> revisions;
    revisions.reserve(rows.size());
    for (const auto& row : rows) {
        revisions.emplace_back(row.id, row.revision);
    }
    const auto results = co_await context_.parts.outcomes.publish(std::move(rows));
    std::vector<std::pair<job_id, std::uint32_t>> done;
    error_code failure;
    for (std::size_t i = 0; i < revisions.size(); ++i) {
        if (results[i]) {
            done.push_back(revisions[i]);
        } else {
            failure = results[i].error();
        }
    }
    tell(failure);
    if (!done.empty()) {
        ++context_.status.moves;
        auto noted = co_await context_.parts.store.published(std::move(done));
        if (!noted) {
            context_.fail(noted.error());
            failure = failure ? failure : noted.error();  // they are written once more
        }
    }
    for (const auto& [id, revision] : revisions) {
        being_written_.erase(id);
    }
    changed_.notify_all();
    if (failure) {
        if (!closed_) {
            co_await context_.parts.time.wait_for(publish_retry);
        }
        pull_due_ = !closed_;  // once closed, the next start finds them in the ledger
        changed_.notify_all();
    }
}

// Said once, not with every attempt.
void publisher::tell(const error_code& failure) {
    const bool failed_before = std::exchange(failing_, static_cast<bool>(failure));
    if (failure) {
        context_.disks->outcome_failed(failure);
    } else {
        context_.disks->outcomes_work();
    }
    if (failure && !failed_before) {
        context_.parts.log.error(
            "outcome_not_written",
            "an outcome file could not be written; it is kept in the ledger and tried again",
            {{"reason", failure.message()}});
    } else if (!failure && failed_before) {
        context_.parts.log.info("outcomes_written_again", "outcome files can be written again");
    }
}

}  // namespace onboardd
