#pragma once

// Writes outcomes off the critical path, several at a time, and tells the ledger once they are on
// disk.

#include <deque>
#include <unordered_set>

#include "daemon/engine/context.hpp"
#include "onboardd/base/condition.hpp"
#include "onboardd/base/task_group.hpp"

namespace onboardd {

class publisher {
public:
    explicit publisher(engine_context& context);

    // Hands a row with a due outcome over; waits while publish_backlog_max rows are waiting.
    asio::awaitable<void> push(job row);

    // There are unpublished outcomes in the ledger which nobody pushed: known jobs that were
    // dropped again, and what an earlier process left.
    void look_into_ledger();

    // Publishes until close() and until nothing is left.
    asio::awaitable<void> run();
    void close();

private:
    asio::awaitable<void> restore();
    asio::awaitable<result<std::size_t>> restore_page(published_outcome& last, std::size_t& gone);
    asio::awaitable<void> lane();
    asio::awaitable<void> gather();
    asio::awaitable<void> pull();
    void add_pulled(std::vector<job> found);
    [[nodiscard]] bool may_begin() const;
    asio::awaitable<void> publish(std::vector<job> rows);
    void tell(const error_code& failure);
    std::vector<job> next_batch();

    engine_context& context_;
    condition changed_;
    std::deque<job> waiting_;
    std::unordered_set<job_id> being_written_;
    bool pull_due_ = true;
    bool pulling_ = false;
    bool gathering_ = false;  // one lane waits for its batch to fill
    bool closed_ = false;
    bool failing_ = false;  // the last batch was not written whole
};

}  // namespace onboardd
