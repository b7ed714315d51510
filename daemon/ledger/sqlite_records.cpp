// The part of the store that follows a job after its claim: transitions, outcomes, reports,
// erasing.

#include <algorithm>
#include <tuple>

#include "daemon/ledger/checksum.hpp"
#include "daemon/ledger/sqlite_row.hpp"
#include "daemon/ledger/sqlite_store.hpp"

namespace onboardd::sqlite {

std::optional<store::stored_place> store::place_of(job_id id) {
    if (const auto known = places_.find(id); known != places_.end()) {
        return known->second;
    }
    query found(by_id_, id);
    if (!found.next()) {
        return std::nullopt;
    }
    if (!sound(found)) {
        fail_corrupt("the row of a job in work does not have its checksum: run onboardctl fsck");
    }
    return place_in(found);
}

store::stored_place store::place_in(const query& found) {
    const tally_place counted{.tally = found.integer(tally_column),
                              .batch = found.integer(batch_column),
                              .account = found.integer(account_column),
                              .state = static_cast<job_state>(found.integer(state_column)),
                              .attempts = found.count(attempts_column)};
    return stored_place{counted, found.time_or_none(erase_column),
                        found.time_or_none(finished_column), found.integer(origin_sum_column)};
}

result<void> store::record(const job& after, job_state from, const std::string& raw_answer,
                           wall_time now) {
    const auto before = place_of(after.id);
    if (!before || before->counted.state != from || revoked_.contains(after.id)) {
        return errc::stale_job;
    }
    write(after, *before, raw_answer);
    keep(after.id, step_of(from, before->counted.attempts, after, now));
    release_claim(after.id);
    return {};
}

void store::keep(job_id id, const std::optional<job_step>& step) {
    if (step) {
        history_.add(id, *step);
    }
}

void store::write(const job& after, const stored_place& before, const std::string& raw_answer) {
    const auto from = before.counted.state;
    auto counted = before.counted;
    counted.state = after.state;
    counted.attempts = after.attempts;
    counted.tally = tallies_.row_of(counted.batch, counted.account, after.state, reason_of(after));

    auto erase_at = is_final(after.state) ? after.finished_at : std::nullopt;
    const bool was_erased = is_final(from) && !before.erase_at && before.finished_at;
    if (was_erased && raw_answer.empty()) {
        erase_at.reset();  // there is nothing new to erase
    }
    update_row(update_, after, counted.tally, erase_at, before.origin_sum);
    if (after.state == job_state::submitting) {
        places_.insert_or_assign(
            after.id, stored_place{counted, erase_at, after.finished_at, before.origin_sum});
    } else {
        places_.erase(after.id);
    }
    if (!raw_answer.empty()) {
        put_answer_.run(after.id, bytes_view{raw_answer},
                        checksum_of_body(before.origin_sum, raw_answer));
    }
    tallies_.moved(before.counted, counted);
    if (after.finished_at && after.finished_at != before.finished_at) {
        tallies_.finished(counted.batch, *after.finished_at);
    }
    ++rows_;
}

bool store::sound(const query& rows) {
    const auto origin = origin_sum_of(rows, accounts_.name_of(rows.integer(account_column)),
                                      batches_.name_of(rows.integer(batch_column)));
    if (origin == rows.integer(origin_sum_column) &&
        state_sum_of(rows, origin) == rows.integer(state_sum_column)) {
        return true;
    }
    damaged_.insert(rows.integer(id_column));
    return false;
}

std::optional<job> store::row(const query& rows) {
    if (!sound(rows)) {
        return std::nullopt;
    }
    auto found = read_row(rows);
    found.account = accounts_.name_of(rows.integer(account_column));
    found.batch = batches_.name_of(rows.integer(batch_column));
    return found;
}

std::vector<job> store::unpublished(std::size_t count_max) {
    std::vector<job> found;
    query rows(unpublished_);
    while (found.size() < count_max && rows.next()) {
        auto one = row(rows);
        if (one && has_outcome(*one)) {
            found.push_back(std::move(*one));
        }
    }
    return found;
}

void store::published(const std::vector<std::pair<job_id, std::uint32_t>>& outcomes) {
    for (const auto& [id, revision] : outcomes) {
        published_.run(id, revision);
    }
}

std::vector<published_outcome> store::published_outcomes(wall_time finished_after, job_id id_after,
                                                         std::size_t count_max) {
    std::vector<published_outcome> found;
    query rows(published_outcomes_, finished_after, id_after, count_max);
    while (rows.next()) {
        found.push_back(published_outcome{.id = rows.integer(0),
                                          .finished_at = rows.time(1),
                                          .account = accounts_.name_of(rows.integer(2)),
                                          .reference = rows.text(3)});
    }
    return found;
}

void store::publish_again(const std::vector<job_id>& jobs) {
    for (const auto id : jobs) {
        publish_again_.run(id);
    }
}

std::vector<witness> store::witnesses(const std::string& account, wall_time moment,
                                      std::size_t count_max) {
    std::vector<witness> found;
    const auto account_id = accounts_.find(account);
    if (!account_id) {
        return found;
    }
    for (auto* const some : {&witnesses_after_, &witnesses_until_}) {
        query rows(*some, *account_id, moment);
        for (std::size_t count = 0; count < count_max && rows.next();) {
            auto one = row(rows);
            if (one && is_witness(*one)) {
                ++count;
                found.push_back(
                    {std::move(one->the_case.id), *one->submitted_at, std::move(one->reference)});
            }
        }
    }
    return found;
}

std::vector<std::string> store::finished_batches(std::size_t count_max) {
    std::vector<std::string> names;
    query rows(finished_batches_, count_max);
    while (rows.next()) {
        names.push_back(rows.text(0));
    }
    return names;
}

batch_summary store::summary(const std::string& batch) {
    std::optional<std::int64_t> changed;
    auto found = look_at_batch(batch, &changed);
    if (changed) {
        if (summarized_.size() >= 1024) {
            summarized_.clear();  // a report of a forgotten one is written once more
        }
        summarized_[batch] = *changed;
    }
    return found;
}

batch_summary store::look_at_batch(const std::string& batch, std::optional<std::int64_t>* changed) {
    batch_summary found;
    found.batch = batch;
    query batches(batch_, batch);
    if (!batches.next()) {
        return found;
    }
    if (changed != nullptr) {
        *changed = batches.integer(1);
    }
    found.first_received_at = batches.time_or_none(2);
    found.last_finished_at = batches.time_or_none(3);
    found.tallies = tallies_of(batches.integer(0));
    return found;
}

std::vector<batch_summary> store::recent_batches(std::size_t count_max) {
    std::vector<batch_summary> found;
    query rows(recent_batches_, count_max);
    while (rows.next()) {
        found.push_back(batch_summary{.batch = rows.text(1),
                                      .first_received_at = rows.time_or_none(2),
                                      .last_finished_at = rows.time_or_none(3),
                                      .tallies = tallies_of(rows.integer(0))});
    }
    return found;
}

job_page store::jobs(job_id after, std::size_t count_max) {
    job_page page;
    page.last = after;
    std::size_t seen = 0;
    query rows(page_, after, count_max);
    for (; rows.next(); ++seen) {
        page.last = rows.integer(id_column);
        if (auto found = row(rows)) {
            page.rows.push_back(std::move(*found));
        } else {
            page.damaged.push_back(page.last);
        }
    }
    page.end = seen < count_max;
    return page;
}

std::vector<tally> store::tallies_of(std::int64_t batch) {
    std::vector<tally> found;
    query rows(batch_tallies_, batch);
    while (rows.next()) {
        found.push_back(tally{.account = accounts_.name_of(rows.integer(0)),
                              .state = static_cast<job_state>(rows.integer(1)),
                              .reason = rows.text(2),
                              .jobs = static_cast<std::uint64_t>(rows.integer(3)),
                              .attempts = static_cast<std::uint64_t>(rows.integer(4))});
    }
    std::ranges::sort(found, [](const tally& a, const tally& b) {
        return std::tie(a.account, a.state, a.reason) < std::tie(b.account, b.state, b.reason);
    });
    return found;
}

void store::reported(const std::string& batch) {
    const auto seen = summarized_.find(batch);
    const auto id = batches_.find(batch);
    if (seen != summarized_.end() && id) {
        reported_.run(*id, seen->second);
    }
}

std::vector<tally> store::totals() {
    std::vector<tally> found;
    for (const auto& [key, sum] : tallies_.totals()) {
        if (sum.jobs != 0) {
            found.push_back(tally{.account = accounts_.name_of(key.account),
                                  .state = key.state,
                                  .reason = {},
                                  .jobs = static_cast<std::uint64_t>(sum.jobs),
                                  .attempts = static_cast<std::uint64_t>(sum.attempts)});
        }
    }
    std::ranges::sort(found, [](const tally& a, const tally& b) {
        return std::tie(a.account, a.state) < std::tie(b.account, b.state);
    });
    return found;
}

result<std::optional<job>> store::find(const std::string& account, const std::string& reference) {
    std::optional<job> found;
    const auto account_id = accounts_.find(account);
    if (!account_id) {
        return found;
    }
    query rows(by_identity_, *account_id, reference);
    if (rows.next()) {
        found = row(rows);
        if (!found) {
            return errc::damaged_row;
        }
    }
    return found;
}

result<std::string> store::answer_of(job_id id) {
    query rows(answer_, id);
    if (!rows.next()) {
        return std::string();
    }
    if (rows.integer(1) != checksum_of_body(rows.integer(2), rows.bytes(0))) {
        damaged_.insert(id);
        return errc::damaged_row;
    }
    return rows.text(0);
}

job_history store::history(job_id id) {
    return history_.of(id);
}

std::size_t store::erase_requests(wall_time before, std::size_t count_max) {
    std::vector<job_id> found;
    {
        query rows(erasable_, before, count_max);
        while (rows.next()) {
            found.push_back(rows.integer(0));
        }
    }
    for (const auto id : found) {
        erase_request_.run(id);
        erase_answer_.run(id);
        history_.forget(id);
        erased_mark_.run(id);
        places_.erase(id);
    }
    erased_ = erased_ || !found.empty();
    log_is_to_go_ = erased_ && found.size() < count_max;
    return found.size();
}

template <class Change>
std::size_t store::change_each(query& found, Change change) {
    std::vector<job_id> jobs;
    while (found.next()) {
        jobs.push_back(found.integer(0));
    }
    std::size_t changed = 0;
    for (const auto id : jobs) {
        auto row = by_id(id);
        if (!row) {
            continue;  // damaged: nothing is sent for it
        }
        const auto before = place_of(id);
        const std::optional<job_step> step = change(*row);
        write(*row, *before, {});
        keep(id, step);
        ++changed;
    }
    return changed;
}

std::size_t store::doubt_all(wall_time now) {
    statement open(db_, "SELECT id FROM job WHERE state IN (?, ?, ?, ?)");
    query found(open, static_cast<int>(job_state::queued), static_cast<int>(job_state::deferred),
                static_cast<int>(job_state::submitting), static_cast<int>(job_state::unknown));
    return change_each(found, [&](job& row) {
        job_step step{.at = now,
                      .from = row.state,
                      .to = job_state::unknown,
                      .attempt = row.attempts,
                      .what = {},
                      .uid = 0,
                      .words = put_back_words};
        row.state = job_state::unknown;
        row.due_at = now;
        row.lost_at = now;
        row.absent_since.reset();
        return step;
    });
}

void store::publish_all_again() {
    db_.run("UPDATE job SET published = 0 WHERE published > 0");
    db_.run("UPDATE batch SET reported = 0");
}

std::int64_t store::next_epoch(std::int64_t past) {
    query changed(next_epoch_, past);
    changed.next();
    const auto epoch = changed.integer(0);
    changed.next();  // to the end, so that it is done
    return epoch;
}

std::size_t store::doubt_submitting(wall_time now, milliseconds send_window) {
    query found(in_flight_);
    return change_each(found, [&](job& row) {
        row.state = job_state::unknown;
        row.due_at = now;
        row.absent_since.reset();
        row.error.reset();  // it is of an earlier attempt
        // The last byte left within the window, and not after the process had ended.
        row.lost_at = std::min(now, row.submitted_at.value_or(now) + send_window);
        return step_of(job_state::submitting, row.attempts, row, *row.lost_at);
    });
}

std::size_t store::forget_proofs() {
    query found(proofs_);
    return change_each(found, [](job& row) {
        row.absent_since.reset();
        return std::nullopt;
    });
}

std::optional<job> store::by_id(job_id id) {
    query rows(by_id_, id);
    if (!rows.next()) {
        fail_corrupt("an index and the jobs disagree");
    }
    return row(rows);
}

}  // namespace onboardd::sqlite
