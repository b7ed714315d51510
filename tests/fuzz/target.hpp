#pragma once

// The fuzz targets: functions of bytes that look at what must hold whatever the bytes are.
// libFuzzer runs them for millions of inputs (libfuzzer.cpp), every run of the tests for some
// thousands (replay_test.cpp).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string_view>

#include "onboardd/base/random.hpp"

namespace onboardd::fuzz {

// Each throws broken_promise where an oracle objects.
void job_file(std::string_view bytes);       // the spool's reader: strict JSON, schema, merge
void configuration(std::string_view bytes);  // the text of onboardd.yaml
void http_answer(std::string_view bytes);    // what a peer sends, to the decision about the job
void case_list(std::string_view bytes);      // the provider's list as a stream
void retry_after(std::string_view bytes);    // the value of a Retry-After
void ledger_log(std::string_view bytes);     // a ledger's log; see ledger_log.cpp for the format
void ledger_file(std::string_view bytes);    // a ledger on disk; see ledger_file.cpp for the format

struct target {
    const char* name;  // of the function and of its folder of seeds
    void (*run)(std::string_view);
    std::size_t bytes_max;  // of an input
    int replay_mutations;   // in every run of the tests
};

// Those with a public corpus first.
inline constexpr target targets[] = {
    {"job_file", job_file, 4096, 20'000},       {"configuration", configuration, 4096, 20'000},
    {"http_answer", http_answer, 4096, 20'000}, {"case_list", case_list, 4096, 20'000},
    {"retry_after", retry_after, 64, 20'000},   {"ledger_log", ledger_log, 4096, 5'000},
    {"ledger_file", ledger_file, 4096, 1'000},
};

struct broken_promise : std::logic_error {
    using std::logic_error::logic_error;
};

inline void promise(bool kept, const char* what) {
    if (!kept) {
        throw broken_promise(what);
    }
}

// Chance that follows from the input, so that the same input always takes the same way.
inline random_source chance_of(std::string_view bytes) {
    return random_source(std::hash<std::string_view>{}(bytes));
}

// The size of the next piece of `left` bytes: mostly small, now and then all of them.
inline std::size_t piece_size(std::size_t left, random_source& random) {
    const auto drawn = random();
    const auto bound = drawn % 4 == 0 ? left : std::size_t{16};
    return 1 + (drawn >> 8U) % (bound < left ? bound : left);
}

}  // namespace onboardd::fuzz
