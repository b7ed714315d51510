#pragma once

// A circuit breaker: after a run of failures it lets nothing through for a while, then one probe at
// a time.

#include <chrono>
#include <cstdint>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/random.hpp"

namespace onboardd {

struct breaker_options {
    std::uint32_t failures_max = 8;  // in a row, with no success between them
    milliseconds pause_min{1'000};   // doubles with each failed probe
    milliseconds pause_max{60'000};
};

class breaker {
public:
    explicit breaker(breaker_options options = {}) : options_(options) {}

    // Whether a request may start at `now`. In the half-open state the first caller gets the one
    // probe.
    bool try_pass(steady_time now);

    // The earliest time at which try_pass() may say yes; `now` or earlier if it would at once.
    // max(): a probe is under way, its result decides.
    [[nodiscard]] steady_time opens_at() const noexcept;

    void succeeded() noexcept;
    void failed(steady_time now, random_source& random);

    // The request that passed ended without saying anything about the provider (it was never sent,
    // for example).
    void withdrawn() noexcept { probing_ = false; }

    [[nodiscard]] bool closed() const noexcept { return pause_.count() == 0; }

private:
    breaker_options options_;
    std::uint32_t failures_ = 0;
    milliseconds pause_{0};  // zero: closed
    steady_time until_{};
    bool probing_ = false;
};

}  // namespace onboardd
