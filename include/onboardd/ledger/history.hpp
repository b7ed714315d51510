#pragma once

// What a job's row forgets while the job goes on, for people to read: attempts that were not
// applied, answers that were lost, absences that were proved, what operators did. A job that goes
// straight to its case has no such step, and costs nothing here: its row tells all.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "onboardd/base/clock.hpp"
#include "onboardd/ledger/job.hpp"
#include "onboardd/ledger/operate.hpp"

namespace onboardd {

// Steps that are kept of one job: the latest.
inline constexpr std::size_t history_steps_max = 32;

inline constexpr std::size_t step_words_bytes_max = 300;

// The words of the step when a ledger that was put back from a copy is accepted: what it thought of
// the job is not believed.
inline constexpr const char* put_back_words = "the ledger was put back from a copy, or repaired";

struct job_step {
    wall_time at{};
    job_state from = job_state::queued;
    job_state to = job_state::queued;
    std::uint32_t attempt = 0;      // the latest by then; 0: nothing had been sent yet
    std::optional<operation> what;  // the operator's command; nullopt: it went by itself
    std::uint32_t uid = 0;          // of the operator

    // What went wrong by then, as the provider or we put it; empty: nothing. Of an operator's step
    // it is what the row said before. At most step_words_bytes_max.
    std::string words;

    bool operator==(const job_step&) const = default;
};

struct job_history {
    std::vector<job_step> steps;  // oldest first
    std::uint64_t omitted = 0;    // how many came before these

    bool operator==(const job_history&) const = default;
};

// The step to be kept when a job in state `from`, of which so many attempts were made, becomes
// `after` by itself; nullopt: the row tells as much.
std::optional<job_step> step_of(job_state from, std::uint32_t attempts, const job& after,
                                wall_time at);

// The step to be kept when the operator `uid` turns `before` into a job in state `to`.
job_step step_of(operation what, std::uint32_t uid, const job& before, job_state to, wall_time at);

}  // namespace onboardd
