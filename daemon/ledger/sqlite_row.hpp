#pragma once

// A job as columns, and back. Each row carries two checksums: of what never changes (its origin:
// identity, batch, arrival, content) and of the rest together with the first. So a transition need
// not read the origin to seal what it writes.

#include <string>
#include <string_view>

#include "daemon/ledger/sqlite_database.hpp"
#include "onboardd/ledger/job.hpp"
#include "onboardd/spool/job_file.hpp"

namespace onboardd::sqlite {

// What the functions on rows read, in this order. What stands before state_sum is what it covers.
extern const char* const job_columns;
inline constexpr int id_column = 0;
inline constexpr int tally_column = 1;
inline constexpr int state_column = 2;
inline constexpr int work_column = 3;
inline constexpr int finished_column = 10;
inline constexpr int attempts_column = 11;
inline constexpr int case_uuid_column = 15;
inline constexpr int revision_column = 26;
inline constexpr int origin_sum_column = 28;
inline constexpr int state_sum_column = 29;
inline constexpr int account_column = 30;
inline constexpr int batch_column = 31;
inline constexpr int received_column = 32;
inline constexpr int reference_column = 33;
inline constexpr int content_column = 34;
inline constexpr int fingerprint_column = 35;
inline constexpr int published_column = 36;
inline constexpr int erase_column = 37;

// Does nothing when the identity is known.
extern const char* const insert_job;
extern const char* const update_job;

// What of a job never changes, as stored.
struct job_origin {
    std::int64_t account = 0;  // the row of the name
    std::int64_t batch = 0;
    std::string_view account_name;
    std::string_view batch_name;
    wall_time received_at{};
    std::string_view reference;
    std::string_view content;
    std::string_view fingerprint;
};

std::int64_t sum_of(const job_origin& origin);

// The checksums that a row should have.
std::int64_t origin_sum_of(const query& rows, std::string_view account_name,
                           std::string_view batch_name);
std::int64_t state_sum_of(const query& rows, std::int64_t origin_sum);

// A row whose checksums have been verified. The account's and the batch's names are left to the
// caller: they are kept apart.
job read_row(const query& rows);

void insert_row(statement& insert, const job& fresh, std::int64_t tally, const job_origin& origin);
void update_row(statement& update, const job& after, std::int64_t tally,
                std::optional<wall_time> erase_at, std::int64_t origin_sum);

// A fingerprint as text, whatever bytes it holds: netstrings, the organization number first.
std::string pack(const case_fingerprint& fingerprint);
case_fingerprint unpack(std::string_view packed);

}  // namespace onboardd::sqlite
