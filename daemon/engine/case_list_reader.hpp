#pragma once

// Reads the provider's case list once for many jobs, as a stream, whatever way the provider pages
// it.

#include <vector>

#include "daemon/engine/context.hpp"
#include "onboardd/auth/token_keeper.hpp"

namespace onboardd {

struct list_reading {
    std::vector<findings> per_job;  // in the order of `wanted`
    std::vector<std::optional<cdd_case>>
        by_id;  // the case whose id the job already has, where it has one
};

struct list_failure {
    unsigned http_status = 0;  // 0: no complete answer
    error_code ec;
};

// Reads the whole list of `account`. Each page is asked for after the last case of the one before;
// the list has ended when a page brings no new case, be it empty or a repetition.
asio::awaitable<result<list_reading, list_failure>> read_case_list(
    engine_context& context, std::string account, access_token token,
    const std::vector<claimed_job>& wanted, std::vector<witness> witnesses);

}  // namespace onboardd
