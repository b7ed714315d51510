#include "daemon/base/flood_gate.hpp"

#include <algorithm>

namespace onboardd {

bool flood_gate::pass(severity level, std::string_view event, std::string_view account,
                      steady_time now) {
    const std::pair kind{std::string(event), std::string(account)};
    auto known = kinds_.find(kind);
    if (known == kinds_.end()) {
        if (kinds_.size() >= kinds_max) {
            return true;
        }
        known = kinds_.emplace(kind, count{level, now + window, 0}).first;
        next_end_ = std::min(next_end_, now + window);
    }
    known->second.level = std::max(known->second.level, level);
    return ++known->second.seen <= free_events;
}

std::vector<flood_gate::flood> flood_gate::take_ended(steady_time now) {
    std::vector<flood> ended;
    if (now < next_end_) {
        return ended;
    }
    next_end_ = steady_time::max();
    for (auto kind = kinds_.begin(); kind != kinds_.end();) {
        const auto& [name, seen] = *kind;
        if (seen.ends > now) {
            next_end_ = std::min(next_end_, seen.ends);
            ++kind;
            continue;
        }
        if (seen.seen > free_events) {
            ended.push_back({seen.level, name.first, name.second, seen.seen - free_events});
        }
        kind = kinds_.erase(kind);
    }
    return ended;
}

}  // namespace onboardd
