#pragma once

// status and watch: how things stand, from the daemon or, while none runs, from its ledger.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ctl/control_socket.hpp"
#include "daemon/ctl/output.hpp"
#include "daemon/ctl/status_view.hpp"
#include "daemon/ctl/table.hpp"
#include "onboardd/config/config.hpp"

namespace onboardd::ctl {

// How fast jobs end, from looks a while apart. Pure.
class pace {
public:
    void see(wall_time at, std::uint64_t ended);

    // Jobs a second over the looks of the last minute; nullopt: not known yet.
    [[nodiscard]] std::optional<double> rate() const;

private:
    struct look {
        wall_time at;
        std::uint64_t ended;
    };
    std::deque<look> looks_;
};

// Until `open` jobs have ended at this rate; nullopt: it is not known, or nothing moves.
std::optional<milliseconds> time_for(std::uint64_t open, std::optional<double> per_second);

// Jobs that have ended, whatever their end.
std::uint64_t ended_in(const counts& jobs);

// For people, line by line. `speed` null: the daemon's own word for the pace is taken. `columns`:
// of the terminal, or 0.
std::vector<std::string> in_lines(const status_view& view, const pace* speed, const palette& paint,
                                  std::size_t columns);

// One JSON object, schema onboardctl/status/1.
std::string as_json(const status_view& view, const pace* speed);

// What is now; a daemon that hangs is waited for as `patience` allows. Throws not_allowed, and
// std::runtime_error or config_error with a sentence for the operator.
status_view look(const config& settings, milliseconds patience = control_patience);

int show_status(const config& settings, output& to);
int explain_jobs(const config& settings, const std::vector<std::string>& named, std::istream& in,
                 output& to);

struct watch_options {
    milliseconds interval{1'000};
    std::uint64_t looks = 0;  // then it ends; 0: when it is told to
};

// On a terminal it redraws, and ends with q or ^C; elsewhere it writes one status after the other.
int watch(const config& settings, const watch_options& options, output& to);

}  // namespace onboardd::ctl
