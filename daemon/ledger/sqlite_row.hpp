#pragma once

// A job as columns, and back.

#include <string>
#include <string_view>

#include "daemon/ledger/sqlite_database.hpp"
#include "onboardd/ledger/job.hpp"
#include "onboardd/spool/job_file.hpp"

namespace onboardd::sqlite {

// What read_row() reads, in its order, then the fingerprint.
extern const char* const job_columns;
inline constexpr int fingerprint_column = 30;

// Parameters: account, batch, tally, priority, due_at, received_at, not_before, expires_at,
// reference, content, fingerprint. Does nothing when the identity is known.
extern const char* const insert_job;

// Parameters as update_row() gives them.
extern const char* const update_job;

// The account's and the batch's names are left to the caller: they are kept apart.
job read_row(const query& rows);
inline constexpr int account_column = 1;
inline constexpr int batch_column = 2;

void update_row(statement& update, const job& after, std::int64_t tally,
                std::optional<wall_time> erase_at);

// A fingerprint as text, whatever bytes it holds: netstrings, the organization number first.
std::string pack(const case_fingerprint& fingerprint);
case_fingerprint unpack(std::string_view packed);

}  // namespace onboardd::sqlite
