#pragma once

// One run: the real engine in a virtual world, killed and started again, and judged.

#include <cstdint>
#include <string>
#include <vector>

#include "simulate/scenario.hpp"

namespace onboardd::simulate {

struct verdict {
    std::vector<std::string> violations;
    std::uint64_t trace = 0;  // a hash of all that happened: the same for the same seed
    milliseconds elapsed{};   // virtual
    std::uint64_t steps = 0;  // of the loop
    std::uint64_t jobs = 0;
    std::uint64_t posts = 0;
    std::uint64_t ambiguous = 0;  // POSTs whose fate the sender could not know
    std::uint64_t lives = 0;
    std::uint64_t told_duplicates = 0;
    std::uint64_t silent_duplicates = 0;
    std::uint64_t left_to_audit = 0;
};

// Appends every event to `trace` unless it is nullptr.
verdict simulate(const scenario& plan, std::string* trace = nullptr);

}  // namespace onboardd::simulate
