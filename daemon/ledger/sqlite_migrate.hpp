#pragma once

// Ledgers of older programs, brought up to the tables of this one.

#include <cstdint>

#include "daemon/ledger/sqlite_database.hpp"

namespace onboardd::sqlite {

// The oldest schema that can be brought up.
inline constexpr std::int64_t schema_version_min = 1;

// Brings the tables of `version` up to schema_version in one transaction: a crash leaves the old
// ledger or the new one. Version 1 had no checksums; a damaged table is refused rather than sealed.
// Costs a rewrite of the whole ledger, once.
void migrate(database& db, std::int64_t version);

}  // namespace onboardd::sqlite
