#pragma once

// The provider's case list from its first case to its last, as a stream, whatever way the provider
// pages it. Memory grows by some tens of bytes a case, for the ids that have been seen.

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>

#include "onboardd/auth/token_keeper.hpp"
#include "onboardd/http/client.hpp"
#include "onboardd/provider/cdd_case.hpp"
#include "onboardd/provider/requests.hpp"

namespace onboardd {

struct list_failure {
    unsigned http_status = 0;  // 0: no complete answer
    error_code ec;
    milliseconds wait{0};  // Retry-After
};

struct list_walk {
    std::unordered_set<std::size_t> ids;  // hash_of_id() of each case
    // Every element was a case, and nothing says that there are more: the list can prove an
    // absence.
    bool sound = true;
};

std::size_t hash_of_id(const std::string& id);

// Reads the whole list of `account` and shows each case. Each page is asked for after the last case
// of the one before; the list has ended when a page brings no new case, be it empty or a
// repetition. A case may be shown more than once. An answer of which nothing comes for
// `silence_max`, or less than 1 KiB a second after that long, is given up. `client`, `time` and
// `provider` outlive the call.
asio::awaitable<result<list_walk, list_failure>> walk_case_list(
    http::client& client, const clock& time, const provider_address& provider, std::string account,
    access_token token, milliseconds silence_max, std::function<void(cdd_case)> show);

}  // namespace onboardd
