#pragma once

// The night at a glance: what the status page and /api/status show, condensed from the ledger's
// sums. No text of the provider and no reference is in it: reasons are cut down to their class.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "onboardd/admin/rate_history.hpp"
#include "onboardd/admin/reports.hpp"
#include "onboardd/engine/engine.hpp"
#include "onboardd/ledger/ledger.hpp"

namespace onboardd::admin {

struct reason_count {
    std::string reason;  // "refused 400 invalid_parameter"
    std::uint64_t jobs = 0;
};

struct batch_progress {
    std::string name;
    state_counts by_state{};
    std::optional<wall_time> first_received_at;
    std::optional<wall_time> last_finished_at;
    std::vector<reason_count> refusals;  // of jobs that ended without a case, most frequent first
    std::map<std::string, std::uint64_t> open_in;  // accounts with open jobs, and how many

    [[nodiscard]] std::uint64_t all() const;
    [[nodiscard]] std::uint64_t ended() const;  // final
    [[nodiscard]] std::uint64_t open() const;   // neither final nor held

    // It has an open job, or had one within the last 24 hours.
    [[nodiscard]] bool is_of_tonight(wall_time now) const;
};

inline constexpr std::size_t batches_read_max = 500;  // what a night is summed up from
inline constexpr std::size_t batches_shown_max = 20;  // one by one

struct overview {
    engine_status status;
    std::vector<batch_progress> batches;  // with open jobs first, then the newest; batches_read_max
    rate_history rate;
    std::vector<report_file> reports;
    wall_time now{};
};

// "refused 400 invalid_parameter: the organization 987654325 ..." without its message.
std::string class_of_reason(const std::string& reason);

batch_progress condense(const batch_summary& summary);

// The refusals of tonight's batches, most frequent first, at most `count_max`.
std::vector<reason_count> refusals_of_tonight(const overview& now, std::size_t count_max);

// How long `open` jobs take at the rate of late; nullopt: nobody can tell.
std::optional<std::chrono::seconds> time_left(std::uint64_t open, double per_second);

// Open jobs of accounts that send nothing for now: paused, their window closed, or not in the
// configuration. The rate of late says nothing about when those end.
std::uint64_t waiting_jobs(const batch_progress& batch, const engine_status& status);

// When all jobs of the batch will have ended; nullopt also where some of them wait.
std::optional<std::chrono::seconds> time_left(const batch_progress& batch, const overview& now);

}  // namespace onboardd::admin
