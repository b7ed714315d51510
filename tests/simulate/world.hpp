#pragma once

// The virtual world of one run: time, things that will happen, chance, and the trace. The parts of
// the machine (ledger, spool, outcomes) and the provider live in it and survive the process, which
// comes and goes.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <string>

#include "simulate/scenario.hpp"
#include "support/manual_clock.hpp"

namespace onboardd::simulate {

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
    void revive() { dead_ = false; }
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
    test::manual_clock time;
    random_source random;  // of the world; the engine has its own

private:
    void mix(std::string_view text);

    std::multimap<steady_time, std::function<void()>> coming_;
    std::multimap<steady_time, asio::steady_timer*> working_;
    bool dead_ = false;
    bool calm_ = false;
    std::string* trace_;
    std::uint64_t hash_ = 0xcbf29ce484222325U;

public:
    asio::io_context loop{1};  // last: what still hangs in it at the end refers to all others
};

}  // namespace onboardd::simulate
