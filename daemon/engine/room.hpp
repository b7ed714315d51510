#pragma once

// What the engine does when a disk is full: first nothing new is taken in, then nothing new is
// sent; what was sent is recorded as soon as there is room. Then all goes on by itself.
//
// - Little room on the disk of the ledger or of the outcomes, or outcomes that cannot be written:
//   the intake waits. Jobs that were accepted go on: their results stand in the ledger, and their
//   outcomes follow.
// - No room in the ledger: submission waits too, and results wait in memory. Should the process end
//   before there is room, they are looked up with the provider at the next start.

#include <optional>
#include <string>
#include <vector>

#include "daemon/engine/context.hpp"
#include "onboardd/base/condition.hpp"
#include "onboardd/base/wakeup.hpp"

namespace onboardd {

class room {
public:
    explicit room(engine_context& context);

    // Looks for room in the ledger while it is full, until cancelled.
    asio::awaitable<void> run();

    // From now on those who wait for room give up: at once if they wait to take something in, after
    // a while if they have a result.
    void stop();

    // Returns when new jobs may be taken in; false: stopped.
    asio::awaitable<bool> wait_to_take_in();

    void ledger_is_full();
    [[nodiscard]] bool ledger_full() const noexcept { return ledger_full_; }

    // Returns when there is room in the ledger; false: stopped, and there is still none.
    asio::awaitable<bool> wait_for_ledger();

    void outcome_failed(const error_code& reason);
    void outcomes_work();

private:
    asio::awaitable<void> look_at_disks();
    void tell();

    engine_context& context_;
    wakeup full_;
    condition looked_;
    std::vector<std::string> disk_shortages_;  // as of the last look
    bool ledger_full_ = false;
    error_code outcome_failure_;
    std::optional<steady_time> stopped_at_;
};

}  // namespace onboardd
