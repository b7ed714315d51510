#pragma once

// Time, handed in: steady time for waiting, wall time for what is stored or shown. Tests hand in a
// clock that jumps.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace onboardd {

namespace asio = boost::asio;

using std::chrono::milliseconds;
using steady_time = std::chrono::steady_clock::time_point;

// Goes on while the machine sleeps, as steady time does not (CLOCK_BOOTTIME). Its moments are of a
// type of their own, so that they cannot be compared with steady ones by mistake.
struct boot_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<boot_clock>;
    static constexpr bool is_steady = true;

    static time_point now() noexcept;
};
using boot_time = boot_clock::time_point;

// UTC with millisecond resolution: what the ledger stores.
using wall_time = std::chrono::sys_time<milliseconds>;

class clock {
public:
    clock() = default;
    clock(const clock&) = delete;
    clock& operator=(const clock&) = delete;
    virtual ~clock() = default;

    // Never goes back; does not jump when somebody sets the wall clock.
    [[nodiscard]] virtual steady_time now() const = 0;
    [[nodiscard]] virtual wall_time wall_now() const = 0;

    // Since this moment wall_now() has counted true seconds: nobody set it. Differences of wall
    // times that reach back further need not be what has really passed.
    [[nodiscard]] virtual wall_time wall_trusted_since() const { return wall_time::min(); }

    // How far the machine's wall clock is ahead of wall_now(), which does not believe it yet; 0: it
    // does.
    [[nodiscard]] virtual milliseconds wall_jump() const { return milliseconds(0); }

    // Time that passed in the world, whether this machine slept or not: for deadlines after which
    // something must not be done any more. A clock whose machine never sleeps need not say more
    // than now() does.
    [[nodiscard]] virtual boot_time boot_now() const { return boot_time(now().time_since_epoch()); }

    // Returns at or after `deadline`. Cancellation (terminal) ends it with an operation_aborted
    // exception.
    virtual asio::awaitable<void> wait_until(steady_time deadline) = 0;

    asio::awaitable<void> wait_for(milliseconds time) { return wait_until(now() + time); }
};

// The machine's clocks; the wall clock is steadied (see steadied_wall.hpp). Safe to call from
// several threads.
std::unique_ptr<clock> make_system_clock();

// RFC 3339 in UTC: 2026-11-22T01:04:05Z, with milliseconds where they are not zero.
std::string format_rfc3339(wall_time time);

// Reads RFC 3339 date-time with any offset; fractions beyond milliseconds are cut. nullopt if it is
// not one.
std::optional<wall_time> parse_rfc3339(std::string_view text);

}  // namespace onboardd
