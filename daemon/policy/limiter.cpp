#include "onboardd/policy/limiter.hpp"

#include <algorithm>

namespace onboardd {

void concurrency_limit::succeeded() noexcept {
    limit_ = std::min(limit_max_, limit_ + 1.0 / limit_);
}

void concurrency_limit::overloaded(steady_time started, steady_time now) noexcept {
    if (started < decreased_at_) {
        return;
    }
    decreased_at_ = now;
    limit_ = std::max(1.0, limit_ / 2);
}

rate_limit::rate_limit(std::optional<double> per_second) {
    if (per_second) {
        const auto second = std::chrono::nanoseconds(std::chrono::seconds(1));
        interval_ = std::chrono::nanoseconds(
            static_cast<std::int64_t>(static_cast<double>(second.count()) / *per_second));
        burst_ = std::max(second - interval_, std::chrono::nanoseconds(0));
    }
}

steady_time rate_limit::next_start() const noexcept {
    return theoretical_ == steady_time::min() ? theoretical_ : theoretical_ - burst_;
}

void rate_limit::started(steady_time now) noexcept {
    theoretical_ = std::max(theoretical_, now) + interval_;
}

}  // namespace onboardd
