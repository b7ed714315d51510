#include "daemon/ledger/sqlite_history.hpp"

#include <algorithm>
#include <utility>

namespace onboardd::sqlite {
namespace {

statement& prepared(std::optional<statement>& known, database& db, const char* sql) {
    return known ? *known : known.emplace(db, sql);
}

// The enumerator with the number in this column.
template <class Enum, std::size_t N>
std::optional<Enum> one_of(const Enum (&all)[N], const query& rows, int column) {
    const auto* const found = std::ranges::find(
        all, rows.integer(column), [](Enum one) { return static_cast<std::int64_t>(one); });
    return found == std::end(all) ? std::nullopt : std::optional(*found);
}

std::optional<std::uint32_t> number_in(const query& rows, int column) {
    const auto number = rows.integer(column);
    return std::in_range<std::uint32_t>(number) ? std::optional(static_cast<std::uint32_t>(number))
                                                : std::nullopt;
}

std::optional<job_step> step_in(const query& rows) {
    const auto from = one_of(all_job_states, rows, 2);
    const auto to = one_of(all_job_states, rows, 3);
    const auto attempt = number_in(rows, 4);
    const auto what = one_of(all_operations, rows, 5);
    const auto uid = number_in(rows, 6);
    if (!from || !to || !attempt || !uid || (!what && !rows.is_null(5))) {
        return std::nullopt;
    }
    return job_step{.at = rows.time(1),
                    .from = *from,
                    .to = *to,
                    .attempt = *attempt,
                    .what = what,
                    .uid = *uid,
                    .words = rows.text(7)};
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
        auto step = step_in(rows);
        if (!step) {
            continue;
        }
        if (found.steps.empty()) {
            found.omitted =
                static_cast<std::uint64_t>(std::max<std::int64_t>(rows.integer(0), 1)) - 1;
        }
        found.steps.push_back(std::move(*step));
    }
    return found;
}

void history_table::forget(job_id job) {
    prepared(forget_, db_, "DELETE FROM step WHERE job = ?").run(job);
}

}  // namespace onboardd::sqlite
