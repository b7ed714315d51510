#pragma once

// How many requests of one account may be in flight, and how fast they may start.

#include <cstdint>
#include <optional>

#include "onboardd/base/clock.hpp"

namespace onboardd {

// Additive increase, multiplicative decrease, between 1 and `limit_max`. It starts at the top: the
// provider says no with 429 before it is hurt, and a nightly run should not spend its first minute
// ramping up.
class concurrency_limit {
public:
    explicit concurrency_limit(std::uint32_t limit_max)
        : limit_max_(limit_max), limit_(limit_max) {}

    [[nodiscard]] std::uint32_t limit() const noexcept {
        return static_cast<std::uint32_t>(limit_);
    }

    void succeeded() noexcept;

    // The provider said 429 or 503. Answers to requests that started before the last decrease do
    // not count again.
    void overloaded(steady_time started, steady_time now) noexcept;

private:
    double limit_max_;
    double limit_;
    steady_time decreased_at_ = steady_time::min();
};

// Even spacing of request starts (GCRA with a burst of one second's worth, at least one).
class rate_limit {
public:
    // nullopt: no limit.
    explicit rate_limit(std::optional<double> per_second);

    // When the next request may start; `now` or earlier: at once.
    [[nodiscard]] steady_time next_start() const noexcept;
    void started(steady_time now) noexcept;

private:
    std::chrono::nanoseconds interval_{0};
    std::chrono::nanoseconds burst_{0};
    steady_time theoretical_ = steady_time::min();
};

}  // namespace onboardd
