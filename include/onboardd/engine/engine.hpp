#pragma once

// The engine takes jobs from the spool into the ledger, drives each to its next step, and publishes
// what came of it. It owns one dispatcher for each account, the intake, the publisher of outcomes
// and the writer of run reports, and waits for all of them before run() returns.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/log.hpp"
#include "onboardd/base/measures.hpp"
#include "onboardd/base/random.hpp"
#include "onboardd/config/config.hpp"
#include "onboardd/engine/decide.hpp"
#include "onboardd/http/client.hpp"
#include "onboardd/ledger/ledger.hpp"
#include "onboardd/policy/breaker.hpp"
#include "onboardd/provider/requests.hpp"
#include "onboardd/spool/spool.hpp"

namespace onboardd {

// What writes outcomes and reports to disk, off the loop.
struct outcome_sink {
    // One result for each row, in order; after success the file survives a power cut.
    std::function<asio::awaitable<std::vector<result<void>>>(std::vector<job>)> publish;
    std::function<asio::awaitable<result<void>>(batch_summary)> publish_report;
    // Which of these outcomes are not there any more.
    std::function<asio::awaitable<std::vector<job_id>>(std::vector<published_outcome>)> missing;
};

struct account_options {
    std::string id;
    std::function<http::request()> make_token_request;
    std::uint32_t in_flight_max = 64;
    std::optional<double> requests_per_second_max;
    std::optional<time_window> window;
};

struct engine_options {
    // Changes behaviour.
    provider_address provider;
    std::vector<account_options> accounts;
    decision_rules rules;
    milliseconds request_time_max{30'000};
    std::uint64_t response_bytes_max = 1024 * 1024;
    milliseconds send_window{
        10'000};  // the last byte of a POST leaves at most this long after its intent
    std::uint32_t retry_budget_percent = 20;
    milliseconds keep_requests{std::chrono::days(30)};
    breaker_options breaking;
    milliseconds report_delay{
        1'000};  // a batch is reported once it has had no open job for this long

    // Changes performance.
    std::size_t claim_max = 128;          // jobs claimed at a time, for each account
    std::size_t publish_batch_max = 128;  // outcomes written and synced together
    std::size_t publish_lanes = 16;       // such batches under way at once
    std::size_t publish_backlog_max =
        1024;  // finished jobs that wait for their outcome; more make submission wait
    std::size_t portions_max = 4;  // portions of the spool on their way into the ledger
};

// Says in words which disks have too little room for new jobs; nothing: there is room. The argument
// says whether it was short of room at the last look.
using shortage_finder = std::function<asio::awaitable<std::vector<std::string>>(bool was_short)>;

struct engine_parts {
    asio::any_io_executor executor;
    clock& time;
    logger& log;
    random_source& random;
    ledger& store;
    http::client& client;
    spool& incoming;
    outcome_sink outcomes;
    shortage_finder find_shortages = {};  // empty: there is always room
    measures* seen = nullptr;             // where it counts and times; null: nowhere
};

// How many jobs are in each state, indexed by job_state.
using state_counts = std::array<std::uint64_t, 12>;

// Why an account submits nothing for now, apart from its window and its limits.
enum class account_pause : std::uint8_t {
    none,
    credential_refused,  // 401 or 403 for the token, or 401 for a fresh one
    forbidden,           // 403 for the call
    asked_to_wait,       // Retry-After
    by_operator,         // until an operator lets it resume
};

// In words, for people; empty for none.
std::string_view to_string(account_pause why) noexcept;
// For programs: the name as it stands above.
std::string_view name_of(account_pause why) noexcept;

// One account as of now, for people and metrics. No secret is in it.
struct account_status {
    std::string id;
    bool configured = true;  // false: the ledger has jobs of it, and nothing sends them
    state_counts by_state{};
    std::optional<wall_time> token_obtained_at;  // nullopt: no token that has not expired
    std::optional<wall_time> token_expires_at;
    std::string token_failure;  // why the last fetch brought none; empty: it brought one
    std::optional<wall_time> token_next_try_at;  // after a failure
    std::uint32_t limit = 0;                     // requests that may be in flight now
    std::uint32_t limit_max = 0;                 // in_flight_max of the configuration
    std::uint32_t in_flight = 0;
    std::optional<double> requests_per_second_max;
    account_pause pause = account_pause::none;
    // When the next try is due; nullopt: not paused, or by an operator.
    std::optional<wall_time> paused_until;
    std::optional<operator_pause> paused_by;  // by_operator: since when, and who
    std::optional<time_window> window;
    bool window_open = true;
    std::optional<wall_time> window_opens_at;  // nullopt: it is open

    // Nothing is sent for its jobs, and not for want of a place.
    [[nodiscard]] bool waits() const {
        const bool no_token = !token_obtained_at && !token_failure.empty();
        return !configured || pause != account_pause::none || !window_open || no_token;
    }

    [[nodiscard]] std::uint64_t of(job_state state) const {
        return by_state[static_cast<std::size_t>(state)];
    }
};

// A view for progress lines, STATUS= and the exit code. Counts are of jobs unless said otherwise.
struct engine_status {
    state_counts by_state{};          // the whole ledger
    state_counts reached{};           // jobs that came to this state since the start
    std::uint64_t refused_files = 0;  // files and lines moved to rejected/ since the start
    std::uint64_t left_files = 0;     // in incoming/ that can be neither taken nor moved away
    std::uint64_t in_flight = 0;      // requests
    std::uint64_t moves = 0;          // grows whenever a job gets nearer to its end
    std::vector<std::string> paused;  // "T12345678: the credential is refused"
    bool intake_idle = false;         // the last scan found nothing more to take
    bool outcomes_checked = false;    // those of earlier processes: what was missing is due again
    bool outcomes_owed = false;       // the last ones could not be written; they are tried again
    // Why nothing new is taken in: the disk of the ledger or of the outcomes is full or fails.
    // Empty: the engine is ready for jobs. It goes on by itself when this is over.
    std::vector<std::string> short_of_room;
    std::string ledger_failure;  // why the engine ends; empty: the ledger works
    // The breaker is open: the provider fails again and again, and one probe at a time is sent.
    bool provider_failing = false;
    std::optional<wall_time> provider_probe_at;  // when the next probe may go
    wall_time started_at{};
    std::vector<account_status> accounts;  // those configured in their order, then the others

    [[nodiscard]] std::uint64_t of(job_state state) const {
        return by_state[static_cast<std::size_t>(state)];
    }
    // Neither final nor held.
    [[nodiscard]] std::uint64_t open() const;

    // Since the start.
    [[nodiscard]] std::uint64_t ended() const;
};

// Who asks for a change.
struct operator_identity {
    std::uint32_t uid = 0;
};

enum class pause_change : std::uint8_t { changed, unchanged, no_such_account };

class engine {
public:
    engine(const engine_parts& parts, engine_options options);
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;
    ~engine();

    // Works until stop() and then until all that was under way has ended. Throws std::runtime_error
    // if the ledger fails: nothing may be sent then. Cancellation ends it at once; requests under
    // way stay `submitting` in the ledger and are looked up at the next start.
    asio::awaitable<void> run();

    // Takes nothing more in and starts no request; run() returns when those in flight have ended,
    // their results are durable and their outcomes are on disk.
    void stop();

    [[nodiscard]] engine_status status() const;

    // One portion of ledger::operate(), for as long as run() runs. What changed is logged with the
    // operator's uid (event `operator`), and the accounts and the outcomes follow. A job whose
    // request is under way is refused; one that is about to be sent is not sent any more.
    asio::awaitable<result<operated>> operate(operation what, job_selection among, job_id after,
                                              operator_identity who);

    // Until it is resumed, also by later processes, no request is made for the account's jobs:
    // nothing is submitted, looked up or read. Requests in flight end. Jobs still expire.
    asio::awaitable<result<pause_change>> pause(std::string account, operator_identity who);
    asio::awaitable<result<pause_change>> resume(std::string account, operator_identity who);

    // For the end of a drain, after run(): writes the report of every batch of which a job moved
    // since the start, finished or not, and of those that an earlier process still owed; returns
    // what was reported.
    asio::awaitable<std::vector<batch_summary>> write_reports();

private:
    class implementation;
    std::unique_ptr<implementation> self_;
};

}  // namespace onboardd
