#include "daemon/ledger/sqlite_operator.hpp"

#include "daemon/ledger/sqlite_schema.hpp"

namespace onboardd::sqlite {

void set_pause(database& db, const std::string& account,
               const std::optional<operator_pause>& pause) {
    statement forget(db, "DELETE FROM operator_pause WHERE account = ?");
    forget.run(account);
    if (pause) {
        statement remember(db, "INSERT INTO operator_pause (account, since, uid) VALUES (?, ?, ?)");
        remember.run(account, pause->since, pause->uid);
    }
}

std::vector<operator_pause> pauses(database& db) {
    std::vector<operator_pause> found;
    if (!db.has_table("operator_pause")) {
        return found;
    }
    statement all(db, "SELECT account, since, uid FROM operator_pause ORDER BY account");
    query rows(all);
    while (rows.next()) {
        found.push_back({.account = rows.text(0), .since = rows.time(1), .uid = rows.count(2)});
    }
    return found;
}

void note_restored(database& db, wall_time at) {
    statement note(db, "INSERT OR REPLACE INTO restored (id, at) VALUES (1, ?)");
    note.run(at);
}

std::optional<wall_time> restored_at(database& db) {
    if (!db.has_table("restored")) {
        return std::nullopt;
    }
    statement read(db, "SELECT at FROM restored");
    query rows(read);
    return rows.next() ? std::optional(rows.time(0)) : std::nullopt;
}

}  // namespace onboardd::sqlite
