#pragma once

// What the admin server shows: health, metrics, the status as JSON and as a page, the run reports.
// Nothing here changes anything, and nothing but a report, which quotes the provider, can hold a
// person's data.

#include <functional>
#include <string>
#include <vector>

#include "onboardd/admin/overview.hpp"
#include "onboardd/admin/server.hpp"
#include "onboardd/engine/engine.hpp"

namespace onboardd::admin {

// Where the pages look. All are called on the loop.
struct view {
    std::function<asio::awaitable<onboardd::admin::overview>()> overview;
    std::function<engine_status()> status;
    std::function<asio::awaitable<std::string>()> metrics;  // in the text format of Prometheus
    // The run report in the file of this name; nullopt: there is none.
    std::function<asio::awaitable<std::optional<std::string>>(std::string name)> report;
};

// Why the daemon should not be relied upon now, in words: the ledger fails, there is no room for
// new jobs, or no account can submit. Empty: it is ready. An account that was only asked to wait,
// or whose window is closed, does its work.
std::vector<std::string> not_ready_reasons(const engine_status& status);

// All of it as JSON, schema "onboardd/status/1": members may be added, and none that is there
// changes its meaning or goes.
std::string status_json(const overview& now);

// GET / (the status page), /reports/, /healthz, /readyz, /api/status and /metrics.
void add_pages(server& window, view source);

}  // namespace onboardd::admin
