// simulate [--seed N] [--seeds FROM COUNT] [--trace] [--plant MISTAKE]
//
// Runs seeds and judges them. One seed is one run, the same each time.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "simulate/simulation.hpp"

namespace onboardd::simulate {
namespace {

struct options {
    std::uint64_t first = 1;
    std::uint64_t count = 100;
    bool trace = false;
    bool until_caught = false;
    mistake planted = mistake::none;
};

struct sums {
    std::uint64_t seeds = 0;
    std::uint64_t bad = 0;
    std::uint64_t jobs = 0;
    std::uint64_t posts = 0;
    std::uint64_t ambiguous = 0;
    std::uint64_t lives = 0;
    std::uint64_t told = 0;
    std::uint64_t silent = 0;
    std::uint64_t left = 0;
    std::chrono::duration<double> elapsed{};
};

constexpr int usage = 2;

[[noreturn]] void explain() {
    std::cerr << "usage: simulate [--seed N] [--seeds FIRST COUNT] [--trace] [--plant MISTAKE]\n"
                 "  --seed N             one run\n"
                 "  --seeds FIRST COUNT  several (default: 1 100)\n"
                 "  --trace              print all that happens\n"
                 "  --plant MISTAKE      only in simulate_planted: make this mistake, and stop at\n"
                 "                       the first seed that catches it\n";
    for (const auto name : mistake_names) {
        std::cerr << "                       " << name << '\n';
    }
    std::exit(usage);  // NOLINT(concurrency-mt-unsafe): one thread
}

options read_options(const std::vector<std::string_view>& words) {
    options read;
    const auto number = [&](std::size_t at) {
        if (at >= words.size()) {
            explain();
        }
        return std::strtoull(words[at].data(), nullptr, 10);
    };
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--seed") {
            read.first = number(++i);
            read.count = 1;
        } else if (words[i] == "--seeds") {
            read.first = number(++i);
            read.count = number(++i);
        } else if (words[i] == "--trace") {
            read.trace = true;
        } else if (words[i] == "--plant" && ++i < words.size() && ONBOARDD_PLANTED) {
            const auto found = std::ranges::find(mistake_names, words[i]);
            if (found == mistake_names.end()) {
                explain();
            }
            read.planted = static_cast<mistake>(found - mistake_names.begin());
            read.until_caught = true;
        } else {
            explain();
        }
    }
    return read;
}

void add(sums& all, const verdict& one) {
    ++all.seeds;
    all.bad += one.violations.empty() ? 0 : 1;
    all.jobs += one.jobs;
    all.posts += one.posts;
    all.ambiguous += one.ambiguous;
    all.lives += one.lives;
    all.told += one.told_duplicates;
    all.silent += one.silent_duplicates;
    all.left += one.left_to_audit;
    all.elapsed += one.elapsed;
}

void tell(const sums& all, std::chrono::duration<double> real) {
    std::cout << all.seeds << " seeds, " << all.jobs << " jobs, " << all.lives << " processes, "
              << all.posts << " POSTs, " << all.ambiguous << " of them of unknown fate\n"
              << "second cases: " << all.silent << " silent, " << all.told << " told as conflict, "
              << all.left << " later than watched (for the audit)\n"
              << static_cast<std::uint64_t>(all.elapsed.count() / 3600) << " virtual hours in "
              << real.count() << " s: " << static_cast<double>(all.seeds) / real.count()
              << " seeds/s, " << all.elapsed / real << " times real time\n"
              << all.bad << " seeds with violations\n";
}

// A run is made again, to show that it is the same run.
bool is_same_again(const scenario& plan, const verdict& before) {
    return simulate(plan).trace == before.trace;
}

int run(const options& wanted) {
    sums all;
    bool repeats = true;
    const auto start = std::chrono::steady_clock::now();
    for (auto seed = wanted.first; seed < wanted.first + wanted.count; ++seed) {
        auto plan = draw_scenario(seed);
        plan.planted = wanted.planted;
        std::string trace;
        const auto one = simulate(plan, wanted.trace ? &trace : nullptr);
        std::cout << trace;
        add(all, one);
        if (seed % 50 == 0 || wanted.count == 1) {
            repeats = repeats && is_same_again(plan, one);
        }
        for (const auto& what : one.violations) {
            std::cout << "seed " << seed << ": " << what << '\n';
        }
        if (wanted.until_caught && !one.violations.empty()) {
            std::cout << "caught by seed " << seed << '\n';
            return EXIT_SUCCESS;
        }
    }
    tell(all, std::chrono::steady_clock::now() - start);
    if (!repeats) {
        std::cout << "a seed did not repeat its run\n";
    }
    return all.bad == 0 && repeats && !wanted.until_caught ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace onboardd::simulate

int main(int count, char** words) {
    return onboardd::simulate::run(onboardd::simulate::read_options({words + 1, words + count}));
}
