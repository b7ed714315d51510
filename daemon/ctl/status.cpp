#include "daemon/ctl/status.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "daemon/app/wiring.hpp"
#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/control_socket.hpp"
#include "daemon/ctl/explain.hpp"
#include "daemon/ctl/references.hpp"
#include "daemon/ctl/words.hpp"
#include "onboardd/base/text.hpp"

namespace onboardd::ctl {
namespace {

constexpr milliseconds pace_over{60'000};

std::string with_one_digit(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
}

std::string head_line(const status_view& view, const palette& paint) {
    if (!view.running) {
        return paint.look("onboardd does not run") + "; this is what its ledger says";
    }
    std::string line = paint.bold("onboardd " + shown(view.version));
    if (view.started_at && view.now) {
        line += " runs since " + format_rfc3339(*view.started_at) + " (" +
                length_of(std::max(milliseconds(0), *view.now - *view.started_at)) + ")";
    }
    return line + ", " + (view.ready ? paint.good("ready") : paint.bad("not ready"));
}

std::string jobs_line(const counts& jobs, const palette& paint) {
    std::string line = "jobs:";
    for (const auto state : all_job_states) {
        if (const auto count = jobs[static_cast<std::size_t>(state)]; count != 0) {
            line +=
                "  " +
                painted(state, std::string(to_string(state)) + ' ' + std::to_string(count), paint);
        }
    }
    return line + (line == "jobs:" ? "  none" : "");
}

// As seen by watch, or else, as at its first look, as the daemon says.
std::optional<double> rate_of(const status_view& view, const pace* speed) {
    const auto seen = speed != nullptr ? speed->rate() : std::nullopt;
    return seen ? seen : view.jobs_per_second;
}

// At that rate, for the jobs whose accounts are at work; nullopt: there are none, or nobody can
// tell.
std::optional<milliseconds> time_to_go(const status_view& view, const pace* speed) {
    const auto moving = view.open() - view.open_and_waiting();
    return moving == 0 ? std::nullopt : time_for(moving, rate_of(view, speed));
}

std::string pace_line(const status_view& view, const pace* speed) {
    const auto rate = rate_of(view, speed);
    std::string line = "pace:  " + (rate ? with_one_digit(*rate) : std::string("?")) + " jobs/s";
    line += ", " + std::to_string(view.open()) + " open";
    const auto waiting = view.open_and_waiting();
    if (waiting != 0) {
        const auto some = std::to_string(waiting) + " of them";
        line += ", " + (waiting == view.open() ? "all" : some) + " in accounts that wait";
    }
    if (const auto rest = time_to_go(view, speed)) {
        line += ": about " + length_of(*rest) + " to go" + (waiting != 0 ? " for the others" : "");
    }
    return line;
}

std::string count_of(const counts& jobs, job_state state) {
    return std::to_string(jobs[static_cast<std::size_t>(state)]);
}

std::string token_cell(const account_view& account, wall_time now) {
    if (!account.token_obtained_at || !account.token_expires_at) {
        return "none";
    }
    return length_of(std::max(milliseconds(0), now - *account.token_obtained_at)) +
           " old, expires " + relative(*account.token_expires_at, now) +
           (account.token_failure.empty() ? "" : ", not renewed: " + shown(account.token_failure));
}

std::string next_try(const account_view& account, wall_time now) {
    const auto& at = account.token_next_try_at;
    return at ? ", next try " + relative(*at, now) : "";
}

std::string waits_for(const account_view& account, wall_time now, const palette& paint) {
    std::string text;
    const auto add = [&text](const std::string& part) {
        text += (text.empty() ? "" : "; ") + part;
    };
    if (!account.configured) {
        add(paint.bad("not in the configuration"));
    }
    if (account.pause) {
        const auto& pause = *account.pause;
        auto why = "paused: " + shown(pause.reason);
        if (pause.by) {
            why += " (uid " + std::to_string(pause.by->uid) + ", " +
                   relative(pause.by->since, now) + ")";
        } else if (pause.next_try_at) {
            why += ", next try " + relative(*pause.next_try_at, now);
        }
        add(paint.bad(why));
    }
    if (account.window && !account.window->open) {
        add(paint.look("window closed (" + shown(account.window->text) + ")" +
                       (account.window->opens_at
                            ? ", opens " + relative(*account.window->opens_at, now)
                            : "")));
    }
    if (!account.pause && account.has_no_token()) {
        add(paint.bad("no token: " + shown(account.token_failure) + next_try(account, now)));
    }
    return text.empty() ? "-" : text;
}

// Behind an empty line; nothing where there is no row.
void add_table(std::vector<std::string>& lines, const table& rows, std::size_t columns) {
    if (rows.empty()) {
        return;
    }
    lines.emplace_back();
    for (auto& line : rows.lines(columns)) {
        lines.push_back(std::move(line));
    }
}

void add_accounts(std::vector<std::string>& lines, const status_view& view, const palette& paint,
                  std::size_t columns) {
    const auto now = view.now.value_or(wall_time());
    table accounts({"ACCOUNT", "OPEN", "HELD", "IN FLIGHT", "LIMIT", "TOKEN", "WAITS FOR"});
    for (const auto& account : view.accounts) {
        const auto limit = std::to_string(account.limit) + "/" + std::to_string(account.limit_max);
        accounts.add({shown(account.id), std::to_string(open_in(account.jobs)),
                      count_of(account.jobs, job_state::held),
                      view.running ? std::to_string(account.in_flight) : "-",
                      view.running ? limit : "-", view.running ? token_cell(account, now) : "-",
                      waits_for(account, now, paint)});
    }
    add_table(lines, accounts, columns);
}

// When its last job ended, or will have.
std::string last_end(const batch_view& batch) {
    if (open_in(batch.jobs) != 0) {
        return batch.left ? "in about " + length_of(*batch.left) : "?";
    }
    return batch.last_finished_at ? format_rfc3339(*batch.last_finished_at) : "-";
}

// It has work left, or had some within the last day.
bool is_of_tonight(const batch_view& batch, wall_time now) {
    return open_in(batch.jobs) + batch.jobs[static_cast<std::size_t>(job_state::held)] != 0 ||
           (batch.last_finished_at && now - *batch.last_finished_at < std::chrono::hours(24));
}

void add_batches(std::vector<std::string>& lines, const status_view& view, const palette& paint,
                 std::size_t columns) {
    const auto now = view.now.value_or(wall_time());
    table batches({"BATCH", "OPEN", "HELD", "CREATED", "NO CASE", "LAST END"});
    for (const auto& batch : view.batches) {
        if (!is_of_tonight(batch, now)) {
            continue;
        }
        const auto ended = ended_in(batch.jobs);
        const auto created = batch.jobs[static_cast<std::size_t>(job_state::created)];
        const auto none = std::to_string(ended - created);
        batches.add({shown(batch.name), std::to_string(open_in(batch.jobs)),
                     count_of(batch.jobs, job_state::held), std::to_string(created),
                     ended == created ? none : paint.look(none), last_end(batch)});
    }
    add_table(lines, batches, columns);
}

std::string states_json(const counts& jobs) {
    json_line line;
    for (const auto state : all_job_states) {
        line.add_number(to_string(state),
                        static_cast<std::int64_t>(jobs[static_cast<std::size_t>(state)]));
    }
    return line.str();
}

std::string list_json(const std::vector<std::string>& items) {
    std::string text = "[";
    for (const auto& item : items) {
        text += (text.size() > 1 ? ", " : "") + item;
    }
    return text + "]";
}

std::string account_json(const account_view& account) {
    json_line line;
    line.add("id", account.id)
        .add_bool("configured", account.configured)
        .add_raw("jobs", states_json(account.jobs))
        .add_number("open", static_cast<std::int64_t>(open_in(account.jobs)))
        .add_number("in_flight", static_cast<std::int64_t>(account.in_flight))
        .add_number("limit", static_cast<std::int64_t>(account.limit))
        .add_number("limit_max", static_cast<std::int64_t>(account.limit_max))
        .add("token_obtained_at", account.token_obtained_at)
        .add("token_expires_at", account.token_expires_at)
        .add_or_null("token_failure", account.token_failure)
        .add("token_next_try_at", account.token_next_try_at);
    const pause_view none;
    const auto& pause = account.pause ? *account.pause : none;
    line.add_or_null("paused", pause.kind)
        .add_or_null("paused_why", pause.reason)
        .add("paused_until", pause.next_try_at)
        .add("paused_since", pause.by ? std::optional(pause.by->since) : std::nullopt)
        .add_raw("paused_by", pause.by ? std::to_string(pause.by->uid) : "null");
    const window_view always;
    const auto& window = account.window ? *account.window : always;
    line.add_or_null("window", window.text)
        .add_bool("window_open", window.open)
        .add("window_opens_at", window.opens_at);
    return line.str();
}

std::string batch_json(const batch_view& batch) {
    json_line line;
    line.add("name", batch.name)
        .add_raw("jobs", states_json(batch.jobs))
        .add_number("open", static_cast<std::int64_t>(open_in(batch.jobs)))
        .add("first_received_at", batch.first_received_at)
        .add("last_finished_at", batch.last_finished_at)
        .add_raw("seconds_to_go",
                 batch.left ? std::to_string(batch.left->count() / 1'000) : "null");
    return line.str();
}

// A sentence behind its label; on a terminal it is broken to the width, and hangs there.
void tell_sentence(output& to, std::string label, const std::string& text) {
    const auto indent = label.size();
    if (to.columns < 2 * indent) {
        to.line(label + text);
        return;
    }
    for (const auto& part : wrapped(text, to.columns - indent)) {
        to.line(std::exchange(label, std::string(indent, ' ')) + part);
    }
}

void tell_explanation(const job& row, const explanation& told, wall_time now, output& to) {
    const palette paint(to.color);
    to.line(paint.bold(shown(row.account + "/" + row.reference)) + " is " +
            painted(row.state, std::string(to_string(row.state)), paint));
    to.line("");
    for (const auto& step : told.story) {
        tell_sentence(to, format_rfc3339(step.at) + "  ", shown(step.text));
    }
    to.line("");
    for (const auto& reason : told.why) {
        tell_sentence(to, "why:   ", shown(reason));
    }
    if (!told.next.empty()) {
        tell_sentence(to, "next:  ", shown(told.next));
    }
    if (told.until) {
        to.line("when:  " + format_rfc3339(*told.until) + " (" + relative(*told.until, now) + ")");
    }
    table commands({"", ""});
    for (const auto& one : told.commands) {
        commands.add({"do:    " + shown(one.command), shown(one.text)});
    }
    const auto lines = commands.lines(to.columns);
    for (std::size_t i = 1; i < lines.size(); ++i) {
        to.line(lines[i]);
    }
}

void tell_explanation_as_json(const job& row, const explanation& told, output& to) {
    std::vector<std::string> story;
    for (const auto& step : told.story) {
        json_line line;
        story.push_back(line.add("at", std::optional(step.at)).add("text", step.text).str());
    }
    std::vector<std::string> commands;
    for (const auto& one : told.commands) {
        json_line line;
        commands.push_back(line.add("command", one.command).add("text", one.text).str());
    }
    json_line line;
    line.add("account", row.account)
        .add("reference", row.reference)
        .add("state", to_string(row.state))
        .add_raw("story", list_json(story))
        .add_texts("why", told.why)
        .add_or_null("next", told.next)
        .add("when", told.until)
        .add_raw("commands", list_json(commands));
    to.line(line);
}

}  // namespace

void pace::see(wall_time at, std::uint64_t ended) {
    if (!looks_.empty() && (at <= looks_.back().at || ended < looks_.back().ended)) {
        looks_.clear();  // the clock was set, or another daemon counts
    }
    looks_.push_back({at, ended});
    while (looks_.size() > 2 && looks_[1].at <= at - pace_over) {
        looks_.pop_front();
    }
}

std::optional<double> pace::rate() const {
    if (looks_.size() < 2) {
        return std::nullopt;
    }
    const auto jobs = static_cast<double>(looks_.back().ended - looks_.front().ended);
    const std::chrono::duration<double> time = looks_.back().at - looks_.front().at;
    return jobs / time.count();
}

std::optional<milliseconds> time_for(std::uint64_t open, std::optional<double> per_second) {
    if (!per_second || *per_second <= 0) {
        return std::nullopt;
    }
    constexpr double longest = 365.0 * 86'400 * 1'000;
    return milliseconds(static_cast<std::int64_t>(
        std::min(static_cast<double>(open) / *per_second * 1'000, longest)));
}

std::uint64_t ended_in(const counts& jobs) {
    std::uint64_t sum = 0;
    for (const auto state : all_job_states) {
        sum += is_final(state) ? jobs[static_cast<std::size_t>(state)] : 0;
    }
    return sum;
}

std::vector<std::string> in_lines(const status_view& view, const pace* speed, const palette& paint,
                                  std::size_t columns) {
    std::vector<std::string> lines;
    lines.push_back(head_line(view, paint));
    for (const auto& reason : view.not_ready) {
        lines.push_back("       " + paint.bad(shown(reason)));
    }
    lines.push_back(jobs_line(view.jobs, paint));
    if (speed != nullptr || view.running) {
        lines.push_back(pace_line(view, speed));
    } else {
        lines.push_back("open:  " + std::to_string(view.open()));
    }
    if (view.provider_failing) {
        lines.push_back(
            paint.bad("the provider fails again and again; one probe at a time is sent"));
    }
    add_accounts(lines, view, paint, columns);
    add_batches(lines, view, paint, columns);
    return lines;
}

std::string as_json(const status_view& view, const pace* speed) {
    std::vector<std::string> accounts;
    for (const auto& account : view.accounts) {
        accounts.push_back(account_json(account));
    }
    std::vector<std::string> batches;
    for (const auto& batch : view.batches) {
        batches.push_back(batch_json(batch));
    }
    json_line line;
    line.add("schema", "onboardctl/status/1")
        .add_bool("running", view.running)
        .add_or_null("version", view.version)
        .add("now", view.now)
        .add("started_at", view.started_at)
        .add_bool("ready", view.ready)
        .add_texts("not_ready", view.not_ready)
        .add_number("open", static_cast<std::int64_t>(view.open()))
        .add_number("in_flight", static_cast<std::int64_t>(view.in_flight))
        .add_raw("jobs", states_json(view.jobs))
        .add_bool("provider_failing", view.provider_failing)
        .add_raw("accounts", list_json(accounts))
        .add_raw("batches", list_json(batches));
    const auto rate = rate_of(view, speed);
    const auto rest = time_to_go(view, speed);
    line.add_raw("jobs_per_second", rate ? with_one_digit(*rate) : "null")
        .add_raw("seconds_to_go", rest ? std::to_string(rest->count() / 1'000) : "null");
    return line.str();
}

status_view look(const config& settings, milliseconds patience) {
    const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    if (const auto socket = open_control_socket(settings.admin.socket, patience)) {
        const auto answer = socket->get("/api/status");
        auto view = answer.status == 200 ? parse_status(answer.body) : std::nullopt;
        if (!view) {
            throw std::runtime_error("onboardd's status cannot be read (HTTP status " +
                                     std::to_string(answer.status) + ")");
        }
        return std::move(*view);
    }
    return status_without_daemon(settings, *open_reader(settings), wall_time(now));
}

int show_status(const config& settings, output& to) {
    const auto view = look(settings);
    if (to.json) {
        to.line(as_json(view, nullptr));
        return done;
    }
    for (const auto& line : in_lines(view, nullptr, palette(to.color), to.columns)) {
        to.line(line);
    }
    return done;
}

int explain_jobs(const config& settings, const std::vector<std::string>& named, std::istream& in,
                 output& to) {
    const auto references = all_references(named, in);
    if (references.empty()) {
        tell_nothing_named(to);
        return failed;
    }
    const auto book = open_book(settings);
    const auto view = look(settings);
    const auto time = make_system_clock();
    std::uint64_t told = 0;
    bool all = true;
    find_each(
        *book, references, true, [&](const std::string& reference, const admin::found_jobs& found) {
            for (const auto& damaged : found.damaged) {
                tell_damaged(to, damaged);
            }
            // The rows are newer than the view, the more the longer the list is.
            const auto now = std::max(view.now.value_or(wall_time()), time->wall_now());
            for (std::size_t i = 0; i < found.rows.size(); ++i) {
                const auto& row = found.rows[i];
                const auto story = explain(row, found.pasts[i], view, rules_of(settings), now);
                if (to.json) {
                    tell_explanation_as_json(row, story, to);
                } else {
                    to.out << (told == 0 ? "" : "\n");
                    tell_explanation(row, story, now, to);
                }
                ++told;
            }
            if (found.rows.empty() && found.damaged.empty()) {
                tell_no_job(to, reference);
            }
            all = all && found.damaged.empty() && !found.rows.empty();
        });
    return all ? done : failed;
}

}  // namespace onboardd::ctl
