#pragma once

// What one seed means: how the provider answers, how much goes wrong, and for how long.

#include <array>
#include <cstdint>
#include <string_view>

#include "onboardd/base/random.hpp"
#include "onboardd/engine/decide.hpp"

namespace onboardd::simulate {

using namespace std::chrono_literals;

// What becomes of one POST whose last byte has reached the provider.
enum class fate : std::uint8_t {
    good,               // opened, 200 with the case
    good_without_link,  // opened, the contract URL comes later
    bad_request,        // 400, 404 or 422, with the envelope
    not_now,            // 421 or 425
    too_many,           // 429 with Retry-After
    unavailable,        // 503 with Retry-After, opened or not
    server_error,       // 500, 502 or 504, opened or not
    odd_status,         // 408, 409 or a redirect, opened or not
    cut,                // the answer is lost, opened or not
    stall,              // no answer, opened or not
    garbage,            // 200 with something that names no case, opened or not
    other_reference,    // 200 with the case of somebody else, opened or not
    twice,              // two cases are opened, the answer is lost
    foreign,            // a case of another organization gets the reference, the answer is lost
    late,               // no answer, or 504; opened some time later
};
inline constexpr std::size_t fates = 15;

enum class paging : std::uint8_t {
    plain,    // the whole list; starting_after is obeyed
    by_ten,   // ten at a time
    ignored,  // the whole list, whatever is asked for
};

enum class order : std::uint8_t { oldest, newest, by_id };

// Mistakes that the simulation must find. Only the program simulate_planted can make them.
enum class mistake : std::uint8_t {
    none,
    retry_500,           // a 5xx is sent again without looking
    believe_stale_list,  // the first list that does not show the case is believed
    intent_after_send,   // the intent is committed after the request has left
    forget_lost_answer,  // what was in flight at a crash is sent again at the start
    first_page_only,     // the list's second page is never asked for
    any_fingerprint,     // whatever carries the reference is adopted
    first_sighting,      // of two cases with the reference, the first is adopted
    charge_refusals,     // a refused credential costs an attempt
    remove_file_early,   // the job file goes before the ledger has the job
    resend_for_ever,     // proven absences are not counted
    no_watch,            // nobody looks for cases that come late
    stale_proof,         // absence that was proved long ago is still believed
    trust_wall_clock,    // the settling time goes by a wall clock that somebody sets
    one_reading,         // absence from one list is believed, however old its cases
};
inline constexpr std::array<std::string_view, 15> mistake_names{"none",
                                                                "retry-500",
                                                                "believe-stale-list",
                                                                "intent-after-send",
                                                                "forget-lost-answer",
                                                                "first-page-only",
                                                                "any-fingerprint",
                                                                "first-sighting",
                                                                "charge-refusals",
                                                                "remove-file-early",
                                                                "resend-for-ever",
                                                                "no-watch",
                                                                "stale-proof",
                                                                "trust-wall-clock",
                                                                "one-reading"};

// For the replaced functions of simulate_planted, which have no other way to know.
extern mistake planted_now;

struct scenario {
    std::uint64_t seed = 0;
    int accounts = 1;
    int jobs = 20;
    milliseconds chaos{};      // faults and crashes happen for so long
    milliseconds drop_time{};  // the producer drops its files within this
    decision_rules rules;
    std::uint32_t in_flight_max = 8;
    std::optional<double> requests_per_second_max;

    // The provider.
    std::array<double, fates> weights{};
    double not_sent = 0;       // chance that an exchange breaks before its last byte
    double no_connection = 0;  // chance that a connection cannot be had
    double list_fault = 0;     // chance that a page cannot be read
    double token_fault = 0;
    paging pages = paging::plain;
    order sorted = order::oldest;
    bool list_as_object = false;
    bool echoes_references = true;
    bool reads_one = true;
    milliseconds list_lag_max{0};
    milliseconds link_delay_max{0};
    milliseconds late_max{0};  // how long a late POST may take to be applied
    milliseconds latency_max{0};
    int outages = 0;
    int revocations = 0;
    int refusals = 0;  // times for which an account is refused

    // The machine.
    int crashes = 0;
    int stops = 0;
    int wall_jumps = 0;
    int full_disks = 0;         // times for which the ledger has no room
    double commit_failure = 0;  // chance that a commit fails, and the ledger with it
    double outcome_failure = 0;
    double spool_failure = 0;
    milliseconds commit_time_max{5};

    int operator_acts = 0;  // commands of an operator who knows nothing and dares everything

    mistake planted = mistake::none;
};

scenario draw_scenario(std::uint64_t seed);

}  // namespace onboardd::simulate
