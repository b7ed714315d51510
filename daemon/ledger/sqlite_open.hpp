#pragma once

// The start of the SQLite ledger, in the order that makes what it holds trustworthy.

#include "daemon/ledger/sqlite_database.hpp"
#include "daemon/ledger/sqlite_file.hpp"
#include "onboardd/ledger/ledger.hpp"

namespace onboardd::sqlite {

// A ledger that this process owns: checked, repaired, with a new epoch. Members go in reverse
// order.
struct opened_file {
    unique_fd owned;
    unique_fd contents_owned;
    unique_fd log_index;
    database db;
};

// Throws already_owned, no_room or config_error.
opened_file open_file(const sqlite_options& options);

// Throws what the failure of a start means: no_room or config_error.
[[noreturn]] void refuse_for(const std::filesystem::path& file, const failure& cause);

// Empty: the ledger was made before there were identities, and has none yet.
std::string identity(database& db);

// Notes that the ledger was closed in order, so that the next start need not check it.
void note_orderly_end(database& db);

}  // namespace onboardd::sqlite
