#pragma once

// Whose the cases are that answers have named of late: an answer that went astray names the case of
// another job.

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>

namespace onboardd {

class recent_cases {
public:
    static constexpr std::size_t cases_max = 4'096;

    // Notes the first job for which a case is named. False: that was another one.
    bool is_of(const std::string& id, const std::string& reference) {
        const auto [known, is_new] = of_.try_emplace(id, reference);
        if (!is_new) {
            return known->second == reference;
        }
        order_.push_back(id);
        if (order_.size() > cases_max) {
            of_.erase(order_.front());
            order_.pop_front();
        }
        return true;
    }

private:
    std::unordered_map<std::string, std::string> of_;
    std::deque<std::string> order_;
};

}  // namespace onboardd
