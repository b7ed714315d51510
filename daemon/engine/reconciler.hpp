#pragma once

// Settles by the provider's list what one account's jobs wait to know: whether there is a case,
// whether there are two, and, where single cases cannot be read, what became of one. One reading
// serves every job that wants one.

#include <functional>
#include <string>
#include <vector>

#include "daemon/engine/case_list_reader.hpp"
#include "daemon/engine/gate.hpp"
#include "daemon/engine/record.hpp"
#include "onboardd/base/wakeup.hpp"

namespace onboardd {

class reconciler {
public:
    // Puts a decision into the ledger, and on its way from there.
    using conclude_type = std::function<asio::awaitable<void>(decision, origin)>;

    // All that is passed by reference outlives it.
    reconciler(engine_context& context, const account_options& options, token_keeper& keeper,
               gate& may_read, conclude_type conclude);

    // Works until it is cancelled. What it had claimed then is in take_claims().
    asio::awaitable<void> run();

    // Something that held a reading back may have changed.
    void wake();

    // A reading is wanted at `due_at`, or a little later: it serves all who want one by then.
    void expect(wall_time due_at);

    // The ledger may have jobs that are due already.
    void expect_now();

    // From now on the list serves accepted cases as well: single ones cannot be read here.
    void serve_accepted_cases();
    [[nodiscard]] bool serves_accepted_cases() const { return serves_accepted_cases_; }

    [[nodiscard]] std::vector<job_id> take_claims() { return std::exchange(claimed_, {}); }

private:
    asio::awaitable<std::vector<claimed_job>> claim();
    asio::awaitable<void> read_for(std::vector<claimed_job> work);
    asio::awaitable<void> conclude_all(std::vector<claimed_job> work,
                                       std::vector<decision> decided);
    void tell_missing(const list_reading& seen);
    void tell_failure(const list_reading& seen);
    decision after_reading(const job& row, std::size_t index, list_reading& seen,
                           steady_time began);

    engine_context& context_;
    const account_options& options_;
    token_keeper& keeper_;
    gate& gate_;
    conclude_type conclude_;
    std::vector<job_id> claimed_;  // for the reading that is under way
    steady_time at_ = steady_time::min();
    bool serves_accepted_cases_ = false;
    std::string failure_;  // of the last reading, in words; empty: it went well
    wakeup wake_;
};

}  // namespace onboardd
