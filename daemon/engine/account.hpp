#pragma once

// One account's share of the engine: starts its due jobs within its limits, submits each and reads
// accepted cases again. Its gate says when, its reconciler settles what is unknown.

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "daemon/engine/context.hpp"
#include "daemon/engine/gate.hpp"
#include "daemon/engine/recent_cases.hpp"
#include "daemon/engine/reconciler.hpp"
#include "onboardd/auth/token_keeper.hpp"
#include "onboardd/base/task_group.hpp"
#include "onboardd/base/wakeup.hpp"
#include "onboardd/policy/budget.hpp"

namespace onboardd {

class account {
public:
    account(engine_context& context, account_options options);

    // Works until stop(), then returns when the requests in flight have been decided.
    asio::awaitable<void> run();
    void stop();

    // Jobs have arrived, or something that held them back has changed.
    void wake();
    void jobs_arrived();

    // The ledger was changed from elsewhere: this row may be due now.
    void expect(const job& row);

    // nullopt: the operator lets it go on.
    void set_operator_pause(std::optional<operator_pause> pause);

    [[nodiscard]] const std::string& id() const { return options_.id; }

    // As of now; the counts of its jobs are the engine's.
    [[nodiscard]] account_status status() const;

private:
    // Jobs claimed for one kind of step, and when the ledger is worth asking again.
    struct lane {
        work_kind kind;
        std::deque<claimed_job> ready;
        steady_time ask_at = steady_time::min();
    };

    class slot;

    asio::awaitable<void> dispatch();
    asio::awaitable<void> watch_for_stop();

    // The parts of dispatch().
    steady_time expire_ready();
    asio::awaitable<bool> refill(lane& from);
    lane* choose();
    claimed_job pick(lane& from);

    // The steps of a job.
    asio::awaitable<void> step(claimed_job work, work_kind kind, slot held);
    asio::awaitable<void> submit(claimed_job& work, slot& held);
    asio::awaitable<void> read_again(claimed_job& work, slot& held);
    asio::awaitable<void> conclude(decision next, origin before, std::string answer);
    asio::awaitable<void> give_back(job_id id);
    asio::awaitable<void> let_go(job_id id);
    asio::awaitable<void> give_back_claims();
    asio::awaitable<void> hand_reads_over();

    engine_context& context_;
    account_options options_;
    token_keeper keeper_;
    gate gate_;
    reconciler reconciler_;
    retry_budget budget_;
    recent_cases cases_;
    lane submit_{work_kind::submit, {}, {}};
    lane read_{work_kind::read, {}, {}};
    bool read_one_works_ = false;  // not documented: until it did once, a 404 means it is missing
    bool read_last_ = false;       // the lanes take turns
    bool stopping_ = false;
    std::uint32_t in_flight_ = 0;   // requests
    std::uint32_t unfinished_ = 0;  // jobs, also those that only wait for the ledger or an outcome

    task_group loops_;
    task_group jobs_;
    wakeup wake_;
    wakeup stop_;
};

}  // namespace onboardd
