#include "onboardd/ledger/operate.hpp"

#include <algorithm>

namespace onboardd {
namespace {

using verdict = result<std::optional<job>, refusal>;

verdict unchanged() {
    return std::optional<job>();
}

// The last time that the ledger heard of it.
wall_time heard_of_at(const job& row) {
    return std::max({row.received_at, row.submitted_at.value_or(row.received_at),
                     row.finished_at.value_or(row.received_at)});
}

bool out_of_date(const job& row, const operating_facts& facts) {
    return facts.restored_at && heard_of_at(row) <= *facts.restored_at;
}

// retry.max_age counts from not_before: time that a job was held, or had ended, is not its fault.
void start_anew(job& row, wall_time now) {
    row.not_before = std::max(row.not_before.value_or(now), now);
    row.due_at = *row.not_before;
    row.retries = 0;
    row.followed = false;
    row.finished_at.reset();
}

// Nothing is sent before the provider's list has proved that there is no case, as of `lost_at`.
void look_up_first(job& row, wall_time lost_at, wall_time now) {
    start_anew(row, now);
    row.state = job_state::unknown;
    row.due_at = now;
    row.lost_at = lost_at;
    row.absent_since.reset();
}

job hold(const job& row) {
    job after = row;
    after.state = job_state::held;
    return after;
}

job cancel(const job& row, wall_time now) {
    job after = row;
    after.state = job_state::cancelled;
    after.finished_at = now;
    after.due_at = now;
    after.revision += 1;
    after.absent_since.reset();
    if (row.resends > 0) {
        after.lost_at = now;  // a POST that was lost earlier may still be applied: it is watched
    }
    after.error.emplace();
    after.error->kind = error_kind::cancelled;
    after.error->message = row.attempts == 0
                               ? "cancelled by an operator before it was submitted"
                               : "cancelled by an operator before it was submitted again";
    return after;
}

verdict cancel_held(const job& row, const operating_facts& facts) {
    const bool proved_absent = row.resends > 0;
    if (out_of_date(row, facts) || (row.lost_at && !proved_absent)) {
        return refusal::may_have_been_sent;
    }
    return std::optional(cancel(row, facts.now));
}

job release_held(const job& row, const operating_facts& facts) {
    job after = row;
    if (out_of_date(row, facts)) {
        look_up_first(after, facts.now, facts.now);
    } else if (row.resends > 0) {  // the proof that let it be sent again has aged meanwhile
        look_up_first(after, row.lost_at.value_or(facts.now), facts.now);
        after.resends -= 1;  // what was allowed was not done
    } else if (row.lost_at) {
        look_up_first(after, *row.lost_at, facts.now);
    } else {
        start_anew(after, facts.now);
        after.state = row.attempts > 0 ? job_state::deferred : job_state::queued;
    }
    return after;
}

// A person has settled it, or believes so: the list shows whether that is true.
job look_into_conflict(const job& row, wall_time now) {
    job after = row;
    look_up_first(after, now, now);
    after.resends = std::min(row.resends, 1U);  // it may be sent again, and is watched then
    return after;
}

// `rejected`, `expired`, `cancelled`: it has no case as far as is known.
verdict try_again(const job& row, const operating_facts& facts) {
    if (row.expires_at && facts.now >= *row.expires_at) {
        return refusal::deadline_passed;
    }
    if (!facts.request_kept) {
        return refusal::request_erased;
    }
    job after = row;
    if (out_of_date(row, facts) || row.lost_at || row.resends > 0) {
        look_up_first(after, facts.now, facts.now);
        after.resends = std::min(row.resends, 1U);
    } else {
        start_anew(after, facts.now);
        after.state = job_state::queued;
        after.error.reset();
    }
    return std::optional(std::move(after));
}

verdict step_now(const job& row, wall_time now) {
    if (row.due_at <= now) {
        return unchanged();
    }
    job after = row;
    after.due_at = now;
    after.retries = 0;
    return std::optional(std::move(after));
}

verdict operate_hold(const job& row) {
    switch (row.state) {
        case job_state::queued:
        case job_state::deferred:
            return std::optional(hold(row));
        case job_state::submitting:
            return refusal::in_flight;
        case job_state::unknown:
            return refusal::may_have_been_sent;
        case job_state::accepted:
        case job_state::created:
            return refusal::has_a_case;
        case job_state::rejected:
        case job_state::expired:
        case job_state::conflict:
        case job_state::cancelled:
            return refusal::has_ended;
        case job_state::held:
            return unchanged();
    }
    return refusal::damaged;
}

verdict operate_release(const job& row, const operating_facts& facts) {
    switch (row.state) {
        case job_state::held:
            return std::optional(release_held(row, facts));
        case job_state::conflict:
            return std::optional(look_into_conflict(row, facts.now));
        case job_state::queued:
        case job_state::submitting:
        case job_state::unknown:
        case job_state::deferred:
        case job_state::accepted:
        case job_state::created:
        case job_state::rejected:
        case job_state::expired:
        case job_state::cancelled:
            return refusal::is_not_held;
    }
    return refusal::damaged;
}

verdict operate_retry(const job& row, const operating_facts& facts) {
    switch (row.state) {
        case job_state::queued:
            return refusal::not_tried_yet;
        case job_state::submitting:
            return refusal::in_flight;
        case job_state::unknown:
        case job_state::deferred:
        case job_state::accepted:
            return step_now(row, facts.now);
        case job_state::created:
            return refusal::has_a_case;
        case job_state::rejected:
        case job_state::expired:
        case job_state::cancelled:
            return try_again(row, facts);
        case job_state::conflict:
            return std::optional(look_into_conflict(row, facts.now));
        case job_state::held:
            return refusal::is_held;
    }
    return refusal::damaged;
}

verdict operate_cancel(const job& row, const operating_facts& facts) {
    switch (row.state) {
        case job_state::queued:
        case job_state::deferred:
            return std::optional(cancel(row, facts.now));
        case job_state::held:
            return cancel_held(row, facts);
        case job_state::submitting:
            return refusal::in_flight;
        case job_state::unknown:
            return refusal::may_have_been_sent;
        case job_state::accepted:
        case job_state::created:
            return refusal::has_a_case;
        case job_state::rejected:
        case job_state::expired:
        case job_state::conflict:
            return refusal::has_ended;
        case job_state::cancelled:
            return unchanged();
    }
    return refusal::damaged;
}

}  // namespace

verdict operate(const job& row, operation what, const operating_facts& facts) {
    switch (what) {
        case operation::hold:
            return operate_hold(row);
        case operation::release:
            return operate_release(row, facts);
        case operation::retry:
            return operate_retry(row, facts);
        case operation::cancel:
            return operate_cancel(row, facts);
    }
    return refusal::damaged;
}

std::string_view to_string(operation what) noexcept {
    switch (what) {
        case operation::hold:
            return "hold";
        case operation::release:
            return "release";
        case operation::retry:
            return "retry";
        case operation::cancel:
            return "cancel";
    }
    return "invalid";
}

std::optional<operation> parse_operation(std::string_view text) noexcept {
    for (const auto what : all_operations) {
        if (to_string(what) == text) {
            return what;
        }
    }
    return std::nullopt;
}

std::string_view name_of(refusal why) noexcept {
    switch (why) {
        case refusal::in_flight:
            return "in_flight";
        case refusal::may_have_been_sent:
            return "may_have_been_sent";
        case refusal::has_a_case:
            return "has_a_case";
        case refusal::has_ended:
            return "has_ended";
        case refusal::is_held:
            return "is_held";
        case refusal::is_not_held:
            return "is_not_held";
        case refusal::not_tried_yet:
            return "not_tried_yet";
        case refusal::deadline_passed:
            return "deadline_passed";
        case refusal::request_erased:
            return "request_erased";
        case refusal::damaged:
            return "damaged";
    }
    return "invalid";
}

std::string_view to_string(refusal why) noexcept {
    switch (why) {
        case refusal::in_flight:
            return "its request is under way: ask again when it is answered";
        case refusal::may_have_been_sent:
            return "it may have reached the provider and is looked up first";
        case refusal::has_a_case:
            return "the provider has its case";
        case refusal::has_ended:
            return "it has ended";
        case refusal::is_held:
            return "it is held: release it";
        case refusal::is_not_held:
            return "it is not held";
        case refusal::not_tried_yet:
            return "it has not been tried yet and waits for its turn";
        case refusal::deadline_passed:
            return "its expires_at has passed: hand it in under a new reference";
        case refusal::request_erased:
            return "its request has been erased: hand it in under a new reference";
        case refusal::damaged:
            return "the ledger's record of it is damaged: run onboardctl fsck";
    }
    return "invalid";
}

}  // namespace onboardd
