#pragma once

// Reads the provider's case list once for many jobs, as a stream, whatever way the provider pages
// it.

#include <optional>
#include <string>
#include <vector>

#include "daemon/engine/case_list_walk.hpp"
#include "daemon/engine/context.hpp"

namespace onboardd {

struct list_reading {
    std::vector<findings> per_job;  // in the order of `wanted`
    std::vector<std::optional<cdd_case>>
        by_id;                 // the case whose id the job already has, where it has one
    std::string missing_case;  // the oldest of the witnesses that is not in it; empty: none
    bool sound = false;        // see list_walk
    bool shows_ours = false;   // findings::echoes_references
    // It was not read to its end. What it showed until then is there all the same.
    std::optional<list_failure> failure;
};

// Reads the whole list of `account`; see walk_case_list().
asio::awaitable<list_reading> read_case_list(engine_context& context, std::string account,
                                             access_token token,
                                             const std::vector<claimed_job>& wanted,
                                             std::vector<witness> witnesses);

}  // namespace onboardd
