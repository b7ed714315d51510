#pragma once

// What an operator may do with a job in each state: pure. No operation lets a request be sent a
// second time that may have been applied: where that is not certain, the job is looked up first.
//
//   hold     nothing is sent for the job until it is released. Only while nothing is in doubt: what
//            may have reached the provider is looked up, and that must not wait for a person.
//   release  a held job goes on, and its age counts anew (retry.max_age). A job in conflict, which
//            a person has settled, is looked up.
//   retry    the next step at once: the next attempt, look-up or reading. A job that ended without
//            a case starts again.
//   cancel   the job ends before it was submitted.

#include <cstdint>
#include <optional>
#include <string_view>

#include "onboardd/base/error.hpp"
#include "onboardd/ledger/job.hpp"

namespace onboardd {

enum class operation : std::uint8_t { hold = 1, release, retry, cancel };

inline constexpr operation all_operations[] = {operation::hold, operation::release,
                                               operation::retry, operation::cancel};

// The command's word, and back.
std::string_view to_string(operation what) noexcept;
std::optional<operation> parse_operation(std::string_view text) noexcept;

// Why an operation does not fit a job.
enum class refusal : std::uint8_t {
    in_flight = 1,       // its request is under way
    may_have_been_sent,  // whether there is a case is still to be found out
    has_a_case,
    has_ended,
    is_held,
    is_not_held,
    not_tried_yet,    // there is nothing to try again
    deadline_passed,  // its expires_at
    request_erased,   // there is nothing left to send
    damaged,          // the ledger's record cannot be believed
};

// A word for programs, as it stands above; and a sentence for people.
std::string_view name_of(refusal why) noexcept;
std::string_view to_string(refusal why) noexcept;

struct operating_facts {
    wall_time now{};
    // When the ledger was last put back from a copy (accept_restored_ledger()). What it says of
    // jobs that it last heard of before then may be out of date: they may have been sent since.
    std::optional<wall_time> restored_at;
    bool request_kept = true;  // false: its bytes have been erased
};

// The row to record; nullopt: it is already as it is wanted.
result<std::optional<job>, refusal> operate(const job& row, operation what,
                                            const operating_facts& facts);

}  // namespace onboardd
