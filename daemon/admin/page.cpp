#include "daemon/admin/page.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <span>
#include <utility>

#include "daemon/admin/html.hpp"
#include "onboardd/admin/pages.hpp"

namespace onboardd::admin {
namespace {

constexpr std::size_t reasons_shown = 12;

std::string hash_of(std::string_view text) {
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_Digest(text.data(), text.size(), sum, &length, EVP_sha256(), nullptr);
    unsigned char base64[2 * EVP_MAX_MD_SIZE];
    const int written = EVP_EncodeBlock(base64, sum, static_cast<int>(length));
    return "'sha256-" + std::string(base64, base64 + written) + '\'';
}

std::string pill(const char* kind, const std::string& text) {
    return R"(<span class="pill )" + std::string(kind) + R"(">)" + text + "</span>";
}

std::string cell(const char* label, const std::string& content, const char* kind = "") {
    return R"(<td class=")" + std::string(kind) + R"(" data-label=")" + label + R"(">)" + content +
           "</td>";
}

// A header row for wide screens; on narrow ones each cell carries its label.
std::string table(std::initializer_list<std::pair<const char*, const char*>> columns,
                  const std::string& rows) {
    std::string out = "<table><thead><tr>";
    for (const auto& [name, kind] : columns) {
        out += R"(<th scope="col" class=")" + std::string(kind) + R"(">)" + name + "</th>";
    }
    return out + "</tr></thead><tbody>" + rows + "</tbody></table>";
}

std::string section(const char* kind, const char* title, const std::string& content) {
    return R"(<section class=")" + std::string(kind) + R"("><h2>)" + title + "</h2>" + content +
           "</section>\n";
}

std::string href_of(const std::string& report, const char* ending) {
    std::string out = "reports/";
    for (const char byte : report) {  // a report's name holds % as a character of its own
        out += byte == '%' ? "%25" : std::string(1, byte);
    }
    return html::text(out + ending);
}

std::string top(const overview& now, bool ready) {
    return R"(<header id="top"><h1>onboardd</h1>)" +
           (ready ? pill("good", "ready") : pill("bad", "not ready")) +
           R"(<span class="soft small right">as of )" + html::time(now.now, now.now) +
           " UTC · version " ONBOARDD_VERSION " · started " +
           html::time(now.status.started_at, now.now) + "</span></header>\n";
}

std::string alarms(const std::vector<std::string>& reasons, const engine_status& status) {
    auto told = reasons;
    if (status.provider_failing) {
        told.emplace_back("the provider fails again and again: one probe at a time is sent");
    }
    if (status.outcomes_owed) {
        told.emplace_back("outcomes could not be written; they are kept and tried again");
    }
    if (status.left_files != 0) {
        told.push_back(std::to_string(status.left_files) +
                       " files in the spool can be neither taken nor moved away");
    }
    if (told.empty()) {
        return "";
    }
    std::string items;
    for (const auto& one : told) {
        items += "<li>" + html::text(one) + "</li>";
    }
    return section("alarm", "Wants a look", "<ul>" + items + "</ul>");
}

// Of the jobs that are at work; how many wait for their account is told beside it.
std::string estimate(const batch_progress& batch, const overview& now) {
    const auto waiting = std::min(waiting_jobs(batch, now.status), batch.open());
    const auto at_work = batch.open() - waiting;
    if (batch.open() == 0) {
        return "done";
    }
    if (at_work == 0) {
        return "all in accounts that wait";
    }
    const auto left = time_left(at_work, now.rate.recent_per_second());
    return (left ? "about " + html::duration(*left) + " left" : "no estimate yet") +
           (waiting == 0 ? "" : " · " + html::count(waiting) + " more in accounts that wait");
}

batch_progress tonight(const overview& now) {
    batch_progress all;
    for (const auto& batch : now.batches) {
        if (!batch.is_of_tonight(now.now)) {
            continue;
        }
        for (std::size_t i = 0; i < all.by_state.size(); ++i) {
            all.by_state[i] += batch.by_state[i];
        }
        for (const auto& [account, open] : batch.open_in) {
            all.open_in[account] += open;
        }
        const auto began = batch.first_received_at.value_or(now.now);
        all.first_received_at = std::min(all.first_received_at.value_or(began), began);
        const auto last = batch.last_finished_at.value_or(began);
        all.last_finished_at = std::max(all.last_finished_at.value_or(last), last);
    }
    return all;
}

std::string fact(const char* name, const std::string& content) {
    return "<li><span>" + std::string(name) + "</span> <b>" + content + "</b></li>";
}

std::string facts(const batch_progress& all, const overview& now) {
    const auto left = time_left(all, now);
    const auto reached = [&](job_state state) {
        return html::count(now.status.reached[static_cast<std::size_t>(state)]);
    };
    std::string end = "–";
    if (left) {
        end = html::time(now.now + *left, now.now);
    } else if (all.open() == 0 && all.last_finished_at) {
        end = html::time(*all.last_finished_at, now.now);
    }
    return R"(<ul class="facts">)" + fact("Began", html::time(*all.first_received_at, now.now)) +
           fact(all.open() == 0 ? "Ended" : "Ends about", end) +
           fact("Lost answers", reached(job_state::unknown)) +
           fact("Files refused", html::count(now.status.refused_files)) + "</ul>";
}

std::string hero(const overview& now) {
    const auto all = tonight(now);
    if (all.all() == 0) {
        return section("hero", "Tonight",
                       R"(<p class="big">Nothing to do</p><p class="soft">No batch has an open )"
                       "job, and none has ended in the last 24 hours.</p>");
    }
    return section("hero", "Tonight",
                   R"(<p class="big">)" + html::percent(all.ended(), all.all()) + " <small>" +
                       html::count(all.ended()) + " of " + html::count(all.all()) +
                       " jobs ended · " + estimate(all, now) + "</small></p>" +
                       progress_bar(all.by_state, "bar") + legend(all.by_state) + facts(all, now));
}

std::string rate(const overview& now) {
    return section("rate", "Rate",
                   R"(<p class="big">)" + html::rate(now.rate.recent_per_second()) +
                       " <small>jobs per second · " + html::count(now.status.in_flight) +
                       " requests in flight</small></p>" + rate_chart(now.rate, now.now));
}

std::string refused_of(const batch_progress& batch) {
    std::uint64_t refused = 0;
    for (const auto& one : batch.refusals) {
        refused += one.jobs;
    }
    return html::count(refused);
}

std::string more_batches(std::size_t count) {
    return count == 0 ? ""
                      : R"(<p class="soft">)" + html::count(count) +
                            " more, older or ended: onboardctl report NAME tells of each.</p>";
}

std::string batches(const overview& now) {
    std::string rows;
    const auto shown = std::min(now.batches.size(), batches_shown_max);
    for (const auto& batch : std::span(now.batches).first(shown)) {
        const auto created = batch.by_state[static_cast<std::size_t>(job_state::created)];
        const auto end = batch.open() == 0 && batch.last_finished_at
                             ? html::time(*batch.last_finished_at, now.now)
                             : estimate(batch, now);
        rows += "<tr>" + cell("Batch", html::text(batch.name), "name") +
                cell("Progress", progress_bar(batch.by_state, "thin"), "wide") +
                cell("Ended", html::percent(batch.ended(), batch.all()), "n") +
                cell("Jobs", html::count(batch.all()), "n") +
                cell("Created", html::count(created), "n") +
                cell("Without a case", refused_of(batch), "n") +
                cell("Open", html::count(batch.open()), "n") + cell("End", end, "n") + "</tr>";
    }
    if (rows.empty()) {
        return section("batches", "Batches", R"(<p class="soft">No job has come yet.</p>)");
    }
    return section("batches", "Batches",
                   table({{"Batch", ""},
                          {"Progress", ""},
                          {"Ended", "n"},
                          {"Jobs", "n"},
                          {"Created", "n"},
                          {"Without a case", "n"},
                          {"Open", "n"},
                          {"End", "n"}},
                         rows) +
                       more_batches(now.batches.size() - shown));
}

std::string next_try(const std::optional<wall_time>& at, wall_time now) {
    return at ? R"( <span class="soft small">next try )" + html::time(*at, now) + "</span>" : "";
}

// How long a pause lasts, as far as that is known.
std::string until_of(const account_status& account, wall_time now) {
    if (account.paused_by) {
        return R"( <span class="soft small">since )" + html::time(account.paused_by->since, now) +
               "</span>";
    }
    return next_try(account.paused_until, now);
}

std::uint64_t open_of(const account_status& account) {
    batch_progress counts;
    counts.by_state = account.by_state;
    return counts.open();
}

std::string state_of(const account_status& account, wall_time now) {
    if (!account.configured) {
        return pill("doubt", "not configured");
    }
    if (account.pause != account_pause::none) {
        return pill(account.pause == account_pause::asked_to_wait ? "doubt" : "bad",
                    "paused: " + html::text(to_string(account.pause))) +
               until_of(account, now);
    }
    if (!account.window_open) {
        return pill("", "window closed") +
               (account.window_opens_at ? R"( <span class="soft small">opens )" +
                                              html::time(*account.window_opens_at, now) + "</span>"
                                        : "");
    }
    if (account.waits()) {
        return pill("doubt", "no token: " + html::text(account.token_failure)) +
               next_try(account.token_next_try_at, now);
    }
    return open_of(account) == 0 ? pill("", "idle") : pill("good", "at work");
}

std::string token_of(const account_status& account, wall_time now) {
    if (!account.token_expires_at) {
        return R"(<span class="soft">none</span>)";
    }
    const auto left = std::chrono::floor<std::chrono::seconds>(*account.token_expires_at - now);
    return "valid for " + html::duration(left) +
           (account.token_failure.empty() ? ""
                                          : ", not renewed: " + html::text(account.token_failure));
}

std::string accounts(const overview& now) {
    std::string rows;
    for (const auto& account : now.status.accounts) {
        const auto limit = account.configured ? html::count(account.in_flight) + " of " +
                                                    html::count(account.limit)
                                              : std::string("–");
        const auto pace = account.requests_per_second_max
                              ? html::rate(*account.requests_per_second_max) + "/s"
                              : std::string(R"(<span class="soft">none</span>)");
        rows += "<tr>" + cell("Account", html::text(account.id), "name") +
                cell("State", "<span>" + state_of(account, now.now) + "</span>") +
                cell("In flight", limit, "n") + cell("Rate limit", pace, "n") +
                cell("Token", token_of(account, now.now), "n") +
                cell("Open", html::count(open_of(account)), "n") +
                cell("Held", html::count(account.of(job_state::held)), "n") +
                cell("Created", html::count(account.of(job_state::created)), "n") + "</tr>";
    }
    return section("accounts", "Accounts",
                   table({{"Account", ""},
                          {"State", ""},
                          {"In flight", "n"},
                          {"Rate limit", "n"},
                          {"Token", "n"},
                          {"Open", "n"},
                          {"Held", "n"},
                          {"Created", "n"}},
                         rows));
}

std::string refusals(const overview& now) {
    const auto found = refusals_of_tonight(now, reasons_shown);
    if (found.empty()) {
        return section("refusals", "Without a case",
                       R"(<p class="soft">No job of tonight has ended without a case.</p>)");
    }
    std::string rows;
    for (const auto& one : found) {
        const double share =
            1000 * static_cast<double>(one.jobs) / static_cast<double>(found[0].jobs);
        rows += "<tr>" + cell("Reason", html::text(one.reason), "name") +
                cell("Share",
                     R"(<svg class="thin" viewBox="0 0 1000 10" preserveAspectRatio="none" )"
                     R"(aria-hidden="true"><rect class="f-bad" width=")" +
                         std::to_string(static_cast<int>(share)) + R"(" height="10"/></svg>)",
                     "wide") +
                cell("Jobs", html::count(one.jobs), "n") + "</tr>";
    }
    return section("refusals", "Without a case",
                   table({{"Reason", ""}, {"Share", ""}, {"Jobs", "n"}}, rows));
}

std::string reports(const overview& now) {
    std::string items;
    for (const auto& one : now.reports) {
        items += R"(<li><a class="name" href=")" + href_of(one.name, ".txt") + R"(">)" +
                 html::text(one.name) + R"(</a><span class="soft small right">)" +
                 html::time(one.written_at, now.now) + R"(</span><a class="small" href=")" +
                 href_of(one.name, ".json") + R"(" download>JSON</a></li>)";
    }
    return section("reports", "Last reports",
                   items.empty() ? R"(<p class="soft">A report comes when a batch has ended.</p>)"
                                 : R"(<ul class="plain">)" + items + "</ul>");
}

std::string filled(std::string_view frame, std::string_view name, std::string_view content) {
    const auto at = frame.find(name);
    return std::string(frame.substr(0, at)) + std::string(content) +
           std::string(frame.substr(at + name.size()));
}

}  // namespace

const std::string& page_policy() {
    static const std::string policy =
        "default-src 'none'; style-src " + hash_of(page_style) + "; script-src " +
        hash_of(page_script) +
        "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'";
    return policy;
}

std::string render_page(const overview& now) {
    const auto reasons = not_ready_reasons(now.status);
    const auto body =
        top(now, reasons.empty()) +
        R"(<p id="lost" role="status" hidden>onboardd does not answer; this is what it said )"
        "last.</p>\n<main id=\"main\">\n" +
        alarms(reasons, now.status) + hero(now) + rate(now) + batches(now) + accounts(now) +
        refusals(now) + reports(now) + "</main>";
    auto page = filled(page_frame, "{{style}}", page_style);
    page = filled(page, "{{script}}", page_script);
    return filled(page, "{{body}}", body);  // last: nothing in it is looked for
}

}  // namespace onboardd::admin
