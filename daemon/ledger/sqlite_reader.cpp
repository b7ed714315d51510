#include <utility>

#include "daemon/ledger/sqlite_file.hpp"
#include "daemon/ledger/sqlite_row.hpp"
#include "daemon/ledger/sqlite_schema.hpp"
#include "daemon/ledger/sqlite_store.hpp"
#include "onboardd/ledger/ledger_reader.hpp"

namespace onboardd {
namespace {

using sqlite::query;
using sqlite::refuse;
using sqlite::statement;
using std::filesystem::path;

// Between here and the end of the scope the tables are read as they were at one moment.
class moment {
public:
    explicit moment(sqlite::store& tables) : tables_(tables) { tables_.begin(false); }
    moment(const moment&) = delete;
    moment& operator=(const moment&) = delete;
    ~moment() { tables_.give_up(); }  // nothing was written

private:
    sqlite::store& tables_;
};

sqlite::database open_to_read(const path& file) {
    const auto header = sqlite::read_header(file);
    if (!header) {
        refuse(file, "is not there: onboardd makes it when it first runs");
    }
    if (header->application_id != sqlite::application_id) {
        refuse(file, "is an SQLite database of another program");
    }
    sqlite::database db(file, sqlite::database::access::read);
    db.run("PRAGMA mmap_size = 0");
    db.run("PRAGMA trusted_schema = OFF");
    const auto version = db.integer("PRAGMA user_version");
    if (version < sqlite::schema_version) {
        refuse(file, "has the older schema " + std::to_string(version) +
                         ": start this onboardd once, it brings it up");
    }
    if (version > sqlite::schema_version) {
        refuse(file, "was written by a newer onboardd (schema " + std::to_string(version) + ")");
    }
    return db;
}

class sqlite_reader final : public ledger_reader {
public:
    explicit sqlite_reader(const path& file)
        : db_(open_to_read(file)),
          tables_(db_),
          accounts_(db_, "SELECT name FROM account ORDER BY name"),
          totals_(db_,
                  "SELECT account.name, state, sum(jobs), sum(attempts) FROM tally JOIN account"
                  " ON account.id = tally.account WHERE jobs > 0 GROUP BY account.name, state"
                  " ORDER BY account.name, state") {}

    job_page jobs(job_id after, std::size_t count_max) override {
        const moment now(tables_);
        return tables_.jobs(after, count_max);
    }

    result<std::optional<job>> find(const std::string& account,
                                    const std::string& reference) override {
        const moment now(tables_);
        return tables_.find(account, reference);
    }

    job_history history(job_id job) override {
        const moment now(tables_);
        try {
            return tables_.history(job);
        } catch (const sqlite::failure&) {
            return {};  // the job itself is worth more than its past
        }
    }

    std::vector<std::string> accounts() override {
        std::vector<std::string> found;
        query rows(accounts_);
        while (rows.next()) {
            found.push_back(rows.text(0));
        }
        return found;
    }

    std::vector<tally> totals() override {
        std::vector<tally> found;
        query rows(totals_);
        while (rows.next()) {
            found.push_back(tally{.account = rows.text(0),
                                  .state = static_cast<job_state>(rows.integer(1)),
                                  .reason = {},
                                  .jobs = static_cast<std::uint64_t>(rows.integer(2)),
                                  .attempts = static_cast<std::uint64_t>(rows.integer(3))});
        }
        return found;
    }

    std::vector<operator_pause> pauses() override {
        const moment now(tables_);
        return tables_.pauses();
    }

    batch_summary summary(const std::string& batch) override {
        const moment now(tables_);
        return tables_.summary(batch);
    }

    std::vector<batch_summary> recent_batches(std::size_t count_max) override {
        const moment now(tables_);
        return tables_.recent_batches(count_max);
    }

private:
    sqlite::database db_;
    sqlite::store tables_;
    statement accounts_;
    statement totals_;
};

}  // namespace

std::unique_ptr<ledger_reader> open_ledger_reader(const path& file) {
    try {
        return std::make_unique<sqlite_reader>(file);
    } catch (const sqlite::failure& cause) {
        refuse(file, std::string("cannot be read: ") + cause.what());
    }
}

}  // namespace onboardd
