#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <span>

#include "onboardd/admin/pages.hpp"

namespace onboardd::admin {
namespace {

namespace json = boost::json;

json::value time_or_null(const std::optional<wall_time>& time) {
    return time ? json::value(format_rfc3339(*time)) : json::value(nullptr);
}

json::object states(const state_counts& counts) {
    json::object out;
    for (const auto state : all_job_states) {
        out[to_string(state)] = counts[static_cast<std::size_t>(state)];
    }
    return out;
}

json::array texts(const std::vector<std::string>& sentences) {
    json::array out;
    for (const auto& one : sentences) {
        out.emplace_back(one);
    }
    return out;
}

std::string words_for(const time_window& window) {
    const auto from = window.from.count();
    const auto to = window.to.count();
    char hours[32];
    std::snprintf(hours, sizeof hours, "%02d:%02d-%02d:%02d ", static_cast<int>(from / 60),
                  static_cast<int>(from % 60), static_cast<int>(to / 60),
                  static_cast<int>(to % 60));
    return hours + window.zone;
}

json::value token(const account_status& account) {
    if (!account.token_obtained_at) {
        return nullptr;
    }
    json::object out;
    out["obtained_at"] = time_or_null(account.token_obtained_at);
    out["expires_at"] = time_or_null(account.token_expires_at);
    return out;
}

json::value token_failure(const account_status& account) {
    if (account.token_failure.empty()) {
        return nullptr;
    }
    json::object out;
    out["reason"] = account.token_failure;
    out["next_try_at"] = time_or_null(account.token_next_try_at);
    return out;
}

json::value pause(const account_status& account) {
    if (account.pause == account_pause::none) {
        return nullptr;
    }
    json::object out;
    out["kind"] = name_of(account.pause);
    out["reason"] = to_string(account.pause);
    out["next_try_at"] = time_or_null(account.paused_until);
    if (account.paused_by) {
        out["since"] = format_rfc3339(account.paused_by->since);
        out["uid"] = account.paused_by->uid;
    }
    return out;
}

json::value window(const account_status& account) {
    if (!account.window) {
        return nullptr;
    }
    json::object out;
    out["text"] = words_for(*account.window);
    out["open"] = account.window_open;
    out["opens_at"] = time_or_null(account.window_opens_at);
    return out;
}

json::object of_account(const account_status& account) {
    json::object out;
    out["id"] = account.id;
    out["configured"] = account.configured;
    out["jobs"] = states(account.by_state);
    out["in_flight"] = account.in_flight;
    out["limit"] = account.limit;
    out["limit_max"] = account.limit_max;
    out["requests_per_second_max"] = account.requests_per_second_max
                                         ? json::value(*account.requests_per_second_max)
                                         : json::value(nullptr);
    out["token"] = token(account);
    out["token_failure"] = token_failure(account);
    out["pause"] = pause(account);
    out["window"] = window(account);
    return out;
}

json::object provider(const engine_status& status) {
    json::object out;
    out["failing"] = status.provider_failing;
    out["next_probe_at"] = time_or_null(status.provider_probe_at);
    return out;
}

json::object intake(const engine_status& status) {
    json::object out;
    out["idle"] = status.intake_idle;
    out["refused"] = status.refused_files;
    out["left"] = status.left_files;
    out["short_of_room"] = texts(status.short_of_room);
    return out;
}

json::object outcomes(const engine_status& status) {
    json::object out;
    out["checked"] = status.outcomes_checked;
    out["owed"] = status.outcomes_owed;
    return out;
}

json::object of_batch(const batch_progress& batch, const overview& now) {
    json::object out;
    out["name"] = batch.name;
    out["jobs"] = states(batch.by_state);
    out["first_received_at"] = time_or_null(batch.first_received_at);
    out["last_finished_at"] = time_or_null(batch.last_finished_at);
    const auto left = time_left(batch, now);
    out["seconds_left"] = left ? json::value(left->count()) : json::value(nullptr);
    json::array refusals;
    for (const auto& one : batch.refusals) {
        json::object counted;
        counted["reason"] = one.reason;
        counted["jobs"] = one.jobs;
        refusals.push_back(std::move(counted));
    }
    out["refusals"] = std::move(refusals);
    return out;
}

json::object rate(const rate_history& seen) {
    json::object out;
    out["per_second"] = seen.recent_per_second();
    out["step_seconds"] = std::chrono::duration<double>(seen.step()).count();
    json::array points;
    for (const auto& point : seen.points()) {
        points.emplace_back(point.per_second);
    }
    out["points"] = std::move(points);
    return out;
}

}  // namespace

std::string status_json(const overview& now) {
    const auto& status = now.status;
    json::object out;
    const auto reasons = not_ready_reasons(status);
    out["schema"] = "onboardd/status/1";
    out["version"] = ONBOARDD_VERSION;
    out["now"] = format_rfc3339(now.now);
    out["started_at"] = format_rfc3339(status.started_at);
    out["ready"] = reasons.empty();
    out["not_ready"] = texts(reasons);
    out["open"] = status.open();
    out["in_flight"] = status.in_flight;
    out["jobs"] = states(status.by_state);
    out["since_start"] = states(status.reached);
    out["intake"] = intake(status);
    out["outcomes"] = outcomes(status);
    out["provider"] = provider(status);
    json::array accounts;
    for (const auto& account : status.accounts) {
        accounts.push_back(of_account(account));
    }
    out["accounts"] = std::move(accounts);
    json::array batches;
    const auto shown = std::min(now.batches.size(), batches_shown_max);
    for (const auto& batch : std::span(now.batches).first(shown)) {
        batches.push_back(of_batch(batch, now));
    }
    out["batches"] = std::move(batches);
    out["rate"] = rate(now.rate);
    json::array reports;
    for (const auto& report : now.reports) {
        reports.emplace_back(report.name);
    }
    out["reports"] = std::move(reports);
    return json::serialize(out) + '\n';
}

}  // namespace onboardd::admin
