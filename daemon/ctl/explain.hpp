#pragma once

// The story of one job in words: what happened to it, why it is where it is, what happens next and
// when, and which command would change that. Pure.

#include <optional>
#include <string>
#include <vector>

#include "daemon/ctl/status_view.hpp"
#include "onboardd/config/config.hpp"
#include "onboardd/engine/decide.hpp"
#include "onboardd/ledger/history.hpp"
#include "onboardd/ledger/job.hpp"

namespace onboardd::ctl {

struct story_step {
    wall_time at{};
    std::string text;
};

struct advice {
    std::string command;  // to be typed as it stands
    std::string text;     // what it would do
};

struct explanation {
    std::vector<story_step> story;  // in the order of time, up to now
    std::vector<std::string> why;   // the reasons for waiting, the weightiest first; or for the end
    std::string next;               // what happens next; empty: nothing by itself
    std::optional<wall_time> until;  // when, where that is known
    std::vector<advice> commands;
};

// `past`: what the row does not tell. `daemon`: as it stands beside the row.
explanation explain(const job& row, const job_history& past, const status_view& daemon,
                    const decision_rules& rules, wall_time now);

}  // namespace onboardd::ctl
