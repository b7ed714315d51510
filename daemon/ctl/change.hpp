#pragma once

// hold, release, retry, cancel, pause, resume.

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ctl/output.hpp"
#include "onboardd/config/config.hpp"
#include "onboardd/ledger/job.hpp"
#include "onboardd/ledger/operate.hpp"

namespace onboardd::ctl {

struct change_options {
    operation what = operation::hold;
    std::vector<std::string> references;  // REF, "-" for those on standard input, or ALL alone
    std::optional<job_state> state;       // with ALL: only these
    std::string account;
    std::string batch;
};

// Names of jobs come from `in` where "-" is among the references.
int change_jobs(const config& settings, const change_options& options, std::istream& in,
                output& to);

int pause_account(const config& settings, const std::string& account, bool paused, output& to);

}  // namespace onboardd::ctl
