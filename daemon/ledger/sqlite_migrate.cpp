#include "daemon/ledger/sqlite_migrate.hpp"

#include <vector>

#include "daemon/ledger/checksum.hpp"
#include "daemon/ledger/sqlite_row.hpp"
#include "daemon/ledger/sqlite_schema.hpp"
#include "daemon/ledger/sqlite_store.hpp"

namespace onboardd::sqlite {
namespace {

// Rows read at a time: no statement reads a table while another changes it.
constexpr int portion = 1000;

struct seal {
    std::int64_t id = 0;
    std::int64_t first = 0;
    std::int64_t second = 0;
};

// Reads what `select` gives behind an id, computes, writes, until nothing is left.
template <class Compute>
void seal_all(database& db, const std::string& select, const char* update, Compute compute) {
    statement next(db, select);
    statement change(db, update);
    for (std::int64_t last = 0;;) {
        std::vector<seal> seals;
        {
            query rows(next, last, portion);
            while (rows.next()) {
                seals.push_back(compute(rows));
            }
        }
        if (seals.empty()) {
            return;
        }
        for (const auto& one : seals) {
            change.run(one.id, one.first, one.second);
        }
        last = seals.back().id;
    }
}

void seal_jobs(database& db) {
    name_table accounts(db, "account");
    name_table batches(db, "batch");
    seal_all(
        db, std::string("SELECT ") + job_columns + " FROM job WHERE id > ? ORDER BY id LIMIT ?",
        "UPDATE job SET origin_sum = ?2, state_sum = ?3 WHERE id = ?1", [&](const query& rows) {
            const auto origin = origin_sum_of(rows, accounts.name_of(rows.integer(account_column)),
                                              batches.name_of(rows.integer(batch_column)));
            return seal{rows.integer(id_column), origin, state_sum_of(rows, origin)};
        });
}

void seal_bodies(database& db, const std::string& table, const char* update) {
    seal_all(db,
             "SELECT body.job, body.body, job.origin_sum FROM " + table +
                 " AS body JOIN job ON job.id = body.job WHERE body.job > ?"
                 " ORDER BY body.job LIMIT ?",
             update, [](const query& rows) {
                 return seal{rows.integer(0), checksum_of_body(rows.integer(2), rows.bytes(1)), 0};
             });
}

void check_before_sealing(database& db) {
    if (const auto verdict = db.text("PRAGMA quick_check"); verdict != "ok") {
        fail_corrupt("it is to be brought up to the schema of this program, but is damaged (" +
                     verdict + ")");
    }
}

}  // namespace

void migrate(database& db, std::int64_t version) {
    if (version == schema_version) {
        return;
    }
    check_before_sealing(db);
    db.run("BEGIN IMMEDIATE");
    db.run("ALTER TABLE job ADD COLUMN origin_sum INTEGER NOT NULL DEFAULT 0");
    db.run("ALTER TABLE job ADD COLUMN state_sum INTEGER NOT NULL DEFAULT 0");
    db.run("ALTER TABLE request ADD COLUMN sum INTEGER NOT NULL DEFAULT 0");
    db.run("ALTER TABLE answer ADD COLUMN sum INTEGER NOT NULL DEFAULT 0");
    seal_jobs(db);
    seal_bodies(db, "request", "UPDATE request SET sum = ?2 WHERE job = ?1 AND ?3 = 0");
    seal_bodies(db, "answer", "UPDATE answer SET sum = ?2 WHERE job = ?1 AND ?3 = 0");
    db.run(("PRAGMA user_version = " + std::to_string(schema_version)).c_str());
    db.run("COMMIT");
}

}  // namespace onboardd::sqlite
