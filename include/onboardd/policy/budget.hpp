#pragma once

// The retry budget: while first attempts wait, retries take at most a share of the requests, so
// that an outage cannot multiply the load. Without first attempts waiting, the retry schedule alone
// sets the pace.

#include <cstdint>

namespace onboardd {

class retry_budget {
public:
    // `percent`: retries per hundred first attempts.
    explicit retry_budget(std::uint32_t percent) : percent_(percent) {}

    void first_attempt() noexcept;
    void retry() noexcept;

    // Whether a retry may go before a first attempt that waits.
    [[nodiscard]] bool allows_retry() const noexcept { return credit_ >= 100; }

private:
    // In hundredths of a retry. The cap is the window: what was earned longer ago than that is
    // forgotten.
    static constexpr std::uint32_t credit_max = 100 * 100;

    std::uint32_t percent_;
    std::uint32_t credit_ = 10 * 100;
};

}  // namespace onboardd
