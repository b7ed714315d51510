#pragma once

// What a person sees of a drain while it runs: a bar on a terminal, a plain line now and then
// elsewhere.

#include <string>

#include "onboardd/base/clock.hpp"
#include "onboardd/engine/engine.hpp"

namespace onboardd {

class progress_display {
public:
    // `descriptor` is standard output or error.
    progress_display(int descriptor, steady_time now);

    // Call it often: it writes when something is worth writing.
    void update(const engine_status& status, steady_time now);

    // Ends the bar's line.
    void finish(const engine_status& status, steady_time now);

    // "  42% [####......] 84 of 200 · 31/s · 4s left", without control characters.
    static std::string describe(const engine_status& status, milliseconds elapsed,
                                std::size_t bar_width);

private:
    void draw(const engine_status& status, steady_time now);

    int descriptor_;
    bool terminal_;
    steady_time started_;
    steady_time next_;
};

// One sentence for STATUS= and for logs: what is open, what came of the rest, and what is paused.
std::string describe_status(const engine_status& status);

}  // namespace onboardd
