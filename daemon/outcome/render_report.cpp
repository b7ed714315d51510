// The run report of a batch. Both forms are written from one set of totals, so that they cannot
// disagree.

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <tuple>

#include "daemon/outcome/json_text.hpp"
#include "onboardd/base/log.hpp"
#include "onboardd/outcome/outcome.hpp"

namespace onboardd {
namespace {

constexpr std::size_t top_refusals_max = 10;

// The columns of a report: each final state, held, and everything that is still on its way.
enum class column : std::uint8_t { created, rejected, expired, conflict, cancelled, held, open };
constexpr std::array<const char*, 7> column_names = {"created",   "rejected", "expired", "conflict",
                                                     "cancelled", "held",     "open"};

column column_of(job_state state) {
    switch (state) {
        case job_state::created:
            return column::created;
        case job_state::rejected:
            return column::rejected;
        case job_state::expired:
            return column::expired;
        case job_state::conflict:
            return column::conflict;
        case job_state::cancelled:
            return column::cancelled;
        case job_state::held:
            return column::held;
        case job_state::queued:
        case job_state::submitting:
        case job_state::unknown:
        case job_state::deferred:
        case job_state::accepted:
            return column::open;
    }
    return column::open;
}

struct counts {
    std::array<std::uint64_t, column_names.size()> jobs{};
    std::uint64_t received = 0;  // the sum of the columns
    std::uint64_t attempts = 0;

    void add(const tally& part) {
        jobs[static_cast<std::size_t>(column_of(part.state))] += part.jobs;
        received += part.jobs;
        attempts += part.attempts;
    }
    std::uint64_t of(column which) const { return jobs[static_cast<std::size_t>(which)]; }
    std::uint64_t finished() const { return received - of(column::held) - of(column::open); }
};

struct reason_count {
    std::string_view reason;
    job_state state{};
    std::uint64_t jobs = 0;
};

struct totals {
    counts all;
    std::map<std::string_view, counts> by_account;
    std::vector<reason_count> by_reason;     // over all accounts, the most frequent first
    std::vector<reason_count> top_refusals;  // those of them that were rejected, at most ten
    std::optional<double> seconds;           // from the first job to the last end
    std::optional<double> rate;              // ended jobs a second
};

// What last went wrong with a job that is still open is no refusal yet.
std::string_view reason_in(const tally& part) {
    constexpr std::string_view refused = "refused";
    std::string_view reason = part.reason;
    if (!is_final(part.state) && reason.starts_with(refused)) {
        const auto words = reason.find_first_not_of(": ", refused.size());
        reason = words == std::string_view::npos ? reason : reason.substr(words);
    }
    return reason;
}

std::vector<reason_count> count_reasons(const std::vector<tally>& tallies) {
    std::map<std::pair<std::string_view, job_state>, std::uint64_t> jobs;
    for (const auto& part : tallies) {
        if (!part.reason.empty()) {
            jobs[{reason_in(part), part.state}] += part.jobs;
        }
    }
    std::vector<reason_count> out;
    out.reserve(jobs.size());
    for (const auto& [key, count] : jobs) {
        out.push_back({key.first, key.second, count});
    }
    std::stable_sort(out.begin(), out.end(),
                     [](const auto& a, const auto& b) { return a.jobs > b.jobs; });
    return out;
}

// Negative when the wall clock was set back in between: then nothing can be said.
std::optional<double> seconds_of(const batch_summary& summary) {
    if (!summary.first_received_at || !summary.last_finished_at ||
        *summary.last_finished_at < *summary.first_received_at) {
        return std::nullopt;
    }
    const auto time = *summary.last_finished_at - *summary.first_received_at;
    return static_cast<double>(time.count()) / 1000;
}

totals total_up(const batch_summary& summary) {
    totals out;
    for (const auto& part : summary.tallies) {
        out.all.add(part);
        out.by_account[part.account].add(part);
    }
    out.by_reason = count_reasons(summary.tallies);
    for (const auto& entry : out.by_reason) {
        if (entry.state == job_state::rejected && out.top_refusals.size() < top_refusals_max) {
            out.top_refusals.push_back(entry);
        }
    }
    out.seconds = seconds_of(summary);
    if (out.seconds && *out.seconds > 0) {
        out.rate = static_cast<double>(out.all.finished()) / *out.seconds;
    }
    return out;
}

std::string decimals(const std::optional<double>& value, int digits, const char* none) {
    if (!value) {
        return none;
    }
    std::array<char, 64> buffer{};
    const int length = std::snprintf(buffer.data(), buffer.size(), "%.*f", digits, *value);
    return {buffer.data(), static_cast<std::size_t>(length)};
}

// Members from "received" to "attempts", `separator` before each but the first.
void append_counts(std::string& out, const counts& from, std::string_view separator) {
    out += "\"received\": ";
    append_number(out, from.received);
    for (std::size_t i = 0; i < column_names.size(); ++i) {
        out.append(separator).append("\"").append(column_names[i]).append("\": ");
        append_number(out, from.jobs[i]);
    }
    out.append(separator).append("\"attempts\": ");
    append_number(out, from.attempts);
}

void append_reasons(std::string& out, const std::vector<reason_count>& reasons) {
    out += '[';
    for (std::size_t i = 0; i < reasons.size(); ++i) {
        out += i == 0 ? "\n    {\"jobs\": " : ",\n    {\"jobs\": ";
        append_number(out, reasons[i].jobs);
        out += ", \"state\": ";
        append_json_string(out, to_string(reasons[i].state));
        out += ", \"reason\": ";
        append_json_string(out, reasons[i].reason);
        out += '}';
    }
    out += reasons.empty() ? "]" : "\n  ]";
}

void append_accounts(std::string& out, const std::map<std::string_view, counts>& accounts) {
    out += '[';
    for (bool first = true; const auto& [account, of_account] : accounts) {
        out += first ? "\n    {\"account\": " : ",\n    {\"account\": ";
        first = false;
        append_json_string(out, account);
        out += ", ";
        append_counts(out, of_account, ", ");
        out += '}';
    }
    out += accounts.empty() ? "]" : "\n  ]";
}

std::string time_or(const std::optional<wall_time>& time, const char* none) {
    return time ? format_rfc3339(*time) : none;
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out.append(name.size() < 16 ? 16 - name.size() : 1, ' ');
    out.append(value).append("\n");
}

void append_cell(std::string& out, std::string_view text) {
    out.append(text.size() < 11 ? 11 - text.size() : 1, ' ');
    out += text;
}

void append_account_row(std::string& out, const std::string& account, const counts& from) {
    out += account;
    out.append(account.size() < 10 ? 10 - account.size() : 0, ' ');
    append_cell(out, std::to_string(from.received));
    for (const auto jobs : from.jobs) {
        append_cell(out, std::to_string(jobs));
    }
    append_cell(out, std::to_string(from.attempts));
    out += '\n';
}

void append_account_table(std::string& out, const totals& sums) {
    out += "\naccount   ";
    append_cell(out, "received");
    for (const auto* name : column_names) {
        append_cell(out, name);
    }
    append_cell(out, "attempts");
    out += '\n';
    for (const auto& [account, of_account] : sums.by_account) {
        append_account_row(out, printable(account), of_account);
    }
    append_account_row(out, "all", sums.all);
}

void append_reason_table(std::string& out, std::string_view title,
                         const std::vector<reason_count>& reasons) {
    if (reasons.empty()) {
        return;
    }
    out.append("\n").append(title).append("\n");
    for (const auto& entry : reasons) {
        append_cell(out, std::to_string(entry.jobs));
        out.append("  ").append(to_string(entry.state)).append("  ");
        out.append(printable(entry.reason, 800)).append("\n");
    }
}

}  // namespace

std::string render_report_json(const batch_summary& summary) {
    const auto sums = total_up(summary);
    std::string out = "{\n  \"schema\": \"onboardd/report/1\",\n  \"batch\": ";
    append_json_string(out, summary.batch);
    out += ",\n  ";
    append_counts(out, sums.all, ",\n  ");
    out += ",\n  \"first_received_at\": ";
    append_time_or_null(out, summary.first_received_at);
    out += ",\n  \"last_finished_at\": ";
    append_time_or_null(out, summary.last_finished_at);
    out += ",\n  \"seconds\": " + decimals(sums.seconds, 3, "null");
    out += ",\n  \"rate_per_second\": " + decimals(sums.rate, 2, "null");
    out += ",\n  \"by_reason\": ";
    append_reasons(out, sums.by_reason);
    out += ",\n  \"by_account\": ";
    append_accounts(out, sums.by_account);
    out += ",\n  \"top_refusals\": ";
    append_reasons(out, sums.top_refusals);
    out += "\n}\n";
    return out;
}

std::string render_report_text(const batch_summary& summary) {
    const auto sums = total_up(summary);
    std::string out;
    append_line(out, "batch", printable(summary.batch, 1024));
    append_line(out, "first received", time_or(summary.first_received_at, "-"));
    append_line(out, "last finished", time_or(summary.last_finished_at, "-"));
    append_line(out, "seconds", decimals(sums.seconds, 3, "-"));
    append_line(out, "jobs a second", decimals(sums.rate, 2, "-"));
    append_account_table(out, sums);
    append_reason_table(out, "most frequent refusals", sums.top_refusals);
    append_reason_table(out, "all reasons", sums.by_reason);
    return out;
}

}  // namespace onboardd
