#pragma once

// What the fuzzing starts from: our own small seeds, inputs that once broke something, and bad
// input that nobody here wrote, where it is.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace onboardd::fuzz {

struct seed {
    std::string name;
    std::string bytes;
};

// tests/fuzz/seeds/TARGET and tests/fuzz/findings/TARGET, sorted by name.
std::vector<seed> own_seeds(std::string_view target);

// From the folder that ONBOARDD_CORPORA names, or ../shared/corpora beside the sources, in the
// shape that the target takes; empty where there is none.
std::vector<seed> foreign_seeds(std::string_view target);

}  // namespace onboardd::fuzz
