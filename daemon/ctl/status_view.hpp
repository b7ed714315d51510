#pragma once

// What /api/status of a running daemon says, and what can be said without one.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/config/config.hpp"
#include "onboardd/ledger/ledger_reader.hpp"

namespace onboardd::ctl {

// Indexed by job_state.
using counts = std::array<std::uint64_t, 12>;

struct pause_view {
    std::string kind;                      // as engine's name_of(account_pause)
    std::string reason;                    // in words
    std::optional<wall_time> next_try_at;  // nullopt: it does not end by itself
    std::optional<operator_pause> by;      // kind is by_operator
};

struct window_view {
    std::string text;  // "01:00-05:30 Europe/Oslo"
    bool open = true;
    std::optional<wall_time> opens_at;
};

struct account_view {
    std::string id;
    bool configured = true;
    counts jobs{};
    std::optional<wall_time> token_obtained_at;
    std::optional<wall_time> token_expires_at;
    std::string token_failure;  // why the last fetch brought none; empty: it brought one
    std::optional<wall_time> token_next_try_at;
    std::uint64_t in_flight = 0;
    std::uint64_t limit = 0;
    std::uint64_t limit_max = 0;
    std::optional<double> requests_per_second_max;
    std::optional<pause_view> pause;
    std::optional<window_view> window;

    [[nodiscard]] bool has_no_token() const;
    // Nothing is sent for its jobs, and not for want of a place.
    [[nodiscard]] bool waits() const;
};

struct batch_view {
    std::string name;
    counts jobs{};
    std::optional<wall_time> first_received_at;
    std::optional<wall_time> last_finished_at;
    std::optional<milliseconds> left;  // until its open jobs have ended; nullopt: nobody can tell
};

struct status_view {
    bool running = false;  // else only jobs, of accounts and batches, pauses and windows are known
    std::string version;
    std::optional<wall_time> now;
    std::optional<wall_time> started_at;
    bool ready = false;
    std::vector<std::string> not_ready;
    counts jobs{};
    counts since_start{};
    std::uint64_t in_flight = 0;
    std::optional<double> jobs_per_second;  // that have ended of late
    std::vector<std::string> short_of_room;
    bool provider_failing = false;
    std::optional<wall_time> next_probe_at;
    std::vector<account_view> accounts;
    std::vector<batch_view> batches;  // with open jobs first, then the newest; some twenty

    [[nodiscard]] std::uint64_t open() const;
    // Those of accounts that send nothing for now.
    [[nodiscard]] std::uint64_t open_and_waiting() const;
    [[nodiscard]] const account_view* account(std::string_view id) const;
};

std::uint64_t open_in(const counts& jobs);

// Schema onboardd/status/1. Members that are missing or of another type keep their defaults; what
// is no such object gives nullopt.
std::optional<status_view> parse_status(std::string_view json);

// From the ledger alone, while no daemon runs.
status_view status_without_daemon(const config& settings, ledger_reader& reader, wall_time now);

}  // namespace onboardd::ctl
