#include <algorithm>

#include "onboardd/admin/pages.hpp"

namespace onboardd::admin {
namespace {

// Until somebody does something. One that was asked to wait goes on by itself.
bool is_stopped(const account_status& account) {
    return account.configured && account.pause != account_pause::none &&
           account.pause != account_pause::asked_to_wait;
}

bool is_at_work(const account_status& account) {
    return account.configured && !is_stopped(account);
}

}  // namespace

std::vector<std::string> not_ready_reasons(const engine_status& status) {
    std::vector<std::string> reasons;
    if (!status.ledger_failure.empty()) {
        reasons.push_back("the ledger failed: " + status.ledger_failure);
    }
    for (const auto& why : status.short_of_room) {
        reasons.push_back("nothing new is taken in: " + why);
    }
    if (std::ranges::any_of(status.accounts, is_stopped) &&
        std::ranges::none_of(status.accounts, is_at_work)) {
        for (const auto& account : status.accounts) {
            if (is_stopped(account)) {
                reasons.push_back("account " + account.id +
                                  " is paused: " + std::string(to_string(account.pause)));
            }
        }
    }
    return reasons;
}

}  // namespace onboardd::admin
