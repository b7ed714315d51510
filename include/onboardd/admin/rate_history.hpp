#pragma once

// How many jobs ended, over time: for a chart and for estimates. Bounded: when it is full, two
// points become one of twice the time, so that a minute is as easy to look at as a week. Pure.

#include <cstdint>
#include <deque>
#include <vector>

#include "onboardd/base/clock.hpp"

namespace onboardd::admin {

class rate_history {
public:
    static constexpr std::size_t points_max = 240;
    static constexpr milliseconds step_min{5'000};
    static constexpr milliseconds recent_max{300'000};

    struct point {
        wall_time at{};         // where its time begins
        double per_second = 0;  // over step()
    };

    // `ended` counts from the start of the daemon and never falls. Call it every few seconds.
    void sample(steady_time now, wall_time wall, std::uint64_t ended);

    [[nodiscard]] const std::vector<point>& points() const noexcept { return points_; }
    [[nodiscard]] milliseconds step() const noexcept { return step_; }

    // Over the last `recent_max`, or since the start; 0 before there is anything to tell.
    [[nodiscard]] double recent_per_second() const noexcept;

private:
    struct reading {
        steady_time at{};
        std::uint64_t ended = 0;
    };
    void halve();

    std::vector<point> points_;
    milliseconds step_ = step_min;
    std::deque<reading> recent_;
    reading began_;  // the point that is being made
    wall_time began_wall_{};
};

}  // namespace onboardd::admin
