#pragma once

// From what people type to jobs of the ledger.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/ctl/output.hpp"
#include "onboardd/config/config.hpp"
#include "onboardd/ledger/ledger_reader.hpp"

namespace onboardd::ctl {

using identity = std::pair<std::string, std::string>;  // account, reference

std::unique_ptr<ledger_reader> open_reader(const config& settings);

// The identities that REF (REFERENCE or ACCOUNT/REFERENCE) may mean: with an account one, else one
// for each account of the ledger.
std::vector<identity> identities(ledger_reader& reader, const std::string& reference);

// Says that what the ledger holds of `subject` is damaged.
void tell_damaged(output& to, const std::string& subject);

}  // namespace onboardd::ctl
