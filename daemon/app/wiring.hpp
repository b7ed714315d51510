#pragma once

// From the configuration to the options of each module.

#include <string>
#include <vector>

#include "onboardd/admin/server.hpp"
#include "onboardd/config/config.hpp"
#include "onboardd/engine/engine.hpp"
#include "onboardd/http/client.hpp"
#include "onboardd/ledger/ledger.hpp"
#include "onboardd/spool/spool.hpp"

namespace onboardd {

http::client_options client_options_of(const config& settings);
spool_options spool_options_of(const config& settings);
sqlite_options ledger_options_of(const config& settings);

// For an owner: the ledger is held against the outcomes before it may do anything. Throws
// config_error if their mark cannot be read.
sqlite_options marked_options_of(const config& settings);
admin::server_options admin_options_of(const config& settings);

// What must be free on the disks of the ledger and of the outcomes before new jobs are taken in.
// Blocking.
std::vector<std::string> find_shortages(const config& settings, bool was_short);

decision_rules rules_of(const config& settings);

// Reads the client secrets. Throws config_error if one cannot be used.
engine_options engine_options_of(const config& settings);

}  // namespace onboardd
