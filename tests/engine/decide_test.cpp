#include "onboardd/engine/decide.hpp"

#include <gtest/gtest.h>

namespace onboardd {
namespace {

using namespace std::chrono_literals;

constexpr wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 1h};

constexpr const char* good_case =
    R"({"id": "uuid-1", "case_request": {"referenceId": "r"}, "events": [{"id": 1, "case_status": "ACTIVE",
        "created": {"case_id": "c-1", "contract_url": "https://sign.example/1"}}]})";
constexpr const char* case_without_link =
    R"({"id": "uuid-1", "events": [{"id": 1, "created": {"case_id": "c-1"}}]})";

class Decide : public testing::Test {
protected:
    Decide() {
        rules.retry_schedule = {10s, 60s};
        rules.settle = 6min;
        rules.resend_max = 2;
        rules.accepted_for = 1h;
        rules.max_age = std::chrono::days(3);
    }

    static job queued() {
        job row;
        row.id = 7;
        row.account = "T12345678";
        row.reference = "r";
        row.batch = "default";
        row.received_at = now - 1min;
        return row;
    }

    job submitting() const { return begin_attempt(queued(), now - 2s); }

    job unknown(milliseconds since) const {
        auto row = begin_attempt(queued(), now - since - 1s);
        row.state = job_state::unknown;
        row.lost_at = now - since;
        return row;
    }

    decision answer(unsigned status, std::string body = "",
                    std::optional<std::string> retry_after = {}) {
        http::response message;
        message.status = status;
        message.body = std::move(body);
        message.retry_after = std::move(retry_after);
        return after_answer(submitting(), message, rules, now, random);
    }

    decision look_up(const job& row, const findings& seen) {
        return after_look_up(row, seen, rules, now, random);
    }

    static findings nothing_seen() {
        findings seen;
        seen.complete = true;
        seen.echoes_references = true;
        return seen;
    }

    static findings seen_case(bool agrees, const char* id = "uuid-1") {
        auto seen = nothing_seen();
        sighting one;
        one.found = *parse_case(good_case);
        one.found.facts.id = id;
        one.fingerprint_agrees = agrees;
        seen.sightings.push_back(one);
        return seen;
    }

    decision_rules rules;
    random_source random{1};
};

TEST_F(Decide, TheIntentCountsTheAttemptAndItsTime) {
    const auto row = begin_attempt(queued(), now);
    EXPECT_EQ(row.state, job_state::submitting);
    EXPECT_EQ(row.attempts, 1u);
    EXPECT_EQ(row.submitted_at, now);
    EXPECT_FALSE(row.lost_at);
}

TEST_F(Decide, EverySuccessfulStatusWithACaseCreates) {
    for (const unsigned status : {200u, 201u, 202u, 299u}) {
        const auto next = answer(status, good_case);
        EXPECT_EQ(next.after.state, job_state::created) << status;
        EXPECT_EQ(next.after.the_case.id, "uuid-1");
        EXPECT_EQ(next.after.the_case.contract_url, "https://sign.example/1");
        EXPECT_EQ(next.after.revision, 1u);
        EXPECT_EQ(next.after.finished_at, now);
        EXPECT_TRUE(next.keep_answer);
        EXPECT_EQ(next.signal, account_signal::fine);
        EXPECT_FALSE(next.after.error);
    }
}

TEST_F(Decide, ACaseWithoutLinkIsAcceptedAndReadAgain) {
    const auto next = answer(200, case_without_link);
    EXPECT_EQ(next.after.state, job_state::accepted);
    EXPECT_EQ(next.after.revision, 0u);
    EXPECT_FALSE(next.after.finished_at);
    EXPECT_GE(next.after.due_at, now + 8s);
    EXPECT_LE(next.after.due_at, now + 12s);
}

struct status_case {
    unsigned status;
    job_state expected;
    account_signal signal;
};

class DecideStatus : public Decide, public testing::WithParamInterface<status_case> {};

TEST_P(DecideStatus, IsSortedIntoAppliedNotAppliedAndNotKnown) {
    const auto& [status, expected, signal] = GetParam();
    const auto next = answer(status, R"({"error": {"message": "m", "code": "c"}})");
    EXPECT_EQ(next.after.state, expected) << status;
    EXPECT_EQ(next.signal, signal) << status;
    ASSERT_TRUE(next.after.error);
    EXPECT_EQ(next.after.error->http_status, static_cast<int>(status));
    if (expected == job_state::unknown) {
        EXPECT_EQ(next.after.lost_at, now);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Statuses, DecideStatus,
    testing::Values(status_case{200, job_state::unknown,
                                account_signal::failing},  // 2xx without a case
                    status_case{204, job_state::unknown, account_signal::failing},
                    status_case{301, job_state::unknown, account_signal::failing},
                    status_case{302, job_state::unknown, account_signal::failing},
                    status_case{307, job_state::unknown, account_signal::failing},
                    status_case{400, job_state::rejected, account_signal::fine},
                    status_case{401, job_state::deferred, account_signal::token_rejected},
                    status_case{402, job_state::rejected, account_signal::fine},
                    status_case{403, job_state::deferred, account_signal::forbidden},
                    status_case{404, job_state::rejected, account_signal::fine},
                    status_case{405, job_state::rejected, account_signal::fine},
                    status_case{408, job_state::unknown, account_signal::failing},
                    status_case{409, job_state::unknown, account_signal::failing},
                    status_case{411, job_state::rejected, account_signal::fine},
                    status_case{413, job_state::rejected, account_signal::fine},
                    status_case{415, job_state::rejected, account_signal::fine},
                    status_case{421, job_state::deferred, account_signal::fine},
                    status_case{422, job_state::rejected, account_signal::fine},
                    status_case{425, job_state::deferred, account_signal::fine},
                    status_case{429, job_state::deferred, account_signal::overloaded},
                    status_case{500, job_state::unknown, account_signal::failing},
                    status_case{502, job_state::unknown, account_signal::failing},
                    status_case{503, job_state::unknown, account_signal::overloaded},
                    status_case{504, job_state::unknown, account_signal::failing},
                    status_case{599, job_state::unknown, account_signal::failing}),
    [](const auto& entry) { return "Status" + std::to_string(entry.param.status); });

TEST_F(Decide, ARefusalCarriesTheProvidersWordsWhole) {
    const auto next = answer(
        400,
        R"({"error": {"message": "Bad", "code": "invalid", "errors": [{"field": "f", "n": 1}]}})");
    ASSERT_TRUE(next.after.error);
    EXPECT_EQ(next.after.error->kind, error_kind::refused);
    EXPECT_EQ(next.after.error->message, "Bad");
    EXPECT_EQ(next.after.error->code, "invalid");
    EXPECT_EQ(next.after.error->details, R"([{"field":"f","n":1}])");
    EXPECT_EQ(next.after.error->field, "f");
    EXPECT_EQ(next.after.revision, 1u);
    EXPECT_TRUE(next.keep_answer);
}

TEST_F(Decide, ARefusedCredentialCostsTheJobNoAttempt) {
    for (const unsigned status : {401u, 403u}) {
        const auto next = answer(status);
        EXPECT_EQ(next.after.attempts, 0u);
        EXPECT_EQ(next.after.revision, 0u);
        EXPECT_LE(next.after.due_at, now);
    }
}

TEST_F(Decide, RetryAfterIsWaitedForAndNotShortened) {
    EXPECT_GE(answer(429, "", "120").after.due_at, now + 120s);
    EXPECT_EQ(answer(429, "", "120").wait, 120s);
    EXPECT_GE(answer(429, "", "1").after.due_at, now + 8s) << "the schedule's own step is longer";
    EXPECT_EQ(answer(503, "", "120").wait, 120s);
    EXPECT_EQ(answer(429, "", "nonsense").wait, 0s);
}

TEST_F(Decide, AnAnswerForAnotherReferenceIsNotBelieved) {
    const auto next =
        answer(200, R"({"id": "uuid-9", "case_request": {"referenceId": "other"}, "events": []})");
    EXPECT_EQ(next.after.state, job_state::unknown);
    EXPECT_EQ(next.after.the_case.id, "");
}

TEST_F(Decide, AFailureBeforeTheLastByteIsSentAgainWithoutLooking) {
    http::failure failure;
    failure.reached = http::progress::not_sent;
    const auto next = after_failure(submitting(), failure, rules, now, random);
    EXPECT_EQ(next.after.state, job_state::deferred);
    EXPECT_EQ(next.after.retries, 1u);
    EXPECT_EQ(next.signal, account_signal::failing);
}

TEST_F(Decide, AFailureAfterTheLastByteIsUnknown) {
    http::failure failure;
    failure.reached = http::progress::sent;
    const auto next = after_failure(submitting(), failure, rules, now, random);
    EXPECT_EQ(next.after.state, job_state::unknown);
    EXPECT_EQ(next.after.lost_at, now);
    EXPECT_EQ(next.after.attempts, 1u);
}

TEST_F(Decide, NoConnectionDefersWithoutAnAttempt) {
    const auto next = after_no_connection(queued(), http::failure{}, rules, now, random);
    EXPECT_EQ(next.after.state, job_state::deferred);
    EXPECT_EQ(next.after.attempts, 0u);
}

TEST_F(Decide, LateJobsExpireAndSayWhy) {
    auto row = queued();
    EXPECT_FALSE(expire_if_late(row, rules, now));
    row.expires_at = now + 1s;
    EXPECT_FALSE(expire_if_late(row, rules, now));
    row.expires_at = now;
    const auto late = expire_if_late(row, rules, now);
    ASSERT_TRUE(late);
    EXPECT_EQ(late->state, job_state::expired);
    EXPECT_EQ(late->error->kind, error_kind::expired);
    EXPECT_EQ(late->revision, 1u);
}

TEST_F(Decide, MaxAgeCountsFromTheMomentTheJobMayStart) {
    auto row = queued();
    row.received_at = now - rules.max_age;
    EXPECT_TRUE(expire_if_late(row, rules, now));
    row.received_at += 1ms;
    EXPECT_FALSE(expire_if_late(row, rules, now));
    row.received_at = now - 2 * rules.max_age;
    row.not_before = now - 1h;
    EXPECT_FALSE(expire_if_late(row, rules, now));
}

TEST_F(Decide, WithoutItsRequestAJobIsLeftToAHuman) {
    const auto after = end_without_request(queued(), now);
    EXPECT_EQ(after.state, job_state::conflict);
    EXPECT_EQ(after.revision, 1u);
}

// ---- looking up what is unknown

TEST_F(Decide, AnAgreeingCaseIsAdoptedAtOnce) {
    const auto next = look_up(unknown(1s), seen_case(true));
    EXPECT_EQ(next.after.state, job_state::created);
    EXPECT_EQ(next.after.the_case.id, "uuid-1");
    EXPECT_EQ(next.after.lost_at, now) << "watched: the provider may have opened two";
}

TEST_F(Decide, AForeignCaseIsAConflict) {
    const auto next = look_up(unknown(1s), seen_case(false));
    EXPECT_EQ(next.after.state, job_state::conflict);
    EXPECT_EQ(next.after.error->kind, error_kind::conflict);
    EXPECT_EQ(next.after.revision, 1u);
}

TEST_F(Decide, TwoCasesAreAConflictEvenIfBothAgree) {
    auto seen = seen_case(true);
    seen.sightings.push_back(seen_case(true, "uuid-2").sightings.front());
    EXPECT_EQ(look_up(unknown(1s), seen).after.state, job_state::conflict);
}

TEST_F(Decide, AbsenceIsNotBelievedBeforeSettling) {
    auto seen = nothing_seen();
    seen.newest_witness = now;
    const auto next = look_up(unknown(rules.settle - 1ms), seen);
    EXPECT_EQ(next.after.state, job_state::unknown);
    EXPECT_EQ(next.after.absent_since, now);
    EXPECT_LE(next.after.due_at, now + 1ms) << "the next look is when it can decide";
}

TEST_F(Decide, ASettledAbsenceWithAWitnessIsAnsweredBySendingAgain) {
    auto seen = nothing_seen();
    seen.newest_witness = now - 1s;
    const auto next = look_up(unknown(rules.settle), seen);
    EXPECT_EQ(next.after.state, job_state::deferred);
    EXPECT_EQ(next.after.resends, 1u);
    EXPECT_LE(next.after.due_at, now);
}

TEST_F(Decide, AWitnessFromBeforeTheLossProvesNothing) {
    auto seen = nothing_seen();
    const auto row = unknown(rules.settle);
    seen.newest_witness = *row.lost_at;
    EXPECT_EQ(look_up(row, seen).after.state, job_state::unknown);
}

TEST_F(Decide, TwoReadingsHalfASettlingTimeApartProveAbsenceWithoutAWitness) {
    auto row = unknown(rules.settle);
    row.absent_since = now - rules.settle / 2 + 1ms;
    EXPECT_EQ(look_up(row, nothing_seen()).after.state, job_state::unknown);
    row.absent_since = now - rules.settle / 2;
    EXPECT_EQ(look_up(row, nothing_seen()).after.state, job_state::deferred);
}

// The clock was set, or this is another process: how long ago the answer was lost is not known.
TEST_F(Decide, NothingIsSettledByAClockThatWasSet) {
    auto row = unknown(rules.settle * 10);
    row.absent_since = now - rules.settle * 5;
    auto seen = nothing_seen();
    seen.newest_witness = now - 1s;
    seen.clock_trusted_since = now - rules.settle + 1ms;
    const auto next = look_up(row, seen);
    EXPECT_EQ(next.after.state, job_state::unknown);
    EXPECT_EQ(next.after.absent_since, now) << "the earlier reading does not count";
    EXPECT_LE(next.after.due_at, now + 1ms) << "the next look is when it can decide";
    seen.clock_trusted_since = now - rules.settle;
    EXPECT_EQ(look_up(row, seen).after.state, job_state::deferred);
}

TEST_F(Decide, AWitnessFromTheFutureProvesNothing) {
    auto seen = nothing_seen();
    seen.newest_witness = now + 1ms;
    EXPECT_EQ(look_up(unknown(rules.settle), seen).after.state, job_state::unknown);
    seen.newest_witness = now;
    EXPECT_EQ(look_up(unknown(rules.settle), seen).after.state, job_state::deferred);
}

TEST_F(Decide, AnIncompleteListProvesNothingAndStartsOver) {
    auto row = unknown(rules.settle * 2);
    row.absent_since = now - rules.settle;
    auto seen = nothing_seen();
    seen.complete = false;
    seen.newest_witness = now;
    const auto next = look_up(row, seen);
    EXPECT_EQ(next.after.state, job_state::unknown);
    EXPECT_FALSE(next.after.absent_since);
}

TEST_F(Decide, AReadingIsAsOldAsItsBeginning) {
    auto seen = nothing_seen();
    seen.newest_witness = now;
    seen.age = 2min;
    EXPECT_EQ(look_up(unknown(rules.settle + 2min - 1ms), seen).after.state, job_state::unknown);
    const auto proved = look_up(unknown(rules.settle + 2min), seen).after;
    EXPECT_EQ(proved.state, job_state::deferred);
    EXPECT_EQ(proved.absent_since, now - 2min);
    auto twice = nothing_seen();
    twice.age = 2min;
    auto row = unknown(rules.settle * 2);
    row.absent_since = now - rules.settle / 2;
    EXPECT_EQ(look_up(row, twice).after.state, job_state::unknown);
}

TEST_F(Decide, AnOldProofOfAbsenceIsNotSentOn) {
    auto seen = nothing_seen();
    seen.newest_witness = now;
    const auto proved = look_up(unknown(rules.settle), seen).after;
    EXPECT_EQ(proved.absent_since, now);
    EXPECT_FALSE(proof_is_stale(proved, rules, now, now + rules.settle));
    EXPECT_TRUE(proof_is_stale(proved, rules, now, now + rules.settle + 1ms));
    EXPECT_TRUE(proof_is_stale(proved, rules, now + 1ms, now + 1ms)) << "the clock was set";
    const auto again = look_again(proved, now + 1h);
    EXPECT_EQ(again.state, job_state::unknown);
    EXPECT_EQ(again.resends, 0u) << "nothing was sent";
    EXPECT_EQ(again.lost_at, proved.lost_at);
    EXPECT_FALSE(again.absent_since);
    EXPECT_EQ(again.due_at, now + 1h);
}

TEST_F(Decide, ADeferredFirstAttemptNeedsNoProof) {
    EXPECT_FALSE(proof_is_stale(answer(429).after, rules, now, now + 10h));
}

TEST_F(Decide, AProofIsAsOldAfterAnAttemptThatWasNotApplied) {
    auto seen = nothing_seen();
    seen.newest_witness = now;
    const auto intent = begin_attempt(look_up(unknown(rules.settle), seen).after, now);
    http::response busy;
    busy.status = 429;
    const auto deferred = after_answer(intent, busy, rules, now + 1s, random).after;
    EXPECT_TRUE(proof_is_stale(deferred, rules, now, now + rules.settle + 1s));
}

struct watch_case {
    const char* name;
    std::uint32_t resends;
    milliseconds lasts;
};

class DecideWatch : public Decide, public testing::WithParamInterface<watch_case> {
protected:
    job ended() {
        auto row = unknown(1min);
        row.resends = GetParam().resends;
        return look_up(row, seen_case(true)).after;
    }

    decision watch(const job& row, const findings& seen, wall_time at) {
        return after_watch(row, seen, rules, at);
    }
};

TEST_P(DecideWatch, LooksEverMoreSeldomAndThenNoMore) {
    auto row = ended();
    EXPECT_EQ(work_of(row.state, row.followed, row.lost_at.has_value()), work_kind::look_up);
    EXPECT_EQ(row.due_at, now + rules.settle);
    int looks = 0;
    while (row.lost_at && looks < 100) {
        const auto at = row.due_at;
        row = watch(row, seen_case(true), at).after;
        EXPECT_TRUE(!row.lost_at || row.due_at > at);
        EXPECT_EQ(at >= now + GetParam().lasts, !row.lost_at);
        ++looks;
    }
    EXPECT_LE(looks, 10);
    EXPECT_EQ(row.state, job_state::created);
    EXPECT_EQ(row.revision, 1u);
    EXPECT_EQ(work_of(row.state, row.followed, row.lost_at.has_value()), work_kind::none);
}

TEST_P(DecideWatch, ASecondCaseIsAConflictThatNamesBoth) {
    auto seen = seen_case(true);
    seen.sightings.push_back(seen_case(true, "uuid-2").sightings[0]);
    const auto next = watch(ended(), seen, now + rules.settle);
    EXPECT_EQ(next.after.state, job_state::conflict);
    EXPECT_EQ(next.after.revision, 2u);
    EXPECT_EQ(next.after.the_case.id, "uuid-1");
    EXPECT_EQ(next.after.error->details, R"(["uuid-1","uuid-2"])");
    EXPECT_FALSE(next.after.lost_at);
}

TEST_P(DecideWatch, AnIncompleteListDoesNotEndIt) {
    auto seen = nothing_seen();
    seen.complete = false;
    const auto late = now + GetParam().lasts + 1h;
    const auto next = watch(ended(), seen, late);
    EXPECT_TRUE(next.after.lost_at);
    EXPECT_EQ(next.after.due_at, late + rules.settle);
}

INSTANTIATE_TEST_SUITE_P(Ended, DecideWatch,
                         testing::Values(watch_case{"AfterALostAnswer", 0, 6min},
                                         watch_case{"AfterAResend", 1, 24h}),
                         [](const auto& entry) { return entry.param.name; });

TEST_F(Decide, ACaseThatComesAfterARefusalOrExpiryIsAConflict) {
    auto row = begin_attempt(queued(), now);
    row.resends = 1;
    http::response refusal;
    refusal.status = 400;
    const auto refused = after_answer(row, refusal, rules, now, random).after;
    EXPECT_EQ(refused.state, job_state::rejected);
    row.state = job_state::deferred;
    const auto expired = expire_if_late(row, rules, now + rules.max_age);
    for (const auto& ended : {refused, *expired}) {
        ASSERT_TRUE(ended.lost_at);
        const auto next = after_watch(ended, seen_case(true), rules, now + rules.settle);
        EXPECT_EQ(next.after.state, job_state::conflict);
        EXPECT_EQ(next.after.revision, 2u);
    }
}

TEST_F(Decide, WhatWasSentOnceAndAnsweredIsNotWatched) {
    EXPECT_FALSE(answer(200, good_case).after.lost_at);
    EXPECT_FALSE(answer(400).after.lost_at);
}

TEST_F(Decide, AListWithoutReferencesIsAConflictNotAResend) {
    auto seen = nothing_seen();
    seen.echoes_references = false;
    seen.newest_witness = now;
    EXPECT_EQ(look_up(unknown(rules.settle), seen).after.state, job_state::conflict);
}

TEST_F(Decide, ResendsAreBounded) {
    auto seen = nothing_seen();
    seen.newest_witness = now;
    auto row = unknown(rules.settle);
    row.resends = rules.resend_max - 1;
    EXPECT_EQ(look_up(row, seen).after.state, job_state::deferred);
    row.resends = rules.resend_max;
    EXPECT_EQ(look_up(row, seen).after.state, job_state::conflict);
}

TEST_F(Decide, AFailedReadingLooksAgainLater) {
    const auto next = after_failed_look_up(unknown(rules.settle * 3), rules, now, random);
    EXPECT_EQ(next.after.state, job_state::unknown);
    EXPECT_GT(next.after.due_at, now);
}

TEST_F(Decide, TheFingerprintIsComparedWhereTheProviderShowsIt) {
    case_fingerprint ours{"923609016", {"checkout", "payout"}};
    auto found = *parse_case(R"({"id": "a"})");
    EXPECT_TRUE(fingerprint_agrees(found, queued(), ours)) << "nothing shown, nothing contradicted";
    found =
        *parse_case(R"({"id": "a", "account_id": "T12345678", "products": ["payout", "checkout"],
                            "case_request": {"organizationNumber": "923609016"}})");
    EXPECT_TRUE(fingerprint_agrees(found, queued(), ours));
    found.organization_number = "974760673";
    EXPECT_FALSE(fingerprint_agrees(found, queued(), ours));
    found.organization_number = "923609016";
    found.products = {"payout"};
    EXPECT_FALSE(fingerprint_agrees(found, queued(), ours));
    found.products.reset();
    found.account_id = "T00000000";
    EXPECT_FALSE(fingerprint_agrees(found, queued(), ours));
}

// ---- reading accepted and followed cases again

TEST_F(Decide, ALinkThatHasComeCreates) {
    auto row = answer(200, case_without_link).after;
    const auto next = after_read(row, parse_case(good_case), rules, now, random);
    EXPECT_EQ(next.after.state, job_state::created);
    EXPECT_EQ(next.after.revision, 1u);
}

TEST_F(Decide, WithoutALinkTheCaseIsReadAgainAndPublishedAfterAWhile) {
    auto row = answer(200, case_without_link).after;
    auto next = after_read(row, parse_case(case_without_link), rules, now, random);
    EXPECT_EQ(next.after.state, job_state::accepted);
    EXPECT_EQ(next.after.revision, 0u);
    EXPECT_GT(next.after.due_at, now);
    const auto later = now + rules.accepted_for;
    next = after_read(next.after, parse_case(case_without_link), rules, later, random);
    EXPECT_EQ(next.after.state, job_state::accepted);
    EXPECT_EQ(next.after.revision, 1u);
    next = after_read(next.after, parse_case(good_case), rules, later, random);
    EXPECT_EQ(next.after.state, job_state::created);
    EXPECT_EQ(next.after.revision, 2u) << "the link is a later revision";
}

TEST_F(Decide, AnotherCaseThanOursChangesNothing) {
    auto row = answer(200, case_without_link).after;
    auto other = parse_case(good_case);
    other->facts.id = "uuid-2";
    EXPECT_EQ(after_read(row, other, rules, now, random).after.state, job_state::accepted);
    EXPECT_EQ(after_read(row, std::nullopt, rules, now, random).after.state, job_state::accepted);
}

TEST_F(Decide, AFollowedCaseGetsARevisionOnlyWhenItChanges) {
    rules.follow_interval = 1h;
    auto row = answer(200, good_case).after;
    EXPECT_TRUE(row.followed);
    EXPECT_EQ(row.due_at, now + 1h);
    auto next = after_read(row, parse_case(good_case), rules, now, random);
    EXPECT_EQ(next.after.revision, 1u);
    auto changed = parse_case(good_case);
    changed->facts.case_status = "DECLINED";
    next = after_read(next.after, changed, rules, now, random);
    EXPECT_EQ(next.after.revision, 2u);
    EXPECT_EQ(next.after.the_case.case_status, "DECLINED");
    EXPECT_EQ(next.after.due_at, now + 1h);
}

}  // namespace
}  // namespace onboardd
