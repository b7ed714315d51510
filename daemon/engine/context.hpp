#pragma once

// What the parts of one engine share. The engine owns it; it outlives every part.

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>

#include "onboardd/engine/engine.hpp"
#include "onboardd/policy/breaker.hpp"

namespace onboardd {

class publisher;
class room;

struct engine_context {
    engine_parts parts;
    measures& seen;  // those of `parts`, or of nobody
    engine_options options;
    breaker provider_breaker;  // one provider, one breaker
    engine_status status;
    std::set<std::string> batches_moved;                       // since the start
    std::unordered_map<std::string, state_counts> by_account;  // the whole ledger
    publisher* outcomes = nullptr;
    room* disks = nullptr;
    std::function<void()> wake_accounts;  // the breaker has changed, or jobs have arrived
    std::function<void()> batch_may_be_done;
    // The ledger failed: the engine ends. Or it is full: the caller tries again later.
    std::function<void(error_code)> fail;

    // Keeps the counts; `from` is nullopt for a job that has just been accepted.
    void moved(const job& after, std::optional<job_state> from);
    void count(const std::string& account, job_state state, std::uint64_t jobs);
};

// When `at` is by the wall clock; a moment that has passed long ago counts as now.
inline wall_time wall_of(const clock& time, steady_time at) {
    const auto now = time.now();
    const auto from_now = at == steady_time::min() ? steady_time::duration(0) : at - now;
    return time.wall_now() + std::chrono::duration_cast<milliseconds>(from_now);
}

// Wall clocks jump: nobody waits for a moment of theirs longer than this without looking again.
constexpr milliseconds nap_max{60'000};

// When to look whether `due` has come.
inline steady_time steady_of(const clock& time, wall_time due) {
    return time.now() + std::clamp(due - time.wall_now(), milliseconds(0), nap_max);
}

}  // namespace onboardd
