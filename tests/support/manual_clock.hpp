#pragma once

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>

#include "onboardd/base/clock.hpp"

namespace onboardd::test {

// A clock that moves only when told. Waiters are woken in order of their deadlines.
class manual_clock final : public clock {
public:
    steady_time now() const override { return steady_; }
    wall_time wall_now() const override { return wall_; }
    boot_time boot_now() const override { return boot_time(steady_.time_since_epoch() + slept_); }
    asio::awaitable<void> wait_until(steady_time deadline) override;

    // Moves both clocks forward and wakes whoever is due.
    void advance(milliseconds time);

    // Moves to the earliest deadline that somebody waits for; false if nobody waits.
    bool advance_to_next();

    // The machine sleeps: steady time stands still meanwhile, and so does whoever waits for it.
    void sleep(milliseconds time) {
        slept_ += time;
        wall_ += time;
    }

    // When advance_to_next() would move to; nullopt: nobody waits.
    std::optional<steady_time> next() const {
        return waiters_.empty() ? std::nullopt : std::optional(waiters_.begin()->first);
    }

    // Sets the wall clock alone, as an administrator or NTP would.
    void jump_wall(milliseconds by) { wall_ += by; }

    milliseconds elapsed() const {
        return std::chrono::duration_cast<milliseconds>(steady_ - start_);
    }
    std::size_t waiters() const { return waiters_.size(); }

private:
    void wake_due();

    steady_time start_{std::chrono::hours(1)};
    steady_time steady_ = start_;
    wall_time wall_ =
        wall_time{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}} + std::chrono::hours(1);
    milliseconds slept_{0};
    std::multimap<steady_time, asio::steady_timer*> waiters_;
};

}  // namespace onboardd::test
