#pragma once

// What the daemon counts and times while it works, in plain numbers: who shows them (metrics, the
// status page) turns them into something. Each is written by one thread at a time and read by any,
// without a lock; writing costs a few nanoseconds.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace onboardd {

class counter {
public:
    void add(std::uint64_t more = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_ = 0;
};

// How many observations were at most each bound, and beyond the last one.
class histogram {
public:
    static constexpr std::size_t bounds_max = 18;

    // `bounds` ascends and outlives the histogram.
    explicit constexpr histogram(std::span<const double> bounds) noexcept : bounds_(bounds) {}

    void observe(double value) noexcept {
        const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value);
        counts_[static_cast<std::size_t>(at - bounds_.begin())].add();
        sum_.store(sum_.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
    }
    // In seconds; what a clock that was set makes negative counts as nothing.
    template <class Rep, class Period>
    void observe(std::chrono::duration<Rep, Period> time) noexcept {
        observe(std::max(0.0, std::chrono::duration<double>(time).count()));
    }

    [[nodiscard]] std::span<const double> bounds() const noexcept { return bounds_; }
    // Of the observations above the bound before, up to bounds()[index]; the last index is for what
    // is above all.
    [[nodiscard]] std::uint64_t count(std::size_t index) const noexcept {
        return counts_[index].value();
    }
    [[nodiscard]] double sum() const noexcept { return sum_.load(std::memory_order_relaxed); }

private:
    std::span<const double> bounds_;
    std::array<counter, bounds_max + 1> counts_;
    std::atomic<double> sum_ = 0;
};

namespace bounds {

// Seconds of something that goes over a network.
inline constexpr double exchange[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                      0.5,   1,      2.5,   5,    10,    30,   60};
// Seconds of something that may wait for a night.
inline constexpr double waiting[] = {0.01, 0.1,  0.5,  1,     5,     15,    60,    300,
                                     900,  1800, 3600, 14400, 28800, 86400, 259200};
// Seconds of a commit.
inline constexpr double commit[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                    0.025,  0.05,    0.1,    0.25,  0.5,    1,     5};
inline constexpr double rows[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};

}  // namespace bounds

// Why a job that was sent, or should have been, waits to be sent again.
enum class retry_reason : std::uint8_t {
    no_connection,   // nothing left
    too_many,        // 429, 503
    shut_out,        // 401, 403
    other_status,    // what else the provider said
    proven_absence,  // its answer was lost, and the provider's list proved that no case came of it
};
inline constexpr std::size_t retry_reasons = 5;

// What became of a job whose answer was lost, once it was known.
enum class reconciliation : std::uint8_t {
    found,      // the case is there
    absent,     // it is not: the job is sent again
    undecided,  // it cannot be decided without a person
    ended,      // it expired or was cancelled meanwhile
};
inline constexpr std::size_t reconciliations = 4;

struct measures {
    histogram queue_wait{bounds::waiting};     // due for the first time, until its intent
    histogram job_time{bounds::waiting};       // in the ledger, until a final state
    histogram request_time{bounds::exchange};  // a POST, from its first byte to its answer
    histogram token_time{bounds::exchange};    // the same of a request for a token
    histogram connect_time{bounds::exchange};  // TCP
    histogram tls_time{bounds::exchange};      // the handshake
    histogram commit_time{bounds::commit};     // of the ledger: execute and sync
    histogram commit_rows{bounds::rows};
    counter token_failures;
    counter connect_failures;
    std::array<counter, retry_reasons> retries;
    std::array<counter, reconciliations> reconciled;
};

}  // namespace onboardd
