// What libFuzzer runs for hours, for some seconds in every run of the tests: all seeds, all inputs
// that once broke something, the public corpora where they are, and mutations of them with a fixed
// seed.

#include <gtest/gtest.h>

#include <algorithm>

#include "onboardd/base/text.hpp"
#include "tests/fuzz/seeds.hpp"
#include "tests/fuzz/target.hpp"

namespace onboardd::fuzz {
namespace {

std::string in_hex(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) {
        append_hex(text, static_cast<unsigned char>(byte));
    }
    return text;
}

class Fuzz : public testing::TestWithParam<target> {
protected:
    // An input that ends the program is the last one in the trace.
    static void meet(std::string_view bytes, const std::string& name) {
        try {
            GetParam().run(bytes);
        } catch (const std::exception& ex) {
            FAIL() << name << ": " << ex.what() << "\nin hex: " << in_hex(bytes);
        }
    }

    static void meet_all(const std::vector<seed>& seeds) {
        for (const auto& one : seeds) {
            meet(one.bytes, one.name);
        }
    }
};

class FuzzCorpora : public Fuzz {};

// One to four small changes, now and then a part of another seed.
std::string mutated(std::string bytes, const std::vector<seed>& seeds, random_source& random) {
    const auto below = [&random](std::size_t bound) { return random() % std::max(bound, 1UL); };
    for (auto changes = 1 + below(4); changes > 0; --changes) {
        const auto at = below(bytes.size() + 1);
        const auto& other = seeds[below(seeds.size())].bytes;
        switch (below(5)) {
            case 0:
                bytes.insert(at, 1, static_cast<char>(below(256)));
                break;
            case 1:
                bytes.erase(at, 1 + below(4));
                break;
            case 2:
                bytes.replace(at, 1, 1, static_cast<char>(below(256)));
                break;
            case 3:
                bytes.insert(at, bytes.substr(below(bytes.size()), below(16)));
                break;
            default:
                bytes.replace(at, below(32), other.substr(below(other.size()), below(32)));
                break;
        }
    }
    return bytes;
}

TEST_P(Fuzz, KeepsItsPromisesForSeedsAndFindings) {
    const auto seeds = own_seeds(GetParam().name);
    ASSERT_FALSE(seeds.empty());
    meet_all(seeds);
    meet("", "nothing");
}

TEST_P(FuzzCorpora, KeepsItsPromises) {
    const auto seeds = foreign_seeds(GetParam().name);
    if (seeds.empty()) {
        GTEST_SKIP() << "no corpora: neither ONBOARDD_CORPORA nor ../shared/corpora is there";
    }
    meet_all(seeds);
}

TEST_P(Fuzz, KeepsItsPromisesForMutations) {
    const auto seeds = own_seeds(GetParam().name);
    random_source random(20'261'122);
    for (int i = 0; i < GetParam().replay_mutations && !HasFailure(); ++i) {
        auto bytes = mutated(seeds[random() % seeds.size()].bytes, seeds, random);
        bytes.resize(std::min(bytes.size(), GetParam().bytes_max));
        meet(bytes, "mutation " + std::to_string(i));
    }
}

INSTANTIATE_TEST_SUITE_P(Targets, Fuzz, testing::ValuesIn(targets),
                         [](const auto& entry) { return std::string(entry.param.name); });

// Nobody has written one for the other targets.
INSTANTIATE_TEST_SUITE_P(Targets, FuzzCorpora,
                         testing::ValuesIn(std::begin(targets), std::begin(targets) + 3),
                         [](const auto& entry) { return std::string(entry.param.name); });

}  // namespace
}  // namespace onboardd::fuzz
