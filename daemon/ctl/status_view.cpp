#include "daemon/ctl/status_view.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <span>

#include "onboardd/admin/overview.hpp"
#include "onboardd/config/window.hpp"

namespace onboardd::ctl {
namespace {

namespace json = boost::json;

// A member of an object that somebody else wrote: whatever is not as expected is as if missing.
const json::value* member(const json::value& of, std::string_view name) {
    const auto* object = of.if_object();
    return object != nullptr ? object->if_contains(name) : nullptr;
}

std::string text(const json::value& of, std::string_view name) {
    const auto* found = member(of, name);
    const auto* string = found != nullptr ? found->if_string() : nullptr;
    return string != nullptr ? std::string(*string) : std::string();
}

std::uint64_t number(const json::value& of, std::string_view name) {
    const auto* found = member(of, name);
    if (found == nullptr || !found->is_number()) {
        return 0;
    }
    error_code ec;
    const auto value = found->to_number<std::uint64_t>(ec);
    return ec ? 0 : value;
}

bool flag(const json::value& of, std::string_view name, bool otherwise = false) {
    const auto* found = member(of, name);
    const auto* value = found != nullptr ? found->if_bool() : nullptr;
    return value != nullptr ? *value : otherwise;
}

std::optional<wall_time> moment(const json::value& of, std::string_view name) {
    return parse_rfc3339(text(of, name));
}

std::span<const json::value> elements(const json::value& of, std::string_view name) {
    const auto* found = member(of, name);
    const auto* array = found != nullptr ? found->if_array() : nullptr;
    return array != nullptr ? std::span(array->data(), array->size())
                            : std::span<const json::value>();
}

std::vector<std::string> texts(const json::value& of, std::string_view name) {
    std::vector<std::string> all;
    for (const auto& one : elements(of, name)) {
        if (const auto* string = one.if_string()) {
            all.emplace_back(*string);
        }
    }
    return all;
}

counts states(const json::value& of, std::string_view name) {
    counts found{};
    if (const auto* jobs = member(of, name)) {
        for (const auto state : all_job_states) {
            found[static_cast<std::size_t>(state)] = number(*jobs, to_string(state));
        }
    }
    return found;
}

std::optional<pause_view> pause_in(const json::value& account, const std::string& id) {
    const auto* found = member(account, "pause");
    if (found == nullptr || !found->is_object()) {
        return std::nullopt;
    }
    pause_view pause;
    pause.kind = text(*found, "kind");
    pause.reason = text(*found, "reason");
    pause.next_try_at = moment(*found, "next_try_at");
    if (const auto since = moment(*found, "since")) {
        pause.by = operator_pause{.account = id,
                                  .since = *since,
                                  .uid = static_cast<std::uint32_t>(number(*found, "uid"))};
    }
    return pause;
}

std::optional<window_view> window_in(const json::value& account) {
    const auto* found = member(account, "window");
    if (found == nullptr || !found->is_object()) {
        return std::nullopt;
    }
    window_view window;
    window.text = text(*found, "text");
    window.open = flag(*found, "open", true);
    window.opens_at = moment(*found, "opens_at");
    return window;
}

account_view account_in(const json::value& value) {
    account_view account;
    account.id = text(value, "id");
    account.configured = flag(value, "configured", true);
    account.jobs = states(value, "jobs");
    account.in_flight = number(value, "in_flight");
    account.limit = number(value, "limit");
    account.limit_max = number(value, "limit_max");
    const auto* rate = member(value, "requests_per_second_max");
    if (rate != nullptr && rate->is_number()) {
        account.requests_per_second_max = rate->to_number<double>();
    }
    if (const auto* token = member(value, "token")) {
        account.token_obtained_at = moment(*token, "obtained_at");
        account.token_expires_at = moment(*token, "expires_at");
    }
    if (const auto* failure = member(value, "token_failure")) {
        account.token_failure = text(*failure, "reason");
        account.token_next_try_at = moment(*failure, "next_try_at");
    }
    account.pause = pause_in(value, account.id);
    account.window = window_in(value);
    return account;
}

batch_view batch_in(const json::value& value) {
    batch_view batch;
    batch.name = text(value, "name");
    batch.jobs = states(value, "jobs");
    batch.first_received_at = moment(value, "first_received_at");
    batch.last_finished_at = moment(value, "last_finished_at");
    const auto* left = member(value, "seconds_left");
    if (left != nullptr && left->is_int64()) {
        batch.left = std::chrono::seconds(number(value, "seconds_left"));
    }
    return batch;
}

batch_view batch_of(const admin::batch_progress& progress) {
    return {.name = progress.name,
            .jobs = progress.by_state,
            .first_received_at = progress.first_received_at,
            .last_finished_at = progress.last_finished_at,
            .left = {}};
}

std::string words_for(const time_window& window) {
    const auto from = static_cast<int>(window.from.count());
    const auto to = static_cast<int>(window.to.count());
    char hours[32];
    std::snprintf(hours, sizeof hours, "%02d:%02d-%02d:%02d ", from / 60, from % 60, to / 60,
                  to % 60);
    return hours + window.zone;
}

account_view configured_account(const account_config& settings, wall_time now) {
    account_view account;
    account.id = settings.id;
    account.limit_max = settings.in_flight_max;
    account.requests_per_second_max = settings.requests_per_second_max;
    if (settings.window) {
        window_view window;
        window.text = words_for(*settings.window);
        window.open = in_window(*settings.window, now);
        if (!window.open) {
            window.opens_at = next_opening(*settings.window, now);
        }
        account.window = std::move(window);
    }
    return account;
}

account_view& account_named(status_view& view, const std::string& id) {
    const auto known = std::ranges::find(view.accounts, id, &account_view::id);
    if (known != view.accounts.end()) {
        return *known;
    }
    auto& added = view.accounts.emplace_back();
    added.id = id;
    added.configured = false;
    return added;
}

}  // namespace

std::uint64_t open_in(const counts& jobs) {
    std::uint64_t sum = 0;
    for (const auto state : all_job_states) {
        sum += is_open(state) ? jobs[static_cast<std::size_t>(state)] : 0;
    }
    return sum;
}

std::uint64_t status_view::open() const {
    return open_in(jobs);
}

bool account_view::has_no_token() const {
    return !token_obtained_at && !token_failure.empty();
}

bool account_view::waits() const {
    return !configured || pause || (window && !window->open) || has_no_token();
}

std::uint64_t status_view::open_and_waiting() const {
    std::uint64_t sum = 0;
    for (const auto& account : accounts) {
        sum += account.waits() ? open_in(account.jobs) : 0;
    }
    return sum;
}

const account_view* status_view::account(std::string_view id) const {
    const auto found = std::ranges::find(accounts, id, &account_view::id);
    return found == accounts.end() ? nullptr : &*found;
}

std::optional<status_view> parse_status(std::string_view text_of_status) {
    error_code ec;
    const auto value = json::parse(text_of_status, ec);
    if (ec || text(value, "schema") != "onboardd/status/1") {
        return std::nullopt;
    }
    status_view view;
    view.running = true;
    view.version = text(value, "version");
    view.now = moment(value, "now");
    view.started_at = moment(value, "started_at");
    view.ready = flag(value, "ready");
    view.not_ready = texts(value, "not_ready");
    view.jobs = states(value, "jobs");
    view.since_start = states(value, "since_start");
    view.in_flight = number(value, "in_flight");
    if (const auto* intake = member(value, "intake")) {
        view.short_of_room = texts(*intake, "short_of_room");
    }
    if (const auto* provider = member(value, "provider")) {
        view.provider_failing = flag(*provider, "failing");
        view.next_probe_at = moment(*provider, "next_probe_at");
    }
    if (const auto* rate = member(value, "rate")) {
        const auto* per_second = member(*rate, "per_second");
        if (per_second != nullptr && per_second->is_number()) {
            view.jobs_per_second = per_second->to_number<double>();
        }
    }
    for (const auto& one : elements(value, "accounts")) {
        view.accounts.push_back(account_in(one));
    }
    for (const auto& one : elements(value, "batches")) {
        view.batches.push_back(batch_in(one));
    }
    return view;
}

status_view status_without_daemon(const config& settings, ledger_reader& reader, wall_time now) {
    status_view view;
    view.now = now;
    for (const auto& account : settings.accounts) {
        view.accounts.push_back(configured_account(account, now));
    }
    for (const auto& sum : reader.totals()) {
        const auto index = static_cast<std::size_t>(sum.state);
        view.jobs[index] += sum.jobs;
        account_named(view, sum.account).jobs[index] += sum.jobs;
    }
    for (auto& pause : reader.pauses()) {
        auto& account = account_named(view, pause.account);
        account.pause.emplace();
        account.pause->kind = "by_operator";
        account.pause->reason = "by an operator";
        account.pause->by = std::move(pause);
    }
    for (const auto& batch : reader.recent_batches(admin::batches_shown_max)) {
        view.batches.push_back(batch_of(admin::condense(batch)));
    }
    return view;
}

}  // namespace onboardd::ctl
