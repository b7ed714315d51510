#pragma once

// The virtual world of one run: time, things that will happen, chance, and the trace. The parts of
// the machine (ledger, spool, outcomes) and the provider live in it and survive the process, which
// comes and goes.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <string>

#include "onboardd/base/steadied_wall.hpp"
#include "simulate/scenario.hpp"
#include "support/manual_clock.hpp"

namespace onboardd::simulate {

// The clocks as a process has them: the machine's, and the wall clock steadied as the daemon's is.
class process_clock final : public clock {
public:
    explicit process_clock(test::manual_clock& machine) : machine_(machine) {}

    // Another process begins.
    void restart() { wall_ = steadied_wall(machine_.wall_now(), machine_.boot_now()); }

    steady_time now() const override { return machine_.now(); }
    wall_time wall_now() const override {
        return wall_.look(machine_.wall_now(), machine_.boot_now());
    }
    wall_time wall_trusted_since() const override { return wall_.trusted_since(); }
    milliseconds wall_jump() const override { return wall_.jump(); }
    boot_time boot_now() const override { return machine_.boot_now(); }
    asio::awaitable<void> wait_until(steady_time deadline) override {
        return machine_.wait_until(deadline);
    }

private:
    test::manual_clock& machine_;
    mutable steadied_wall wall_{machine_.wall_now(), machine_.boot_now()};
};

class world {
public:
    world(scenario drawn, std::string* trace);

    // ---- time

    [[nodiscard]] steady_time now() const { return time.now(); }

    // `action` happens after `delay`, whether the process lives then or not.
    void after(milliseconds delay, std::function<void()> action);

    // Work on a thread or a disk: not interrupted by cancellation. Returns at once when the process
    // has died.
    asio::awaitable<void> work_for(milliseconds duration);

    // Moves to the next moment at which something happens; false if nothing ever will.
    bool advance();

    // ---- the process

    // From now on nothing that the process does has an effect.
    void kill();
    void revive() {
        dead_ = false;
        ++process_;
    }
    // Which one it is: 0, 1, 2 ...
    [[nodiscard]] int process() const { return process_; }
    [[nodiscard]] bool dead() const { return dead_; }
    // What a part of the machine does when a dead process calls it.
    void refuse_the_dead() const;

    // ---- chance

    int number(int least, int most);
    double real();
    // Faults happen only while the chaos lasts.
    bool fault(double share);
    milliseconds time_between(milliseconds least, milliseconds most);
    [[nodiscard]] bool calm() const { return calm_; }
    void calm_down() { calm_ = true; }

    // ---- the trace

    void note(std::string_view what, std::string_view about = {}, std::int64_t value = 0);
    [[nodiscard]] std::uint64_t trace_hash() const { return hash_; }

    scenario plan;
    test::manual_clock machine;
    process_clock time{machine};
    random_source random;  // of the world; the engine has its own

private:
    void mix(std::string_view text);

    std::multimap<steady_time, std::function<void()>> coming_;
    std::multimap<steady_time, asio::steady_timer*> working_;
    bool dead_ = false;
    int process_ = 0;
    bool calm_ = false;
    std::string* trace_;
    std::uint64_t hash_ = 0xcbf29ce484222325U;

public:
    asio::io_context loop{1};  // last: what still hangs in it at the end refers to all others
};

}  // namespace onboardd::simulate
