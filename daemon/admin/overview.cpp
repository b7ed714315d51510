#include "onboardd/admin/overview.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace onboardd::admin {
namespace {

constexpr milliseconds a_night = std::chrono::hours(24);
constexpr double seconds_max = 30.0 * 86400;  // beyond that an estimate says nothing

std::vector<reason_count> most_frequent_first(const std::map<std::string, std::uint64_t>& sums) {
    std::vector<reason_count> found;
    found.reserve(sums.size());
    for (const auto& [reason, jobs] : sums) {
        found.push_back({reason, jobs});
    }
    std::ranges::stable_sort(found, std::greater<>(), &reason_count::jobs);
    return found;
}

template <class Choose>
std::uint64_t sum_of(const state_counts& counts, Choose chosen) {
    std::uint64_t sum = 0;
    for (const auto state : all_job_states) {
        sum += chosen(state) ? counts[static_cast<std::size_t>(state)] : 0;
    }
    return sum;
}

}  // namespace

std::uint64_t batch_progress::all() const {
    return sum_of(by_state, [](job_state) { return true; });
}

std::uint64_t batch_progress::ended() const {
    return sum_of(by_state, is_final);
}

std::uint64_t batch_progress::open() const {
    return sum_of(by_state, is_open);
}

bool batch_progress::is_of_tonight(wall_time now) const {
    const auto last = last_finished_at.value_or(first_received_at.value_or(now));
    return open() != 0 || now - last < a_night;
}

std::string class_of_reason(const std::string& reason) {
    return reason.substr(0, reason.find(':'));
}

batch_progress condense(const batch_summary& summary) {
    batch_progress out;
    out.name = summary.batch;
    out.first_received_at = summary.first_received_at;
    out.last_finished_at = summary.last_finished_at;
    std::map<std::string, std::uint64_t> refusals;
    for (const auto& one : summary.tallies) {
        out.by_state[static_cast<std::size_t>(one.state)] += one.jobs;
        if (is_open(one.state)) {
            out.open_in[one.account] += one.jobs;
        }
        if (is_final(one.state) && one.state != job_state::created) {
            refusals[class_of_reason(one.reason)] += one.jobs;
        }
    }
    out.refusals = most_frequent_first(refusals);
    return out;
}

std::vector<reason_count> refusals_of_tonight(const overview& now, std::size_t count_max) {
    std::map<std::string, std::uint64_t> sums;
    for (const auto& batch : now.batches) {
        if (!batch.is_of_tonight(now.now)) {
            continue;
        }
        for (const auto& one : batch.refusals) {
            sums[one.reason] += one.jobs;
        }
    }
    auto found = most_frequent_first(sums);
    found.resize(std::min(found.size(), count_max));
    return found;
}

std::uint64_t waiting_jobs(const batch_progress& batch, const engine_status& status) {
    std::uint64_t sum = 0;
    for (const auto& account : status.accounts) {
        const auto open = batch.open_in.find(account.id);
        sum += account.waits() && open != batch.open_in.end() ? open->second : 0;
    }
    return sum;
}

std::optional<std::chrono::seconds> time_left(const batch_progress& batch, const overview& now) {
    return waiting_jobs(batch, now.status) == 0
               ? time_left(batch.open(), now.rate.recent_per_second())
               : std::nullopt;
}

std::optional<std::chrono::seconds> time_left(std::uint64_t open, double per_second) {
    const double needed = static_cast<double>(open) / per_second;
    if (open == 0 || !(per_second > 0) || needed > seconds_max) {
        return std::nullopt;
    }
    return std::chrono::seconds(static_cast<std::int64_t>(std::ceil(needed)));
}

}  // namespace onboardd::admin
