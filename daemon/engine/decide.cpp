#include "onboardd/engine/decide.hpp"

#include <algorithm>
#include <utility>

#include "onboardd/base/log.hpp"
#include "onboardd/policy/retry.hpp"

namespace onboardd {
namespace {

// How long a job is watched after its end. One that was sent again may get a second case for as
// long as the provider may take; one that was found after its answer was lost, from a provider that
// opened two, which need not appear in the list together.
milliseconds watch_time(const job& row, const decision_rules& rules) {
    return row.resends > 0 ? rules.watch_for : rules.settle;
}

// Ends the job: an outcome becomes due. `doubted`: cases that we do not know may still appear.
void finish(job& row, job_state state, bool doubted, const decision_rules& rules, wall_time now) {
    row.state = state;
    row.finished_at = now;
    row.revision += 1;
    row.lost_at.reset();
    row.absent_since.reset();
    if (doubted) {
        row.lost_at = now;
        row.due_at = now + std::min(rules.settle, watch_time(row, rules));
    }
}

void finish_with(job& row, job_state state, job_error error, const decision_rules& rules,
                 wall_time now) {
    row.error = std::move(error);
    finish(row, state, row.resends > 0, rules, now);
}

job_error plain_error(error_kind kind, std::string message) {
    job_error error;
    error.kind = kind;
    error.message = std::move(message);
    return error;
}

wall_time next_retry(job& row, const decision_rules& rules, wall_time now, random_source& random,
                     milliseconds at_least = milliseconds(0)) {
    const auto pause = retry_delay(rules.retry_schedule, row.retries, random);
    row.retries += 1;
    return now + std::max(pause, at_least);
}

// The same for a job that is given up in time: it is not to wait beyond that.
wall_time next_attempt(job& row, const decision_rules& rules, wall_time now, random_source& random,
                       milliseconds at_least = milliseconds(0)) {
    const auto due = next_retry(row, rules, now, random, at_least);
    return std::clamp(expiry_of(row, rules), now, due);
}

// Certainly not applied: send again at a known time.
void defer(job& row, std::string why, int http_status, wall_time due_at) {
    row.state = job_state::deferred;
    row.due_at = due_at;
    row.error = plain_error(error_kind::refused, std::move(why));
    row.error->http_status = http_status;
}

// Perhaps applied: look before anything is sent again. The clock for settling starts now, at or
// after the last byte.
void suspect(job& row, std::string why, int http_status, const decision_rules& rules, wall_time now,
             random_source& random) {
    row.state = job_state::unknown;
    row.lost_at = now;
    row.absent_since.reset();
    row.retries = 0;
    row.due_at = next_retry(row, rules, now, random);
    row.error = plain_error(error_kind::refused, std::move(why));
    row.error->http_status = http_status;
}

// The attempt is taken back: it was refused for the account's sake, not the job's.
void give_back(job& row, const http::response& answer, wall_time due_at) {
    row.attempts -= 1;
    defer(row, "the provider refuses the account: HTTP status " + std::to_string(answer.status),
          static_cast<int>(answer.status), due_at);
}

void adopt(job& row, case_facts facts, const decision_rules& rules, wall_time now,
           random_source& random) {
    row.the_case = std::move(facts);
    row.error.reset();
    row.retries = 0;
    if (row.the_case.contract_url.empty()) {
        row.state = job_state::accepted;  // lost_at stays: it will be watched once it is created
        row.finished_at.reset();
        row.due_at = next_retry(row, rules, now, random);
        return;
    }
    const bool doubted = row.resends > 0 || row.lost_at.has_value();
    finish(row, job_state::created, doubted, rules, now);
    row.followed = rules.follow_interval.has_value();
    if (row.followed && !doubted) {
        row.due_at = now + *rules.follow_interval;
    }
}

void refuse(job& row, const http::response& answer, const decision_rules& rules, wall_time now) {
    auto said = parse_error(answer.body);
    auto error = plain_error(error_kind::refused, std::move(said.message));
    error.http_status = static_cast<int>(answer.status);
    error.code = std::move(said.code);
    if (error.message.empty()) {
        error.message = "the provider refused the case without a message";
    }
    error.details = std::move(said.details);
    error.field = std::move(said.field);
    finish_with(row, job_state::rejected, std::move(error), rules, now);
}

enum class verdict : std::uint8_t {
    applied,
    refused,
    later,
    overloaded,
    bad_token,
    forbidden,
    not_known
};

// reliability: "Certainly not applied" and "Ambiguous". A complete 4xx is the provider's own word
// that the case was not opened, but for 408 (the request may still be handled) and 409 (it may be
// there already).
verdict classify(unsigned status) {
    switch (status) {
        case 401:
            return verdict::bad_token;
        case 403:
            return verdict::forbidden;
        case 408:
        case 409:
            return verdict::not_known;
        case 421:  // misdirected, too early: refused for now, not for good
        case 425:
            return verdict::later;
        case 429:
            return verdict::overloaded;
        default:
            break;
    }
    if (status >= 200 && status <= 299) {
        return verdict::applied;
    }
    return status >= 400 && status <= 499 ? verdict::refused : verdict::not_known;
}

std::string describe(const http::failure& failure) {
    std::string text =
        std::string("in phase ") + http::to_string(failure.step) + ": " + failure.ec.message();
    if (!failure.detail.empty()) {
        text += " (" + printable(failure.detail) + ")";
    }
    return text;
}

// Where an answer showed another reference than the one that was sent, the list may do so, too.
constexpr const char* reference_member = "referenceId";

bool was_shown_otherwise(const job& row) {
    return row.error && row.error->field == reference_member;
}

void take_2xx(decision& next, const http::response& answer, const decision_rules& rules,
              wall_time now, random_source& random, const case_fingerprint* ours) {
    auto found = parse_case(answer.body);
    const auto status = static_cast<int>(answer.status);
    if (!found) {
        next.signal = account_signal::failing;
        suspect(next.after, "the answer names no case", status, rules, now, random);
        return;
    }
    if (!found->reference.empty() && found->reference != next.after.reference) {
        next.signal = account_signal::failing;
        suspect(next.after, "the answer names the case of another reference", status, rules, now,
                random);
        next.after.error->field = reference_member;
        next.after.error->details = "[\"" + found->facts.id + "\"]";
        return;
    }
    if (ours != nullptr && !fingerprint_agrees(*found, next.after, *ours)) {
        next.signal = account_signal::failing;
        suspect(next.after, "the answer names a case for another organization or product", status,
                rules, now, random);
        return;
    }
    next.keep_answer = true;
    adopt(next.after, std::move(found->facts), rules, now, random);
}

void conflict(job& row, std::string why, wall_time now) {
    row.error = plain_error(error_kind::conflict, std::move(why));
    finish(row, job_state::conflict, false, {}, now);
}

// The same, about cases that are named: in the details, so that reports count conflicts of one kind
// together. Ids need no escaping (see parse_case()).
void conflict_about(job& row, std::string why, const findings& seen, wall_time now) {
    conflict(row, std::move(why), now);
    for (const auto& one : seen.sightings) {
        row.error->details +=
            (row.error->details.empty() ? "[\"" : ",\"") + one.found.facts.id + '"';
    }
    row.error->details += ']';
}

constexpr const char* many_cases = "the provider has more than one case with this reference";

// Of a job that had ended as `state`.
std::string second_case_of(job_state state) {
    if (state == job_state::created) {
        return many_cases;
    }
    return "the provider opened a case after the job had ended as " + std::string(to_string(state));
}

// By then the last byte of the attempt had left, if it ever did.
wall_time lost_at(const job& row) {
    return row.lost_at.value_or(row.submitted_at.value_or(row.received_at));
}

// Since when the attempt has certainly been settling, by a clock that nobody has set meanwhile.
wall_time settling_since(const job& row, wall_time clock_trusted_since) {
    return std::max(lost_at(row), clock_trusted_since);
}

// Not if it lacks a case that was opened before ours was sent: it is cut short, or late.
bool is_complete(const findings& seen, wall_time since) {
    return seen.complete && (!seen.oldest_missing || *seen.oldest_missing > since);
}

// A list proves absence only if it is complete, settled and fresh, and shows references at all.
bool proves_absence(const job& row, const findings& seen, const decision_rules& rules,
                    wall_time now) {
    const auto since = settling_since(row, seen.clock_trusted_since);
    const auto as_of = now - seen.age;
    const bool settled = as_of >= since + rules.settle;
    const bool witnessed =
        seen.newest_witness && *seen.newest_witness > since && *seen.newest_witness <= now;
    const bool twice = row.absent_since && *row.absent_since >= seen.clock_trusted_since &&
                       as_of >= *row.absent_since + rules.settle / 2;
    return is_complete(seen, since) && settled && (witnessed || twice);
}

// When to look again: on the retry schedule, but not past a moment at which a reading may decide.
wall_time next_look(job& row, wall_time clock_trusted_since, const decision_rules& rules,
                    wall_time now, random_source& random) {
    auto due = next_retry(row, rules, now, random);
    const auto settled = settling_since(row, clock_trusted_since) + rules.settle;
    const auto twice = row.absent_since.value_or(now) + rules.settle / 2;
    for (const auto decisive : {settled, twice}) {
        if (decisive > now) {
            due = std::min(due, decisive);
        }
    }
    return due;
}

}  // namespace

wall_time expiry_of(const job& row, const decision_rules& rules) {
    const auto start =
        row.not_before ? std::max(row.received_at, *row.not_before) : row.received_at;
    const auto by_age = start + rules.max_age;
    return row.expires_at ? std::min(by_age, *row.expires_at) : by_age;
}

std::optional<job> expire_if_late(const job& row, const decision_rules& rules, wall_time now) {
    if (now < expiry_of(row, rules)) {
        return std::nullopt;
    }
    const bool deadline = row.expires_at && now >= *row.expires_at;
    job after = row;
    std::string why = deadline ? "expires_at passed before the provider accepted"
                               : "retry.max_age passed before the provider accepted";
    if (row.error) {
        why += "; last: " + row.error->message;
    }
    finish_with(after, job_state::expired, plain_error(error_kind::expired, std::move(why)), rules,
                now);
    return after;
}

job end_without_request(const job& row, wall_time now) {
    job after = row;
    conflict(after, "the request has been erased; drop the job again under a new reference", now);
    return after;
}

job begin_attempt(const job& row, wall_time now) {
    job after = row;
    after.state = job_state::submitting;
    after.attempts += 1;
    after.submitted_at = now;
    after.lost_at.reset();  // absent_since stays: should this attempt not be applied, it is as old
    return after;
}

decision after_no_connection(const job& row, const http::failure& failure,
                             const decision_rules& rules, wall_time now, random_source& random) {
    decision next{.after = row, .signal = account_signal::failing};
    const auto due = next_attempt(next.after, rules, now, random);
    defer(next.after, "no connection, " + describe(failure), 0, due);
    return next;
}

decision after_answer(const job& row, const http::response& answer, const decision_rules& rules,
                      wall_time now, random_source& random, const case_fingerprint* ours) {
    decision next{.after = row};
    next.wait = wait_asked_for(answer.retry_after, now);
    const auto status = static_cast<int>(answer.status);
    switch (classify(answer.status)) {  // GCOVR_EXCL_BR_LINE: there is no other verdict
        case verdict::applied:
            take_2xx(next, answer, rules, now, random, ours);
            break;
        case verdict::refused:
            next.keep_answer = true;
            refuse(next.after, answer, rules, now);
            break;
        case verdict::later:
            defer(next.after, "HTTP status " + std::to_string(status), status,
                  next_attempt(next.after, rules, now, random, next.wait));
            break;
        case verdict::overloaded:
            next.signal = account_signal::overloaded;
            defer(next.after, "HTTP status 429: too many requests", status,
                  next_attempt(next.after, rules, now, random, next.wait));
            break;
        case verdict::bad_token:
            next.signal = account_signal::token_rejected;
            give_back(next.after, answer, now);
            break;
        case verdict::forbidden:
            next.signal = account_signal::forbidden;
            give_back(next.after, answer, now);
            break;
        case verdict::not_known:
            next.signal =
                answer.status == 503 ? account_signal::overloaded : account_signal::failing;
            suspect(next.after,
                    "HTTP status " + std::to_string(status) + ": the case may have been opened",
                    status, rules, now, random);
            break;
    }
    return next;
}

decision after_answer_of_another(const job& row, const decision_rules& rules, wall_time now,
                                 random_source& random) {
    decision next{.after = row, .signal = account_signal::failing};
    suspect(next.after, "the answer names the case of another job", 0, rules, now, random);
    return next;
}

decision after_failure(const job& row, const http::failure& failure, const decision_rules& rules,
                       wall_time now, random_source& random) {
    decision next{.after = row, .signal = account_signal::failing};
    if (failure.reached == http::progress::sent) {
        suspect(next.after, "the answer was lost, " + describe(failure), 0, rules, now, random);
        return next;
    }
    const auto due = next_attempt(next.after, rules, now, random);
    defer(next.after, "nothing was sent, " + describe(failure), 0, due);
    return next;
}

bool fingerprint_agrees(const cdd_case& found, const job& row, const case_fingerprint& ours) {
    if (!found.account_id.empty() && found.account_id != row.account) {
        return false;
    }
    if (found.organization_number && *found.organization_number != ours.organization_number) {
        return false;
    }
    return !found.products || *found.products == ours.products;
}

decision after_look_up(const job& row, const findings& seen, const decision_rules& rules,
                       wall_time now, random_source& random) {
    decision next{.after = row};
    if (seen.sightings.size() > 1) {
        conflict_about(next.after, many_cases, seen, now);
        return next;
    }
    if (seen.sightings.size() == 1) {
        const auto& only = seen.sightings.front();
        if (only.fingerprint_agrees) {
            adopt(next.after, only.found.facts, rules, now, random);
        } else {
            conflict_about(
                next.after,
                "the provider has a case with this reference for another organization or product",
                seen, now);
        }
        return next;
    }
    if (proves_absence(row, seen, rules, now)) {
        if (!seen.echoes_references) {
            conflict(
                next.after,
                "the provider's list does not show the references that were sent, so the lost case "
                "cannot be found in it",
                now);
        } else if (was_shown_otherwise(row)) {
            conflict(
                next.after,
                "the answer named the case of another reference, and the provider's list shows "
                "none of ours",
                now);
            next.after.error->details = row.error->details;
        } else if (!row.the_case.id.empty()) {
            conflict(next.after, "the case that was opened is not in the provider's list", now);
        } else if (row.resends >= rules.resend_max) {
            conflict(next.after,
                     "whether it was applied was not known again after " +
                         std::to_string(row.resends) + " resends" +
                         (row.error ? "; last: " + row.error->message : std::string()),
                     now);
        } else {
            next.after.resends += 1;
            next.after.retries = 0;
            next.after.absent_since = now;
            defer(next.after, "proved absent from the provider's list", 0, now);
        }
        return next;
    }
    const bool absent_before = row.absent_since && *row.absent_since >= seen.clock_trusted_since;
    const bool complete = is_complete(seen, settling_since(row, seen.clock_trusted_since));
    if (complete && !absent_before) {
        next.after.absent_since = now;  // at the latest: the second one is as old as its beginning
    } else if (!complete) {
        next.after.absent_since.reset();
    }
    next.after.due_at = next_look(next.after, seen.clock_trusted_since, rules, now, random);
    return next;
}

bool proof_is_stale(const job& row, const decision_rules& rules, wall_time clock_trusted_since,
                    wall_time now) {
    if (row.state != job_state::deferred || row.resends == 0) {
        return false;  // there is nothing to prove
    }
    return !row.absent_since || now > *row.absent_since + rules.settle ||
           *row.absent_since < clock_trusted_since;
}

job look_again(const job& row, wall_time now) {
    job after = row;
    after.state = job_state::unknown;
    after.lost_at = lost_at(row);
    after.absent_since.reset();
    after.resends -= 1;  // what was allowed was not done
    after.retries = 0;
    after.due_at = now;
    return after;
}

decision after_watch(const job& row, const findings& seen, const decision_rules& rules,
                     wall_time now) {
    decision next{.after = row};
    const bool foreign = std::ranges::any_of(
        seen.sightings, [&](const sighting& one) { return one.found.facts.id != row.the_case.id; });
    if (foreign) {
        conflict_about(next.after, second_case_of(row.state), seen, now);
        return next;
    }
    const auto since = lost_at(row);
    const auto end = since + watch_time(row, rules);
    if (seen.complete && now - seen.age >= end) {
        if (!seen.echoes_references) {
            conflict(next.after,
                     "the provider's list does not show the references that were sent, so a second "
                     "case cannot be found in it",
                     now);
            return next;
        }
        next.after.lost_at.reset();
        next.after.due_at = now + rules.follow_interval.value_or(milliseconds(0));
        return next;
    }
    // Ever more seldom: after one settling time, then after each time as long as the one before.
    const auto pause = std::max(rules.settle, now - since);
    next.after.due_at = now < end ? std::min(now + pause, end) : now + rules.settle;
    return next;
}

decision after_failed_look_up(const job& row, const decision_rules& rules, wall_time now,
                              random_source& random) {
    decision next{.after = row, .signal = account_signal::failing};
    next.after.due_at = next_retry(next.after, rules, now, random);
    return next;
}

decision after_read(const job& row, const std::optional<cdd_case>& found,
                    const decision_rules& rules, wall_time now, random_source& random) {
    decision next{.after = row};
    const bool same = found && found->facts.id == row.the_case.id;
    if (row.state == job_state::created) {  // followed: a changed status or link is a new revision
        next.after.followed = rules.follow_interval.has_value();
        next.after.due_at = now + rules.follow_interval.value_or(milliseconds(0));
        if (same && found->facts != row.the_case && !found->facts.contract_url.empty()) {
            next.after.the_case = found->facts;
            next.after.revision += 1;
            next.keep_answer = true;
        }
        return next;
    }
    if (same && !found->facts.contract_url.empty()) {
        next.keep_answer = true;
        adopt(next.after, found->facts, rules, now, random);
        return next;
    }
    if (same) {
        next.after.the_case = found->facts;
    }
    next.after.due_at = next_retry(next.after, rules, now, random);
    const auto accepted_at = row.submitted_at.value_or(row.received_at);
    if (row.revision == 0 && now >= accepted_at + rules.accepted_for) {
        next.after.revision = 1;  // published without a link; the link gives a later revision
    }
    return next;
}

}  // namespace onboardd
