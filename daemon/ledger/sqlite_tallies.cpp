#include "daemon/ledger/sqlite_tallies.hpp"

#include <algorithm>

#include "onboardd/ledger/ledger.hpp"

namespace onboardd::sqlite {
namespace {

constexpr std::size_t cached_rows_max = 4096;

}  // namespace

tallies::tallies(database& db)
    : sums_(db,
            "SELECT account, state, sum(jobs), sum(attempts) FROM tally GROUP BY account, state"),
      find_(db,
            "SELECT id FROM tally WHERE batch = ? AND account = ? AND state = ? AND reason = ?"),
      count_reasons_(db,
                     "SELECT count(*) FROM tally WHERE batch = ? AND account = ? AND state = ?"),
      make_(db,
            "INSERT INTO tally (batch, account, state, reason) VALUES (?, ?, ?, ?) RETURNING id"),
      change_tally_(db,
                    "UPDATE tally SET jobs = jobs + ?2, attempts = attempts + ?3 WHERE id = ?1"),
      change_batch_(
          db,
          "UPDATE batch SET open = open + ?2, changed = changed + 1,"
          " first_received_at = min(ifnull(first_received_at, ?3), ifnull(?3, first_received_at)),"
          " last_finished_at = max(ifnull(last_finished_at, ?4), ifnull(?4, last_finished_at))"
          " WHERE id = ?1") {
    load_totals();
}

void tallies::load_totals() {
    totals_.clear();
    query rows(sums_);
    while (rows.next()) {
        const account_state key{rows.integer(0), static_cast<job_state>(rows.integer(1))};
        totals_[key] = sum{rows.integer(2), rows.integer(3)};
    }
}

std::int64_t tallies::row_of(std::int64_t batch, std::int64_t account, job_state state,
                             const std::string& reason) {
    const tally_key key{batch, account, state, reason};
    if (const auto known = rows_.find(key); known != rows_.end()) {
        return known->second;
    }
    if (rows_.size() >= cached_rows_max) {
        rows_.clear();
    }
    const auto id = find_or_make(key);
    rows_.emplace(key, id);
    return id;
}

std::int64_t tallies::find_or_make(const tally_key& key) {
    const auto state = static_cast<int>(key.state);
    if (query found(find_, key.batch, key.account, state, key.reason); found.next()) {
        return found.integer(0);
    }
    if (key.reason != other_reasons && !key.reason.empty()) {
        query reasons(count_reasons_, key.batch, key.account, state);
        reasons.next();
        if (static_cast<std::size_t>(reasons.integer(0)) >= reasons_max) {
            return row_of(key.batch, key.account, key.state, other_reasons);
        }
    }
    query made(make_, key.batch, key.account, state, key.reason);
    made.next();
    return made.integer(0);
}

void tallies::count(const tally_place& place, std::int64_t sign) {
    const auto attempts = sign * std::int64_t{place.attempts};
    for (auto* changed : {&tally_changes_[place.tally], &totals_[{place.account, place.state}]}) {
        changed->jobs += sign;
        changed->attempts += attempts;
    }
}

void tallies::received(const tally_place& place, wall_time at) {
    count(place, 1);
    auto& batch = batch_changes_[place.batch];
    batch.open += is_open(place.state) ? 1 : 0;
    batch.first_received_at = std::min(batch.first_received_at.value_or(at), at);
}

void tallies::moved(const tally_place& from, const tally_place& to) {
    if (from == to) {
        return;  // the summary of the batch stays as it is
    }
    count(from, -1);
    count(to, 1);
    batch_changes_[to.batch].open += (is_open(to.state) ? 1 : 0) - (is_open(from.state) ? 1 : 0);
}

void tallies::finished(std::int64_t batch, wall_time at) {
    auto& change = batch_changes_[batch];
    change.last_finished_at = std::max(change.last_finished_at.value_or(at), at);
}

void tallies::flush() {
    for (const auto& [id, change] : tally_changes_) {
        if (change.jobs != 0 || change.attempts != 0) {
            change_tally_.run(id, change.jobs, change.attempts);
        }
    }
    for (const auto& [id, change] : batch_changes_) {
        change_batch_.run(id, change.open, change.first_received_at, change.last_finished_at);
    }
    drop();
}

void tallies::reload() {
    drop();
    rows_.clear();
    load_totals();
}

void tallies::drop() noexcept {
    tally_changes_.clear();
    batch_changes_.clear();
}

}  // namespace onboardd::sqlite
