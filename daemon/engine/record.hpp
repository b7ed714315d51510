#pragma once

#include <cstdint>
#include <string>

#include "daemon/engine/context.hpp"

namespace onboardd {

// What a transition starts from.
struct origin {
    job_state state;
    std::uint32_t revision;
};

// Puts a job's transition and the answer that belongs to it into the ledger, and counts it. True:
// it is on disk. False: it is not, and nothing may follow from it: the job was changed by somebody
// else meanwhile, or the ledger failed, which the engine was told. In a full ledger a result waits
// until there is room or the engine ends; an intent does not, since nothing was sent yet.
//
// Await it in the statement that calls it.
asio::awaitable<bool> record(engine_context& context, const job& after, job_state from,
                             std::string answer);

}  // namespace onboardd
