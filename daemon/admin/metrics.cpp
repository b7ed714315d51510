#include "onboardd/admin/metrics.hpp"

#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "daemon/admin/families.hpp"
#include "onboardd/admin/pages.hpp"

namespace onboardd::admin {
namespace {

double number(std::uint64_t count) {
    return static_cast<double>(count);
}

double number(bool holds) {
    return holds ? 1 : 0;
}

double seconds(milliseconds time) {
    return std::chrono::duration<double>(time).count();
}

labels with(const account_status& account) {
    return {{"account", account.id}};
}

labels with(const char* name, std::string_view value) {
    return {{name, std::string(value)}};
}

void add_jobs(families& out, const engine_status& status) {
    out.gauge("onboardd_jobs", "Jobs in the ledger, by account and state.");
    for (const auto& account : status.accounts) {
        for (const auto state : all_job_states) {
            out.value(number(account.of(state)),
                      {{"account", account.id}, {"state", std::string(to_string(state))}});
        }
    }
    out.counter_of("onboardd_jobs_reached_total", "Jobs that came to a state since the start.");
    for (const auto state : all_job_states) {
        out.value(number(status.reached[static_cast<std::size_t>(state)]),
                  with("state", to_string(state)));
    }
}

void add_limits(families& out, const engine_status& status) {
    out.gauge("onboardd_requests_in_flight", "Requests that wait for the provider's answer.");
    for (const auto& account : status.accounts) {
        out.value(account.in_flight, with(account));
    }
    out.gauge("onboardd_requests_in_flight_limit",
              "How many may wait now: adapted to what the provider takes.");
    for (const auto& account : status.accounts) {
        out.value(account.limit, with(account));
    }
    out.gauge("onboardd_requests_in_flight_limit_max", "in_flight_max of the configuration.");
    for (const auto& account : status.accounts) {
        out.value(account.limit_max, with(account));
    }
}

void add_pauses(families& out, const engine_status& status) {
    constexpr account_pause reasons[] = {account_pause::credential_refused,
                                         account_pause::forbidden, account_pause::asked_to_wait,
                                         account_pause::by_operator};
    out.gauge("onboardd_account_paused",
              "1 for the reason why nothing of the account is submitted.");
    for (const auto& account : status.accounts) {
        for (const auto why : reasons) {
            out.value(number(account.pause == why),
                      {{"account", account.id}, {"reason", std::string(name_of(why))}});
        }
    }
    out.gauge("onboardd_account_window_open", "0 while the account's time window is closed.");
    for (const auto& account : status.accounts) {
        out.value(number(account.window_open), with(account));
    }
    out.gauge("onboardd_account_configured",
              "0 for an account that has jobs in the ledger and is in no configuration.");
    for (const auto& account : status.accounts) {
        out.value(number(account.configured), with(account));
    }
}

void add_tokens(families& out, const engine_status& status, wall_time now) {
    out.gauge("onboardd_token_age_seconds", "Age of the access token in use; absent without one.");
    for (const auto& account : status.accounts) {
        if (account.token_obtained_at) {
            out.value(seconds(now - *account.token_obtained_at), with(account));
        }
    }
    out.gauge("onboardd_token_remaining_seconds",
              "Time until the access token in use expires; absent without one.");
    for (const auto& account : status.accounts) {
        if (account.token_expires_at) {
            out.value(seconds(*account.token_expires_at - now), with(account));
        }
    }
}

void add_times(families& out, const measures& seen) {
    out.histogram_of("onboardd_queue_wait_seconds",
                     "From when a job was due for the first time until its request was sent.",
                     seen.queue_wait);
    out.histogram_of("onboardd_token_request_seconds", "A request for an access token.",
                     seen.token_time);
    out.histogram_of("onboardd_connect_seconds", "Opening a TCP connection to the provider.",
                     seen.connect_time);
    out.histogram_of("onboardd_tls_handshake_seconds", "The TLS handshake on a new connection.",
                     seen.tls_time);
    out.histogram_of("onboardd_request_seconds",
                     "A request that opens a case, from its first byte to the whole answer.",
                     seen.request_time);
    out.histogram_of("onboardd_job_seconds",
                     "From a job's entry into the ledger until its final state.", seen.job_time);
}

void add_troubles(families& out, const metrics_view& view) {
    constexpr const char* retries[] = {"no_connection", "too_many_requests", "shut_out",
                                       "other_status", "proven_absence"};
    static_assert(std::size(retries) == retry_reasons);
    out.counter_of("onboardd_retries_total", "Jobs that wait to be sent again, by reason.");
    for (std::size_t i = 0; i < retry_reasons; ++i) {
        out.value(number(view.seen.retries[i].value()), with("reason", retries[i]));
    }
    constexpr const char* results[] = {"found", "absent", "undecided", "ended"};
    static_assert(std::size(results) == reconciliations);
    out.counter_of("onboardd_unknown_total", "Jobs whose answer was lost.")
        .value(number(view.status.reached[static_cast<std::size_t>(job_state::unknown)]));
    out.counter_of("onboardd_reconciled_total", "What became of jobs whose answer was lost.");
    for (std::size_t i = 0; i < reconciliations; ++i) {
        out.value(number(view.seen.reconciled[i].value()), with("result", results[i]));
    }
    out.counter_of("onboardd_token_failures_total", "Requests for an access token that failed.")
        .value(number(view.seen.token_failures.value()));
    out.counter_of("onboardd_connect_failures_total",
                   "Connections to the provider that could not be opened.")
        .value(number(view.seen.connect_failures.value()));
    out.gauge("onboardd_provider_failing",
              "1 while the provider fails again and again and single probes are sent.")
        .value(number(view.status.provider_failing));
}

void add_ledger(families& out, const metrics_view& view) {
    out.histogram_of("onboardd_ledger_commit_rows", "Rows that share a commit.",
                     view.seen.commit_rows);
    out.histogram_of("onboardd_ledger_commit_seconds", "A commit with its sync.",
                     view.seen.commit_time);
    out.gauge("onboardd_ledger_damaged_jobs", "Jobs that were met without their checksum.")
        .value(number(view.ledger.damaged));
    out.gauge("onboardd_ledger_failed", "1 once the ledger refuses writes.")
        .value(number(!view.status.ledger_failure.empty()));
}

void add_files(families& out, const metrics_view& view) {
    out.gauge("onboardd_spool_files", "Files that wait in incoming/, counted up to 100000.")
        .value(number(view.spool.files));
    const auto oldest = view.spool.oldest.value_or(view.now);
    out.gauge("onboardd_spool_oldest_file_age_seconds",
              "Age of the oldest file in incoming/, of the first 1000.")
        .value(seconds(std::max(milliseconds(0), view.now - oldest)));
    out.counter_of("onboardd_spool_refused_total", "Files and lines that were moved to rejected/.")
        .value(number(view.status.refused_files));
    out.gauge("onboardd_spool_stuck_files",
              "Files that can be neither taken nor moved away, as of the last scan.")
        .value(number(view.status.left_files));
    out.gauge("onboardd_short_of_room", "1 while nothing new is taken in for want of room.")
        .value(number(!view.status.short_of_room.empty()));
    out.gauge("onboardd_outcomes_owed", "1 while outcomes cannot be written.")
        .value(number(view.status.outcomes_owed));
}

double resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    double whole = 0;
    double resident = 0;
    statm >> whole >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void add_process(families& out, const metrics_view& view) {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    out.gauge("onboardd_build_info", "1, with the version.")
        .value(1, {{"version", ONBOARDD_VERSION}});
    out.gauge("onboardd_ready", "Whether /readyz says so.")
        .value(number(not_ready_reasons(view.status).empty()));
    out.gauge("onboardd_start_time_seconds", "When this run began, also by a reload.")
        .value(seconds(view.status.started_at.time_since_epoch()));
    out.counter_of("process_cpu_seconds_total", "Processor time used.")
        .value(seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
    out.gauge("process_resident_memory_bytes", "Memory in use.").value(resident_bytes());
}

}  // namespace

std::string metrics_text(const metrics_view& view) {
    families out;
    add_jobs(out, view.status);
    add_limits(out, view.status);
    add_pauses(out, view.status);
    add_tokens(out, view.status, view.now);
    add_times(out, view.seen);
    add_troubles(out, view);
    add_ledger(out, view);
    add_files(out, view);
    add_process(out, view);
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, out.all());
    return text.str();
}

}  // namespace onboardd::admin
