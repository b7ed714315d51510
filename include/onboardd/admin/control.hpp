#pragma once

// What onboardctl asks of a running daemon, on the control socket alone: changes to jobs and
// accounts. Both ends share the JSON that goes over it.
//
//   POST /api/control/jobs      operating_order -> operated_view, one portion of a selection
//   POST /api/control/accounts  pause_order -> {"change": "changed"}
//
// A request that makes no sense is answered with 400, a ledger that is full or has failed with 503,
// each with a sentence for the operator.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onboardd/admin/server.hpp"
#include "onboardd/engine/engine.hpp"

namespace onboardd::admin {

inline constexpr const char* jobs_path = "/api/control/jobs";
inline constexpr const char* accounts_path = "/api/control/accounts";

// Jobs that one order may name.
inline constexpr std::size_t named_jobs_max = 1'000;

struct operating_order {
    operation what = operation::hold;
    job_selection among;
    job_id after = 0;

    // Without names: a selection that leaves everything open is meant, too.
    bool all = false;
};

struct job_change {
    std::string account;
    std::string reference;
    job_state from = job_state::queued;
    job_state to = job_state::queued;
};

// ledger's operated, as far as onboardctl has to know it.
struct operated_view {
    std::vector<job_change> changed;
    std::vector<refused_job> refused;
    std::vector<std::pair<std::string, std::string>> missing;
    std::uint64_t unchanged = 0;
    job_id last = 0;
    bool end = true;
};

operated_view view_of(const operated& done);

struct pause_order {
    std::string account;
    bool paused = true;  // or resumed
};

std::string to_json(const operating_order& order);
std::string to_json(const operated_view& done);
std::string to_json(const pause_order& order);
std::string to_json(pause_change change);

// The error is a sentence: what is wrong with the text.
result<operating_order, std::string> parse_operating_order(std::string_view json);
result<operated_view, std::string> parse_operated(std::string_view json);
result<pause_order, std::string> parse_pause_order(std::string_view json);
result<pause_change, std::string> parse_pause_change(std::string_view json);

// What the orders are done by. All are called on the loop.
struct controls {
    std::function<asio::awaitable<result<operated>>(operation, job_selection, job_id,
                                                    operator_identity)>
        operate;
    std::function<asio::awaitable<result<pause_change>>(pause_order, operator_identity)> set_pause;
};

void add_controls(server& window, controls hands);

}  // namespace onboardd::admin
