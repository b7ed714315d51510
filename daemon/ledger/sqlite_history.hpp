#pragma once

// The steps of jobs that their rows do not tell. Within a transaction of the caller.

#include <optional>

#include "daemon/ledger/sqlite_database.hpp"
#include "onboardd/ledger/history.hpp"

namespace onboardd::sqlite {

class history_table {
public:
    explicit history_table(database& db) : db_(db) {}

    void add(job_id job, const job_step& step);

    // Ledgers get the table at their next start: where it is missing, nothing was kept.
    job_history of(job_id job);

    void forget(job_id job);

private:
    database& db_;
    // Made when they are first used, since the table may be younger than the ledger.
    std::optional<statement> add_;
    std::optional<statement> cut_;
    std::optional<statement> read_;
    std::optional<statement> forget_;
};

}  // namespace onboardd::sqlite
