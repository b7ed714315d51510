#include "onboardd/policy/budget.hpp"

#include <algorithm>

namespace onboardd {

void retry_budget::first_attempt() noexcept {
    credit_ = std::min(credit_max, credit_ + percent_);
}

void retry_budget::retry() noexcept {
    credit_ -= std::min<std::uint32_t>(credit_, 100);
}

}  // namespace onboardd
