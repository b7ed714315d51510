#pragma once

// What operators did that concerns no single job: accounts that they paused, and when they put the
// ledger back from a copy. Ledgers that were made before there was such a thing get the tables at
// their next start; where they are missing, nothing was noted.

#include <optional>
#include <string>
#include <vector>

#include "daemon/ledger/sqlite_database.hpp"
#include "onboardd/ledger/ledger.hpp"

namespace onboardd::sqlite {

void set_pause(database& db, const std::string& account,
               const std::optional<operator_pause>& pause);
std::vector<operator_pause> pauses(database& db);

void note_restored(database& db, wall_time at);
std::optional<wall_time> restored_at(database& db);

}  // namespace onboardd::sqlite
