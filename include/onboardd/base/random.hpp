#pragma once

// Randomness for jitter, handed in and seeded: a test or a simulation with the same seed takes the
// same way.

#include <chrono>
#include <random>

namespace onboardd {

using random_source = std::mt19937_64;

// `time` scaled by a factor drawn evenly from [1 - share, 1 + share]; share in 0..1.
template <class Rep, class Period>
std::chrono::duration<Rep, Period> jitter(std::chrono::duration<Rep, Period> time, double share,
                                          random_source& random) {
    const double factor = std::uniform_real_distribution<double>(1.0 - share, 1.0 + share)(random);
    return std::chrono::duration<Rep, Period>(
        static_cast<Rep>(static_cast<double>(time.count()) * factor));
}

}  // namespace onboardd
