#include "daemon/ledger/sqlite_survey.hpp"

#include "daemon/ledger/sqlite_row.hpp"

namespace onboardd::sqlite {

names read_names(database& db, const std::string& table) {
    names found;
    statement all(db, "SELECT id, name FROM " + table);
    query rows(all);
    while (rows.next()) {
        found.emplace(rows.integer(0), rows.text(1));
    }
    return found;
}

row_verdict judge(const query& rows, const names& accounts, const names& batches) {
    row_verdict verdict;
    const auto account = accounts.find(rows.integer(account_column));
    const auto batch = batches.find(rows.integer(batch_column));
    verdict.account = account != accounts.end() ? account->second : "";
    verdict.batch = batch != batches.end() ? batch->second : "";
    const auto origin = origin_sum_of(rows, verdict.account, verdict.batch);
    verdict.origin_sound = origin == rows.integer(origin_sum_column);
    // Sealed with the origin's stored sum: the state may be good where the origin is not.
    verdict.state_sound =
        state_sum_of(rows, rows.integer(origin_sum_column)) == rows.integer(state_sum_column);
    return verdict;
}

job read_sound(const query& rows, const row_verdict& verdict) {
    auto row = read_row(rows);
    row.account = verdict.account;
    row.batch = verdict.batch;
    return row;
}

void add_identities(database& db, index_end from, identities& to) {
    const std::string order = from == index_end::first ? " ASC" : " DESC";
    statement all(
        db, "SELECT id, account, reference FROM job INDEXED BY identity ORDER BY account" + order +
                ", reference" + order);
    query rows(all);
    while (rows.next()) {
        to.emplace(rows.integer(0), job_identity{rows.integer(1), rows.text(2)});
    }
}

std::string subject_of(job_id id, const std::string& account, std::string_view reference) {
    return account.empty() || reference.empty() ? "row " + std::to_string(id)
                                                : account + "/" + std::string(reference);
}

}  // namespace onboardd::sqlite
