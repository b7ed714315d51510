#pragma once

// A job as the ledger knows it: the slim row, without request and answer bytes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/base/clock.hpp"

namespace onboardd {

enum class job_state : std::uint8_t {
    queued = 1,
    submitting,
    unknown,
    deferred,
    accepted,
    created,
    rejected,
    expired,
    conflict,
    held,
    cancelled,
};

inline constexpr job_state all_job_states[] = {
    job_state::queued,   job_state::submitting, job_state::unknown,  job_state::deferred,
    job_state::accepted, job_state::created,    job_state::rejected, job_state::expired,
    job_state::conflict, job_state::held,       job_state::cancelled};

// The word that users read, and back.
std::string_view to_string(job_state state) noexcept;
std::optional<job_state> parse_job_state(std::string_view text) noexcept;

// created, rejected, expired, conflict, cancelled: nothing happens any more by itself, an outcome
// says why.
bool is_final(job_state state) noexcept;

// Neither final nor held: the run that it belongs to is not over.
bool is_open(job_state state) noexcept;

// The kind of step that a job waits for. At most one at a time.
enum class work_kind : std::uint8_t {
    none = 0,     // in flight, held, or final and not followed
    submit = 1,   // queued, deferred: send the POST
    look_up = 2,  // unknown, or ended and still watched: find it in the provider's list
    read = 3,     // accepted, or created and followed: read the case again
};

// Facts of the provider's case, from its own answer (provider/facts.md 3.3). Empty: not known yet.
struct case_facts {
    std::string id;            // the resource's uuid
    std::string case_id;       // events[].created.case_id
    std::string contract_url;  // events[].created.contract_url
    std::string case_status;   // raw; unknown values are kept
    std::string created_at;    // RFC 3339 as the provider wrote it

    bool operator==(const case_facts&) const = default;
};

enum class error_kind : std::uint8_t {
    invalid_job = 1,
    duplicate_reference,
    refused,
    expired,
    conflict,
    cancelled
};

std::string_view to_string(error_kind kind) noexcept;

// Why a job ended without a case, or what last went wrong with one that is still open.
struct job_error {
    error_kind kind = error_kind::refused;
    int http_status = 0;  // 0: none
    std::string code;     // the provider's error.code
    std::string message;  // the provider's error.message, or ours
    std::string details;  // JSON text of the provider's error.errors; empty: none
    std::string field;    // the member concerned, where known

    bool operator==(const job_error&) const = default;
};

using job_id = std::int64_t;

struct job {
    job_id id = 0;
    std::string account;
    std::string reference;
    std::string batch;
    job_state state = job_state::queued;
    std::int8_t priority = 0;
    bool followed = false;  // created and still read from time to time
    wall_time received_at{};
    std::optional<wall_time> not_before;
    std::optional<wall_time> expires_at;
    wall_time due_at{};  // when the next step may be taken
    std::optional<wall_time>
        submitted_at;  // intent of the latest attempt: no byte of it left earlier
    // unknown: by then its last byte had left, if it ever did. Ended: watched since then, because a
    // POST that was lost may still open a second case.
    std::optional<wall_time> lost_at;
    std::optional<wall_time> finished_at;  // when the final state was reached
    std::uint32_t attempts = 0;            // POSTs that were intended
    std::uint32_t retries = 0;  // steps of the retry schedule used since the last progress
    std::uint32_t resends = 0;  // proven absences that were answered by sending again
    // unknown: first of the complete lists that did not show this attempt. deferred, after such an
    // absence was proved: the end of the reading that did. Only of lists that this process has
    // read: a ledger forgets it when it is opened, since wall times of two processes need not tell
    // how old it is.
    std::optional<wall_time> absent_since;
    case_facts the_case;
    std::optional<job_error> error;
    std::uint32_t revision = 0;  // of the outcome; 0: none is due yet

    bool operator==(const job&) const = default;
};

// The step that `row` waits for. A created job is read again only when it is followed. A job that
// has ended is looked up while it is watched (see job::lost_at): that comes first.
work_kind work_of(const job& row) noexcept;

// Whether the provider is known to have its case, so that a whole list shows it: `accepted` or
// `created`, with the case's id and the time of submission.
bool is_witness(const job& row) noexcept;

// Whether there is an outcome to be written of the row as it is. A job that an operator let start
// again keeps the revision of its earlier end, and the outcome of that, until it ends anew.
bool has_outcome(const job& row) noexcept;

}  // namespace onboardd
