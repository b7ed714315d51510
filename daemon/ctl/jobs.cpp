// The commands that show what the ledger holds: list, show, report.

#include <algorithm>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/references.hpp"
#include "daemon/ctl/table.hpp"
#include "onboardd/outcome/outcome.hpp"

namespace onboardd::ctl {
namespace {

// Why it is where it is. What last went wrong with an open job is no refusal: only its words are
// told.
std::string reason_for(const job& row) {
    return is_final(row.state) || !row.error ? reason_of(row) : row.error->message;
}

// As the outcome names it.
std::string describe_case(const case_facts& known) {
    if (known == case_facts{}) {
        return "null";
    }
    json_line line;
    line.add_or_null("id", known.id)
        .add_or_null("case_id", known.case_id)
        .add_or_null("contract_url", known.contract_url)
        .add_or_null("case_status", known.case_status)
        .add_or_null("created_at", known.created_at);
    return line.str();
}

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
        .add_raw("case", describe_case(row.the_case))
        .add_or_null("reason", reason_for(row));
    return line;
}

std::string padded(std::string text, std::size_t width) {
    text.resize(std::max(text.size() + 1, width), ' ');
    return text;
}

// The columns of the list; on a narrow terminal those alone that leave room for the reason.
class job_table {
public:
    explicit job_table(output& to)
        : paint_(to.color),
          detailed_(to.columns == 0 || to.columns >= 100),
          timed_(to.columns == 0 || to.columns >= 70),
          rows_(chosen("ACCOUNT", "REFERENCE", "STATE", "ATTEMPTS", "ENDED OR DUE", "BATCH",
                       "REASON"),
                to.columns, [&to](const std::string& line) { to.line(line); }) {}

    void add(const job& row) {
        const auto when = row.finished_at ? *row.finished_at : row.due_at;
        rows_.add(chosen(shown(row.account), shown(row.reference),
                         painted(row.state, std::string(to_string(row.state)), paint_),
                         std::to_string(row.attempts),
                         format_rfc3339(std::chrono::floor<std::chrono::seconds>(when)),
                         shown(row.batch), shown(reason_for(row))));
    }

    void finish() { rows_.finish(); }

private:
    [[nodiscard]] std::vector<std::string> chosen(std::string account, std::string reference,
                                                  std::string state, std::string attempts,
                                                  std::string when, std::string batch,
                                                  std::string reason) const {
        std::vector<std::string> cells;
        const auto add = [&cells](bool wanted, std::string& cell) {
            if (wanted) {
                cells.push_back(std::move(cell));
            }
        };
        add(timed_, account);
        add(true, reference);
        add(true, state);
        add(detailed_, attempts);
        add(timed_, when);
        add(detailed_, batch);
        add(true, reason);
        return cells;
    }

    palette paint_;
    bool detailed_;
    bool timed_;
    long_table rows_;
};

bool wanted(const job& row, const list_options& options) {
    return (!options.state || row.state == *options.state) &&
           (options.account.empty() || row.account == options.account) &&
           (options.batch.empty() || row.batch == options.batch);
}

bool chooses(const list_options& options) {
    return options.state || !options.account.empty() || !options.batch.empty();
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
    append_text(text, "reason", reason_for(row));
    append_text(text, "outcome",
                row.revision == 0 ? "" : "revision " + std::to_string(row.revision));
    text.pop_back();
    return text;
}

}  // namespace

int list_jobs(const config& settings, const list_options& options, output& to) {
    const auto book = open_book(settings);
    job_table rows(to);
    std::uint64_t told = 0;
    bool sound = true;
    const auto enough = [&] { return (told != 0 && told == options.count_max) || !to.out; };
    for (job_page page; !page.end && !enough();) {
        page = book->jobs(page.last);
        for (const auto id : page.damaged) {
            tell_damaged(to, "row " + std::to_string(id));
            sound = false;
        }
        for (auto row = page.rows.begin(); row != page.rows.end() && !enough(); ++row) {
            if (!wanted(*row, options)) {
                continue;
            }
            ++told;
            if (to.json) {
                to.line(describe(*row));
            } else {
                rows.add(*row);
            }
        }
    }
    rows.finish();
    if (told != 0) {
        return sound ? done : failed;
    }
    if (tell_unknown_name(settings, options.account, options.batch, to)) {
        return failed;
    }
    if (sound && !to.json) {
        to.err << (chooses(options) ? "onboardctl: no job fits\n"
                                    : "onboardctl: there is no job yet\n");
    }
    return sound ? done : failed;
}

int show_job(const config& settings, const std::string& reference, output& to) {
    const auto found = open_book(settings)->find({reference}, false).front();
    for (const auto& damaged : found.damaged) {
        tell_damaged(to, damaged);
    }
    std::uint64_t told = 0;
    for (const auto& row : found.rows) {
        if (to.json) {
            to.line(describe(row));
        } else {
            to.line((told == 0 ? "" : "\n") + in_lines(row));
        }
        ++told;
    }
    if (told == 0 && found.damaged.empty()) {
        tell_no_job(to, reference);
    }
    return told == 0 || !found.damaged.empty() ? failed : done;
}

int report_batch(const config& settings, const std::string& batch, output& to) {
    const auto summary = open_book(settings)->batch(batch);
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
