// The commands that read the ledger: list, show, report.

#include <algorithm>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/references.hpp"
#include "onboardd/outcome/outcome.hpp"

namespace onboardd::ctl {
namespace {

constexpr std::size_t page_max = 500;

json_line describe(const job& row) {
    json_line line;
    line.add("account", row.account)
        .add("reference", row.reference)
        .add("batch", row.batch)
        .add("state", to_string(row.state))
        .add_number("priority", row.priority)
        .add_number("attempts", row.attempts)
        .add_number("revision", row.revision)
        .add("received_at", std::optional(row.received_at))
        .add("not_before", row.not_before)
        .add("expires_at", row.expires_at)
        .add("due_at", work_of(row) == work_kind::none ? std::nullopt : std::optional(row.due_at))
        .add("submitted_at", row.submitted_at)
        .add("finished_at", row.finished_at)
        .add_or_null("case_id", row.the_case.id)
        .add_or_null("contract_url", row.the_case.contract_url)
        .add_or_null("case_status", row.the_case.case_status)
        .add_or_null("reason", reason_of(row));
    return line;
}

std::string padded(std::string text, std::size_t width) {
    text.resize(std::max(text.size() + 1, width), ' ');
    return text;
}

std::string table_line(const job& row) {
    const auto when = row.finished_at ? *row.finished_at : row.due_at;
    return padded(shown(row.account), 11) + padded(shown(row.reference), 26) +
           padded(std::string(to_string(row.state)), 12) +
           padded(std::to_string(row.attempts), 10) + padded(format_rfc3339(when), 26) +
           padded(shown(row.batch), 16) + shown(reason_of(row));
}

std::string table_head() {
    return padded("ACCOUNT", 11) + padded("REFERENCE", 26) + padded("STATE", 12) +
           padded("ATTEMPTS", 10) + padded("ENDED OR DUE", 26) + padded("BATCH", 16) + "REASON";
}

bool wanted(const job& row, const list_options& options) {
    return (!options.state || row.state == *options.state) &&
           (options.account.empty() || row.account == options.account) &&
           (options.batch.empty() || row.batch == options.batch);
}

void append_text(std::string& text, std::string_view name, std::string_view value) {
    if (!value.empty()) {
        text += padded(std::string(name), 16) + shown(value) + "\n";
    }
}

std::string in_lines(const job& row) {
    std::string text;
    const auto time = [](const std::optional<wall_time>& at) {
        return at ? format_rfc3339(*at) : std::string();
    };
    append_text(text, "job", row.account + "/" + row.reference);
    append_text(text, "batch", row.batch);
    append_text(text, "state", to_string(row.state));
    append_text(text, "attempts", std::to_string(row.attempts));
    append_text(text, "received", time(row.received_at));
    append_text(text, "not before", time(row.not_before));
    append_text(text, "expires", time(row.expires_at));
    append_text(text, "submitted", time(row.submitted_at));
    append_text(text, is_final(row.state) ? "ended" : "due",
                time(row.finished_at ? row.finished_at : std::optional(row.due_at)));
    append_text(text, "case", row.the_case.id);
    append_text(text, "case status", row.the_case.case_status);
    append_text(text, "contract", row.the_case.contract_url);
    append_text(text, "reason", reason_of(row));
    append_text(text, "outcome", row.revision == 0 ? "" : std::to_string(row.revision));
    text.pop_back();
    return text;
}

}  // namespace

int list_jobs(const config& settings, const list_options& options, output& to) {
    const auto reader = open_reader(settings);
    std::uint64_t told = 0;
    bool sound = true;
    for (job_page page; !page.end;) {
        page = reader->jobs(page.last, page_max);
        for (const auto id : page.damaged) {
            tell_damaged(to, "row " + std::to_string(id));
            sound = false;
        }
        for (const auto& row : page.rows) {
            if (!wanted(row, options)) {
                continue;
            }
            if (to.json) {
                to.line(describe(row));
            } else {
                if (told == 0) {
                    to.line(table_head());
                }
                to.line(table_line(row));
            }
            if (++told == options.count_max) {
                return sound ? done : failed;
            }
        }
    }
    return sound ? done : failed;
}

int show_job(const config& settings, const std::string& reference, output& to) {
    const auto reader = open_reader(settings);
    std::uint64_t told = 0;
    for (const auto& [account, name] : identities(*reader, reference)) {
        const auto found = reader->find(account, name);
        if (found.has_error()) {
            tell_damaged(to, std::string(account).append("/").append(name));
            return failed;
        }
        if (!*found) {
            continue;
        }
        if (to.json) {
            to.line(describe(**found));
        } else {
            to.line((told == 0 ? "" : "\n") + in_lines(**found));
        }
        ++told;
    }
    if (told == 0) {
        to.err << "onboardctl: there is no job " << shown(reference) << '\n';
    }
    return told == 0 ? failed : done;
}

int report_batch(const config& settings, const std::string& batch, output& to) {
    const auto reader = open_reader(settings);
    const auto summary = reader->summary(batch);
    if (summary.tallies.empty()) {
        to.err << "onboardctl: there is no batch " << shown(batch) << '\n';
        return failed;
    }
    auto text = to.json ? render_report_json(summary) : render_report_text(summary);
    if (to.json) {
        std::erase(text, '\n');  // one object, one line; its strings hold none
    } else {
        text.pop_back();
    }
    to.line(text);
    return done;
}

}  // namespace onboardd::ctl
