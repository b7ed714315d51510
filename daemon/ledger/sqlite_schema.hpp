#pragma once

// The tables of the SQLite ledger.

#include <cstdint>

namespace onboardd::sqlite {

inline constexpr std::int64_t application_id = 0x4f4e4264;  // "ONBd"
inline constexpr std::int64_t schema_version = 2;

// Makes all tables in an empty file, within a transaction of the caller.
extern const char* const schema;

// The ledger's identity. Ledgers that were made before there was one get it at their next start.
extern const char* const identity_schema;

// Which jobs rest on a reading of the provider's list; likewise.
extern const char* const proof_schema;

// What operators did; likewise.
extern const char* const operator_schema;

// What rows of jobs do not tell of their past; likewise.
extern const char* const history_schema;

}  // namespace onboardd::sqlite
