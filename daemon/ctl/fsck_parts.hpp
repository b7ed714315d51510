#pragma once

// The parts of fsck beside the ledger itself. The ledger is sound when they begin.

#include "daemon/ctl/finding.hpp"
#include "onboardd/config/config.hpp"
#include "onboardd/ledger/ledger_check.hpp"

namespace onboardd::ctl {

// Outcome files and reports against the ledger that they are views of.
void check_outcomes(const config& settings, ledger_check& book, findings_report& report);

// incoming/ and rejected/.
void check_spool(const config& settings, ledger_check& book, findings_report& report);

}  // namespace onboardd::ctl
