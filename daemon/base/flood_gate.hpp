#pragma once

// Keeps a flood of events out of the log: of each kind the first ones in a while pass, and then
// their number alone. A kind is an event's name and its account: a thousand bad files are one
// flood, two accounts that are refused are two. Pure; not for several threads.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/log.hpp"

namespace onboardd {

class flood_gate {
public:
    static constexpr std::uint64_t free_events = 50;  // of a kind, in each `window`
    static constexpr milliseconds window{60'000};
    static constexpr std::size_t kinds_max = 1'000;  // beyond: everything passes

    // What was left out of one kind in a window that has ended.
    struct flood {
        severity level = severity::info;
        std::string event;
        std::string account;  // empty: none
        std::uint64_t left_out = 0;
    };

    // Whether this one is written.
    bool pass(severity level, std::string_view event, std::string_view account, steady_time now);

    // The floods whose window has ended at `now`, once each.
    std::vector<flood> take_ended(steady_time now);

private:
    struct count {
        severity level = severity::info;
        steady_time ends{};
        std::uint64_t seen = 0;
    };
    std::map<std::pair<std::string, std::string>, count> kinds_;
    steady_time next_end_ = steady_time::max();
};

}  // namespace onboardd
