#pragma once

// The metrics in the text format of Prometheus. Labels are accounts, states and reasons alone: no
// reference, no batch, nothing of a person, and no more series than accounts times states.

#include <string>

#include "onboardd/base/measures.hpp"
#include "onboardd/engine/engine.hpp"
#include "onboardd/ledger/ledger.hpp"
#include "onboardd/spool/spool_depth.hpp"

namespace onboardd::admin {

struct metrics_view {
    const engine_status& status;
    const measures& seen;
    ledger_counters ledger;
    spool_depth spool;
    wall_time now{};
};

inline constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

std::string metrics_text(const metrics_view& view);

}  // namespace onboardd::admin
