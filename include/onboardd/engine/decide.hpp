#pragma once

// The decision core: what becomes of a job after each step. Pure functions of the job, what was
// seen, the rules and the time. Nothing here waits, writes or sends; engine/account.cpp does what
// is decided here.
//
// A POST without an idempotency key has three results, not two: applied, certainly not applied, and
// not known. What is not known is never sent again before the provider's list has proved that it is
// absent.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/random.hpp"
#include "onboardd/http/message.hpp"
#include "onboardd/ledger/job.hpp"
#include "onboardd/provider/cdd_case.hpp"
#include "onboardd/spool/job_file.hpp"

namespace onboardd {

struct decision_rules {
    std::vector<milliseconds> retry_schedule{std::chrono::seconds(1)};  // not empty
    milliseconds max_age{std::chrono::days(3)};
    milliseconds settle{std::chrono::minutes(6)};
    std::uint32_t resend_max = 2;
    // How long after its end a job that was sent again is still looked for in the list: a POST that
    // was lost may be applied at any time. An audit finds what comes later.
    milliseconds watch_for{std::chrono::hours(24)};
    milliseconds accepted_for{std::chrono::hours(1)};
    std::optional<milliseconds> follow_interval;
};

// What an answer says about the account as a whole, besides the one job.
enum class account_signal : std::uint8_t {
    fine,            // the provider answered as it should
    overloaded,      // 429 or 503: fewer requests, and not before `wait`
    token_rejected,  // 401: drop the token, renew once
    forbidden,       // 403: the account pauses; one probe from time to time
    failing,         // cut, timeout, 5xx, nonsense: counts for the circuit breaker
};

struct decision {
    job after;  // the row to record
    account_signal signal = account_signal::fine;
    milliseconds wait{0};      // Retry-After, where the provider gave one
    bool keep_answer = false;  // the raw answer is worth keeping beside the row
};

// When a job that waits for its first or next POST is given up: at `expires_at`, or max_age after
// it could start.
wall_time expiry_of(const job& row, const decision_rules& rules);

// Gives up on a job that waits for its first or next POST if `expires_at` or max_age has passed;
// nullopt: go on.
std::optional<job> expire_if_late(const job& row, const decision_rules& rules, wall_time now);

// The request of a job that comes back long after its end has been erased: it cannot be sent, a
// human decides.
job end_without_request(const job& row, wall_time now);

// The intent: written before the first byte leaves.
job begin_attempt(const job& row, wall_time now);

// No live connection could be had: nothing was sent, no intent was written.
decision after_no_connection(const job& row, const http::failure& failure,
                             const decision_rules& rules, wall_time now, random_source& random);

// A complete answer to the POST. `row` is `submitting`. `ours` null: what the answer says of the
// organization is not compared.
decision after_answer(const job& row, const http::response& answer, const decision_rules& rules,
                      wall_time now, random_source& random, const case_fingerprint* ours = nullptr);

// Likewise, but the case that it names is another job's.
decision after_answer_of_another(const job& row, const decision_rules& rules, wall_time now,
                                 random_source& random);

// The exchange failed. `row` is `submitting`; failure.reached says whether the last byte may have
// left.
decision after_failure(const job& row, const http::failure& failure, const decision_rules& rules,
                       wall_time now, random_source& random);

// One case of the provider's list that carries the job's reference.
struct sighting {
    cdd_case found;
    bool fingerprint_agrees = false;
};

// What one reading of the list showed about one job.
struct findings {
    std::vector<sighting> sightings;  // at most a few are kept; more than one is a conflict anyway
    bool complete = false;            // every page was read to the end without a fault
    // Our own cases carry the references that were sent; or the list shows none of ours, and those
    // of others have some; or it is empty.
    bool echoes_references = false;
    // How long ago the reading began: what it shows is as old as that.
    milliseconds age{0};
    // The latest submission among our own known cases that the list shows: what was sent before it
    // is visible if it exists. nullopt: the list shows none of ours.
    std::optional<wall_time> newest_witness;
    // The earliest submission among them that the list does not show. A job that was sent after it
    // cannot be expected in the list either. nullopt: it shows all.
    std::optional<wall_time> oldest_missing;
    // clock::wall_trusted_since(): what was sent before is believed to have settled no earlier than
    // if it had been sent then.
    wall_time clock_trusted_since = wall_time::min();
};

// A provider that leaves a member out of its list does not contradict us; one that shows another
// value does.
bool fingerprint_agrees(const cdd_case& found, const job& row, const case_fingerprint& ours);

// The list was read for an `unknown` job.
decision after_look_up(const job& row, const findings& seen, const decision_rules& rules,
                       wall_time now, random_source& random);

// Whether the proof that an earlier POST of a `deferred` job was not applied is too old to send
// again on: the job has waited, and the POST may have been applied meanwhile. A proof's age counts
// from the end of its reading: a list that takes longer to read than the settling time would
// otherwise be read again and again and never be sent on. How old a proof is from before
// `clock_trusted_since` is not known; one of an earlier process is not in the row any more (see
// ledger.hpp), and counts as too old.
bool proof_is_stale(const job& row, const decision_rules& rules, wall_time clock_trusted_since,
                    wall_time now);

// Such a job is looked up again instead.
job look_again(const job& row, wall_time now);

// The list was read for a job that has ended and is watched. A case that is not the job's own makes
// it a `conflict`, with a new revision of its outcome; so does a list that shows no references (an
// empty one proved that nothing had been opened, but this one could not show a late case).
decision after_watch(const job& row, const findings& seen, const decision_rules& rules,
                     wall_time now);

// The list could not be read at all: look again later.
decision after_failed_look_up(const job& row, const decision_rules& rules, wall_time now,
                              random_source& random);

// The case of an `accepted` or followed job was read again; nullopt: the reading gave nothing.
decision after_read(const job& row, const std::optional<cdd_case>& found,
                    const decision_rules& rules, wall_time now, random_source& random);

}  // namespace onboardd
