#pragma once

// What checking and building anew have in common: every row, sound or not.

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/ledger/sqlite_database.hpp"
#include "onboardd/ledger/job.hpp"

namespace onboardd::sqlite {

using names = std::unordered_map<std::int64_t, std::string>;

names read_names(database& db, const std::string& table);

struct row_verdict {
    bool origin_sound = false;
    bool state_sound = false;
    std::string account;  // as the row names them; empty: there is no such
    std::string batch;

    [[nodiscard]] bool sound() const { return origin_sound && state_sound; }
};

row_verdict judge(const query& rows, const names& accounts, const names& batches);

// A row as a job; it must be sound.
job read_sound(const query& rows, const row_verdict& verdict);

struct job_identity {
    std::int64_t account = 0;
    std::string reference;
};

using identities = std::unordered_map<job_id, job_identity>;

// Adds the identities by their index, which has its own copy of them, from either end: as many as
// can be read, before it throws failure.
enum class index_end : std::uint8_t { first, last };
void add_identities(database& db, index_end from, identities& to);

// "T12345678/seller-1" where it can be told, else "row 17".
std::string subject_of(job_id id, const std::string& account, std::string_view reference);

}  // namespace onboardd::sqlite
