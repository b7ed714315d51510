#include "daemon/ledger/sqlite_history.hpp"

#include <algorithm>

namespace onboardd::sqlite {
namespace {

statement& prepared(std::optional<statement>& known, database& db, const char* sql) {
    return known ? *known : known.emplace(db, sql);
}

std::optional<job_state> state_in(const query& rows, int column) {
    const auto* const found =
        std::ranges::find(all_job_states, rows.integer(column),
                          [](job_state one) { return static_cast<std::int64_t>(one); });
    return found == std::end(all_job_states) ? std::nullopt : std::optional(*found);
}

std::optional<operation> operation_in(const query& rows, int column) {
    const auto* const found =
        std::ranges::find(all_operations, rows.integer(column),
                          [](operation one) { return static_cast<std::int64_t>(one); });
    return found == std::end(all_operations) ? std::nullopt : std::optional(*found);
}

}  // namespace

void history_table::add(job_id job, const job_step& step) {
    auto& insert = prepared(
        add_, db_,
        "INSERT INTO step (job, number, at, was, became, attempt, operation, uid, words) VALUES"
        " (?1, 1 + coalesce((SELECT max(number) FROM step WHERE job = ?1), 0), ?2, ?3, ?4, ?5, ?6,"
        " ?7, ?8) RETURNING number");
    std::int64_t number = 0;
    {
        query made(insert, job, step.at, static_cast<int>(step.from), static_cast<int>(step.to),
                   step.attempt,
                   step.what ? std::optional(static_cast<int>(*step.what)) : std::nullopt, step.uid,
                   step.words);
        made.next();
        number = made.integer(0);
        made.next();  // to the end, so that it is done
    }
    if (number > static_cast<std::int64_t>(history_steps_max)) {
        prepared(cut_, db_, "DELETE FROM step WHERE job = ? AND number <= ?")
            .run(job, number - static_cast<std::int64_t>(history_steps_max));
    }
}

// What the ledger does not write is left out: this is for people, and decides nothing.
job_history history_table::of(job_id job) {
    job_history found;
    if (!read_ && !db_.has_table("step")) {
        return found;
    }
    query rows(prepared(read_, db_,
                        "SELECT number, at, was, became, attempt, operation, uid, words FROM step"
                        " WHERE job = ? ORDER BY number"),
               job);
    while (rows.next() && found.steps.size() < history_steps_max) {
        const auto from = state_in(rows, 2);
        const auto to = state_in(rows, 3);
        if (!from || !to) {
            continue;
        }
        if (found.steps.empty()) {
            found.omitted =
                static_cast<std::uint64_t>(std::max<std::int64_t>(rows.integer(0), 1)) - 1;
        }
        found.steps.push_back({.at = rows.time(1),
                               .from = *from,
                               .to = *to,
                               .attempt = rows.count(4),
                               .what = operation_in(rows, 5),
                               .uid = rows.count(6),
                               .words = rows.text(7)});
    }
    return found;
}

void history_table::forget(job_id job) {
    prepared(forget_, db_, "DELETE FROM step WHERE job = ?").run(job);
}

}  // namespace onboardd::sqlite
