#pragma once

// What the parts of one engine share. The engine owns it; it outlives every part.

#include <functional>
#include <set>
#include <string>

#include "onboardd/engine/engine.hpp"
#include "onboardd/policy/breaker.hpp"

namespace onboardd {

class publisher;
class room;

struct engine_context {
    engine_parts parts;
    engine_options options;
    breaker provider_breaker;  // one provider, one breaker
    engine_status status;
    std::set<std::string> batches_moved;  // since the start
    publisher* outcomes = nullptr;
    room* disks = nullptr;
    std::function<void()> wake_accounts;  // the breaker has changed, or jobs have arrived
    std::function<void()> batch_may_be_done;
    // The ledger failed: the engine ends. Or it is full: the caller tries again later.
    std::function<void(error_code)> fail;

    // Keeps the counts; `from` is nullopt for a job that has just been accepted.
    void moved(const job& after, std::optional<job_state> from);
};

}  // namespace onboardd
