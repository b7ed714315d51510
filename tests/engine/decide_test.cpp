#include "onboardd/engine/decide.hpp"

#include <gtest/gtest.h>

#include "daemon/engine/recent_cases.hpp"

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

    static job_error error(error_kind kind, int http_status, std::string message) {
        job_error made;
        made.kind = kind;
        made.http_status = http_status;
        made.message = std::move(message);
        return made;
    }

    // Within the schedule's step and its jitter.
    static void expect_due_in(const job& row, milliseconds step) {
        EXPECT_GE(row.due_at, now + step * 8 / 10);
        EXPECT_LE(row.due_at, now + step * 12 / 10);
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

// Whether it is ours under another name, or went astray, nobody can tell.
TEST_F(Decide, AfterAnAnswerForAnotherReferenceNothingIsSentAgain) {
    const auto doubtful =
        answer(200, R"({"id": "uuid-9", "case_request": {"referenceId": "other"}, "events": []})");
    auto seen = nothing_seen();
    seen.newest_witness = now + rules.settle + 1s;
    const auto next =
        after_look_up(doubtful.after, seen, rules, now + rules.settle + 1s, random).after;
    EXPECT_EQ(next.state, job_state::conflict);
    EXPECT_EQ(next.error->details, R"(["uuid-9"])");
    EXPECT_EQ(next.error->message,
              "the answer named the case of another reference, and the provider's list shows none "
              "of ours");
}

TEST_F(Decide, AnAnswerForAnotherOrganizationIsNotBelieved) {
    http::response message;
    message.status = 201;
    message.body = R"({"id": "uuid-9", "case_request": {"organizationNumber": "2"}, "events": []})";
    const case_fingerprint ours{.organization_number = "1", .products = {}};
    const auto next = after_answer(submitting(), message, rules, now, random, &ours);
    EXPECT_EQ(next.after.state, job_state::unknown);
    EXPECT_EQ(next.after.the_case.id, "");
    EXPECT_EQ(next.after.error->message,
              "the answer names a case for another organization or product");
    EXPECT_EQ(next.signal, account_signal::failing);
    EXPECT_FALSE(next.keep_answer);
    message.body = R"({"id": "uuid-9", "case_request": {"organizationNumber": "1"}, "events": []})";
    EXPECT_EQ(after_answer(submitting(), message, rules, now, random, &ours).after.state,
              job_state::accepted);
}

TEST_F(Decide, AnAnswerWithTheCaseOfAnotherJobIsNotBelieved) {
    const auto next = after_answer_of_another(submitting(), rules, now, random);
    EXPECT_EQ(next.after.state, job_state::unknown);
    EXPECT_EQ(next.after.lost_at, now);
    EXPECT_EQ(next.after.error->message, "the answer names the case of another job");
    EXPECT_EQ(next.after.error->http_status, 0);
    EXPECT_EQ(next.signal, account_signal::failing);
    EXPECT_FALSE(next.keep_answer);
}

TEST(RecentCases, ACaseIsOfTheFirstJobThatNamesIt) {
    recent_cases cases;
    EXPECT_TRUE(cases.is_of("a", "one"));
    EXPECT_TRUE(cases.is_of("a", "one"));
    EXPECT_FALSE(cases.is_of("a", "two"));
    for (std::size_t i = 0; i < recent_cases::cases_max - 1; ++i) {
        EXPECT_TRUE(cases.is_of(std::to_string(i), "more"));
    }
    EXPECT_FALSE(cases.is_of("a", "two"));
    EXPECT_TRUE(cases.is_of("last", "more"));
    EXPECT_TRUE(cases.is_of("a", "two")) << "it is forgotten";
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

TEST_F(Decide, AJobThatWaitsIsDueWhenItExpiresAtTheLatest) {
    auto row = queued();
    row.expires_at = now + 1s;
    row.retries = 100;  // the last, longest step of the schedule
    http::response busy;
    http::failure cut;
    for (const unsigned status : {429u, 425u}) {
        busy.status = status;
        EXPECT_EQ(after_answer(row, busy, rules, now, random).after.due_at, now + 1s);
    }
    EXPECT_EQ(after_failure(row, cut, rules, now, random).after.due_at, now + 1s);
    EXPECT_EQ(after_no_connection(row, cut, rules, now, random).after.due_at, now + 1s);
    row.expires_at = now - 1s;
    EXPECT_EQ(after_failure(row, cut, rules, now, random).after.due_at, now);
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
    seen.newest_witness = now;  // were none of them there, it would be sent again
    const auto next = look_up(unknown(rules.settle), seen);
    EXPECT_EQ(next.after.state, job_state::conflict);
    EXPECT_EQ(next.after.error->message, "the provider has more than one case with this reference");
    EXPECT_EQ(next.after.error->details, R"(["uuid-1","uuid-2"])");
    EXPECT_EQ(next.after.resends, 0u);
    EXPECT_EQ(next.after.revision, 1u);
    EXPECT_FALSE(next.after.absent_since);
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
    auto twice = nothing_seen();
    twice.age = 2min;
    auto row = unknown(rules.settle * 2);
    row.absent_since = now - rules.settle / 2;
    EXPECT_EQ(look_up(row, twice).after.state, job_state::unknown);
}

// The first of two readings is as young as its end: it may have begun long before the list was
// made.
TEST_F(Decide, TheFirstOfTwoReadingsCountsFromItsEnd) {
    auto seen = nothing_seen();
    seen.age = 2min;
    EXPECT_EQ(look_up(unknown(rules.settle * 2), seen).after.absent_since, now);
}

// Or a list that takes longer to read than the settling time would be read for ever.
TEST_F(Decide, AProofIsAsOldAsTheEndOfItsReading) {
    auto seen = nothing_seen();
    seen.newest_witness = now;
    seen.age = rules.settle * 2;
    const auto proved = look_up(unknown(rules.settle * 3), seen).after;
    EXPECT_EQ(proved.state, job_state::deferred);
    EXPECT_FALSE(proof_is_stale(proved, rules, now - 1h, now + rules.settle));
    EXPECT_TRUE(proof_is_stale(proved, rules, now - 1h, now + rules.settle + 1ms));
}

TEST_F(Decide, AListThatLacksACaseThatWasThereBeforeProvesNothing) {
    const auto lost = now - rules.settle * 2;
    for (const auto missing : {lost - 1h, lost}) {
        auto seen = nothing_seen();
        seen.newest_witness = now;
        seen.oldest_missing = missing;
        auto row = unknown(rules.settle * 2);
        row.absent_since = now - rules.settle;
        const auto next = look_up(row, seen).after;
        EXPECT_EQ(next.state, job_state::unknown);
        EXPECT_EQ(next.absent_since, std::nullopt) << "nor is it the first of two";
    }
    auto seen = nothing_seen();
    seen.newest_witness = now;
    seen.oldest_missing = lost + 1ms;  // sent after ours, and perhaps not in the list yet
    EXPECT_EQ(look_up(unknown(rules.settle * 2), seen).after.state, job_state::deferred);
}

TEST_F(Decide, AnOldProofOfAbsenceIsNotSentOn) {
    auto seen = nothing_seen();
    seen.newest_witness = now;
    const auto proved = look_up(unknown(rules.settle), seen).after;
    EXPECT_EQ(proved.absent_since, now);
    EXPECT_FALSE(proof_is_stale(proved, rules, now, now + rules.settle));
    EXPECT_TRUE(proof_is_stale(proved, rules, now, now + rules.settle + 1ms));
    EXPECT_TRUE(proof_is_stale(proved, rules, now + 1ms, now + 1ms)) << "the clock was set";
    auto of_another_process = proved;
    of_another_process.absent_since.reset();
    EXPECT_TRUE(proof_is_stale(of_another_process, rules, now, now));
    auto tried = proved;
    tried.retries = 5;
    const auto again = look_again(tried, now + 1h);
    EXPECT_EQ(again.state, job_state::unknown);
    EXPECT_EQ(again.retries, 0u);
    EXPECT_EQ(again.resends, 0u) << "nothing was sent";
    EXPECT_EQ(again.lost_at, proved.lost_at);
    EXPECT_FALSE(again.absent_since);
    EXPECT_EQ(again.due_at, now + 1h);
}

TEST_F(Decide, ADeferredFirstAttemptNeedsNoProof) {
    EXPECT_FALSE(proof_is_stale(answer(429).after, rules, now, now + 10h));
    auto row = unknown(rules.settle);
    row.resends = 1;
    EXPECT_FALSE(proof_is_stale(row, rules, now, now + 10h)) << "it is looked up anyway";
}

TEST_F(Decide, AProofIsAsOldAfterAnAttemptThatWasNotApplied) {
    auto seen = nothing_seen();
    seen.newest_witness = now;
    const auto intent = begin_attempt(look_up(unknown(rules.settle), seen).after, now);
    http::response busy;
    busy.status = 429;
    const auto deferred = after_answer(intent, busy, rules, now + 1s, random).after;
    EXPECT_TRUE(proof_is_stale(deferred, rules, now, now + rules.settle + 1s));
    EXPECT_EQ(look_again(deferred, now + 1h).lost_at, now) << "when that attempt was begun";
}

struct watch_case {
    const char* name;
    std::uint32_t resends;
    milliseconds lasts;
    int looks;
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
    EXPECT_EQ(work_of(row), work_kind::look_up);
    EXPECT_EQ(row.due_at, now + rules.settle);
    int looks = 0;
    while (row.lost_at && looks < 100) {
        const auto at = row.due_at;
        row = watch(row, seen_case(true), at).after;
        EXPECT_TRUE(!row.lost_at || row.due_at > at);
        EXPECT_EQ(at >= now + GetParam().lasts, !row.lost_at);
        ++looks;
    }
    EXPECT_EQ(looks, GetParam().looks);
    EXPECT_EQ(row.state, job_state::created);
    EXPECT_EQ(row.revision, 1u);
    EXPECT_EQ(work_of(row), work_kind::none);
}

TEST_P(DecideWatch, ASecondCaseIsAConflictThatNamesBoth) {
    auto seen = seen_case(true);
    seen.sightings.push_back(seen_case(true, "uuid-2").sightings[0]);
    const auto row = ended();
    const auto next = watch(row, seen, now + rules.settle);
    EXPECT_EQ(next.after.state, job_state::conflict);
    EXPECT_EQ(next.after.revision, 2u);
    EXPECT_EQ(next.after.due_at, row.due_at) << "nothing more is to be done";
    EXPECT_EQ(next.after.the_case.id, "uuid-1");
    EXPECT_EQ(next.after.error->message, "the provider has more than one case with this reference");
    EXPECT_EQ(next.after.error->details, R"(["uuid-1","uuid-2"])");
    EXPECT_FALSE(next.after.lost_at);
}

TEST_P(DecideWatch, AnIncompleteListDoesNotEndIt) {
    auto seen = nothing_seen();
    seen.complete = false;
    const auto end = now + GetParam().lasts;
    for (const auto at : {end, end + 1h}) {
        const auto next = watch(ended(), seen, at);
        EXPECT_TRUE(next.after.lost_at);
        EXPECT_EQ(next.after.due_at, at + rules.settle);
    }
}

TEST_P(DecideWatch, AReadingThatBeganBeforeItsEndDoesNotEndIt) {
    auto seen = seen_case(true);
    seen.age = 2min;
    const auto end = now + GetParam().lasts;
    EXPECT_TRUE(watch(ended(), seen, end + 2min - 1ms).after.lost_at);
    const auto over = watch(ended(), seen, end + 2min).after;
    EXPECT_FALSE(over.lost_at);
    EXPECT_EQ(over.due_at, end + 2min);
}

// It was sent again because the list was empty, which proves enough; but a late case would have no
// reference either.
TEST_P(DecideWatch, AListWithoutReferencesIsAConflictInTheEnd) {
    auto seen = nothing_seen();
    seen.echoes_references = false;
    const auto end = now + GetParam().lasts;
    EXPECT_EQ(watch(ended(), seen, end - 1ms).after.state, job_state::created) << "ours may lag";
    const auto row = ended();
    const auto next = watch(row, seen, end);
    EXPECT_EQ(next.after.state, job_state::conflict);
    EXPECT_EQ(next.after.revision, 2u);
    EXPECT_EQ(next.after.due_at, row.due_at) << "nothing more is to be done";
    EXPECT_FALSE(next.after.lost_at);
}

INSTANTIATE_TEST_SUITE_P(Ended, DecideWatch,
                         testing::Values(watch_case{"AfterALostAnswer", 0, 6min, 1},
                                         watch_case{"AfterAResend", 1, 24h, 9}),
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
        EXPECT_EQ(next.after.error->message,
                  "the provider opened a case after the job had ended as " +
                      std::string(to_string(ended.state)));
    }
}

TEST_F(Decide, WhatWasSentOnceAndAnsweredIsNotWatched) {
    EXPECT_FALSE(answer(200, good_case).after.lost_at);
    EXPECT_FALSE(answer(400).after.lost_at);
}

// The POST that was believed lost may be applied yet.
TEST_F(Decide, WhatWasSentTwiceAndAnsweredIsWatched) {
    auto row = submitting();
    row.resends = 1;
    http::response message;
    message.status = 201;
    message.body = good_case;
    const auto next = after_answer(row, message, rules, now, random);
    EXPECT_EQ(next.after.state, job_state::created);
    EXPECT_EQ(next.after.lost_at, now);
    EXPECT_EQ(next.after.due_at, now + rules.settle);
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
    EXPECT_EQ(next.after.retries, 0u) << "it is not to be read again";
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

// ---- what each decision leaves in the row

TEST_F(Decide, ANewAttemptKeepsWhenTheEarlierOnesWereProvedAbsent) {
    auto row = queued();
    row.lost_at = now - 1h;
    row.absent_since = now - 1h;
    row.attempts = 3;
    const auto after = begin_attempt(row, now);
    EXPECT_EQ(after.attempts, 4u);
    EXPECT_FALSE(after.lost_at);
    EXPECT_EQ(after.absent_since, now - 1h);
}

TEST_F(Decide, OnlyA2xxCanBeACase) {
    for (const unsigned status : {100u, 199u, 300u, 399u, 408u, 409u, 500u, 600u}) {
        EXPECT_EQ(answer(status, good_case).after.state, job_state::unknown) << status;
    }
    EXPECT_EQ(answer(400, good_case).after.state, job_state::rejected);
    EXPECT_EQ(answer(499, good_case).after.state, job_state::rejected);
}

TEST_F(Decide, OnlyARefusalOrACaseIsWorthKeeping) {
    for (const unsigned status : {200u, 302u, 401u, 403u, 409u, 421u, 429u, 500u}) {
        EXPECT_FALSE(answer(status, "{}").keep_answer) << status;
    }
}

TEST_F(Decide, ARefusalWithoutWordsSaysSo) {
    const auto next = answer(404);
    EXPECT_EQ(next.after.error,
              error(error_kind::refused, 404, "the provider refused the case without a message"));
    EXPECT_EQ(next.after.finished_at, now);
}

TEST_F(Decide, ALostAnswerStartsTheLookingOver) {
    auto row = submitting();
    row.retries = 5;
    row.absent_since = now - 1h;
    http::response message;
    message.status = 500;
    const auto next = after_answer(row, message, rules, now, random);
    EXPECT_FALSE(next.after.absent_since);
    EXPECT_EQ(next.after.retries, 1u);
    expect_due_in(next.after, 10s);
    EXPECT_EQ(next.after.error,
              error(error_kind::refused, 500, "HTTP status 500: the case may have been opened"));
}

TEST_F(Decide, WhatWasNotAppliedSaysWhyAndWhen) {
    auto next = answer(421);
    EXPECT_EQ(next.after.error, error(error_kind::refused, 421, "HTTP status 421"));
    expect_due_in(next.after, 10s);
    EXPECT_EQ(next.after.retries, 1u);
    EXPECT_EQ(next.wait, 0s);
    EXPECT_EQ(answer(425, "", "120").after.due_at, now + 120s);
    next = answer(429);
    EXPECT_EQ(next.after.error,
              error(error_kind::refused, 429, "HTTP status 429: too many requests"));
    expect_due_in(next.after, 10s);
    EXPECT_EQ(next.wait, 0s);
}

TEST_F(Decide, ARefusedCredentialIsTriedAgainAtOnceAndSaysWhy) {
    const auto next = answer(403, "", "120");
    EXPECT_EQ(next.after.due_at, now);
    EXPECT_EQ(next.after.retries, 0u);
    EXPECT_EQ(next.after.error,
              error(error_kind::refused, 403, "the provider refuses the account: HTTP status 403"));
}

TEST_F(Decide, AStepOfNoTimeIsDueAtOnce) {
    rules.retry_schedule = {0s};
    EXPECT_EQ(after_failure(submitting(), {}, rules, now, random).after.due_at, now);
    EXPECT_EQ(after_failed_look_up(unknown(1s), rules, now, random).after.due_at, now);
}

TEST_F(Decide, ASecondPauseIsTheSchedulesSecondStep) {
    auto row = submitting();
    row.retries = 1;
    http::response message;
    message.status = 429;
    const auto next = after_answer(row, message, rules, now, random);
    EXPECT_EQ(next.after.retries, 2u);
    expect_due_in(next.after, 60s);
}

TEST_F(Decide, AnAnswerForAnotherReferenceCountsAgainstTheProvider) {
    const auto next =
        answer(201, R"({"id": "uuid-9", "case_request": {"referenceId": "other"}, "events": []})");
    EXPECT_EQ(next.signal, account_signal::failing);
    auto told = error(error_kind::refused, 201, "the answer names the case of another reference");
    told.field = "referenceId";
    told.details = R"(["uuid-9"])";
    EXPECT_EQ(next.after.error, told);
    EXPECT_EQ(answer(200).after.error, error(error_kind::refused, 200, "the answer names no case"));
}

TEST_F(Decide, FailuresSayInWhichPhaseAndWhatIsKnown) {
    http::failure failure;
    failure.ec = make_error_code(boost::system::errc::connection_reset);
    failure.step = http::phase::send;
    failure.detail = "why\n";
    const std::string told = "in phase send: Connection reset by peer (why\\x0a)";
    auto next = after_failure(submitting(), failure, rules, now, random);
    EXPECT_EQ(next.after.error, error(error_kind::refused, 0, "nothing was sent, " + told));
    expect_due_in(next.after, 10s);
    next = after_no_connection(queued(), failure, rules, now, random);
    EXPECT_EQ(next.after.error, error(error_kind::refused, 0, "no connection, " + told));
    EXPECT_EQ(next.signal, account_signal::failing);
    EXPECT_EQ(next.after.retries, 1u);
    expect_due_in(next.after, 10s);
    failure.reached = http::progress::sent;
    failure.detail.clear();
    next = after_failure(submitting(), failure, rules, now, random);
    EXPECT_EQ(next.after.error,
              error(error_kind::refused, 0,
                    "the answer was lost, in phase send: Connection reset by peer"));
    EXPECT_EQ(next.signal, account_signal::failing);
    EXPECT_FALSE(next.keep_answer);
    expect_due_in(next.after, 10s);
}

TEST_F(Decide, ALateJobSaysWhichLimitPassedAndWhatWentWrongLast) {
    auto row = queued();
    row.expires_at = now;
    EXPECT_EQ(expire_if_late(row, rules, now)->error,
              error(error_kind::expired, 0, "expires_at passed before the provider accepted"));
    EXPECT_EQ(expire_if_late(row, rules, now)->finished_at, now);
    row.expires_at = now + 1s;
    row.received_at = now - rules.max_age;
    row.error = error(error_kind::refused, 429, "too many");
    EXPECT_EQ(expire_if_late(row, rules, now)->error,
              error(error_kind::expired, 0,
                    "retry.max_age passed before the provider accepted; last: too many"));
    row.expires_at.reset();
    EXPECT_EQ(expire_if_late(row, rules, now)->error->message,
              "retry.max_age passed before the provider accepted; last: too many");
}

TEST_F(Decide, TheEarlierOfBothLimitsCounts) {
    auto row = queued();
    EXPECT_EQ(expiry_of(row, rules), row.received_at + rules.max_age);
    row.expires_at = row.received_at + rules.max_age + 1s;
    EXPECT_EQ(expiry_of(row, rules), row.received_at + rules.max_age);
    row.expires_at = row.received_at + 1s;
    EXPECT_EQ(expiry_of(row, rules), row.received_at + 1s);
    row.expires_at.reset();
    row.not_before = row.received_at - 1h;
    EXPECT_EQ(expiry_of(row, rules), row.received_at + rules.max_age);
    row.not_before = row.received_at + 1h;
    EXPECT_EQ(expiry_of(row, rules), row.received_at + 1h + rules.max_age);
}

TEST_F(Decide, AConflictSaysWhyAndSince) {
    const auto without = end_without_request(queued(), now);
    EXPECT_EQ(without.finished_at, now);
    EXPECT_EQ(without.error->kind, error_kind::conflict);
    EXPECT_EQ(without.error->message,
              "the request has been erased; drop the job again under a new reference");
    auto seen = nothing_seen();
    seen.newest_witness = now;
    auto row = unknown(rules.settle);
    row.resends = rules.resend_max;
    EXPECT_EQ(look_up(row, seen).after.error->message,
              "whether it was applied was not known again after 2 resends");
    row.error.emplace();
    row.error->message = "the answer names no case";
    EXPECT_EQ(look_up(row, seen).after.error->message,
              "whether it was applied was not known again after 2 resends; last: the answer names "
              "no case");
}

TEST_F(Decide, AnAdoptedCaseIsWatchedForASecondOne) {
    auto row = unknown(1min);
    row.error = error(error_kind::refused, 500, "lost");
    row.retries = 7;
    row.absent_since = now - 1s;
    row.finished_at = now - 1h;
    row.due_at = now - 1h;
    auto next = look_up(row, seen_case(true));
    EXPECT_FALSE(next.after.error);
    EXPECT_EQ(next.after.lost_at, now);
    EXPECT_FALSE(next.after.absent_since);
    EXPECT_EQ(next.after.retries, 0u);
    EXPECT_FALSE(next.after.followed);
    EXPECT_EQ(next.after.due_at, now + rules.settle);
    EXPECT_EQ(next.signal, account_signal::fine);
    auto seen = seen_case(true);
    seen.sightings.front().found.facts.contract_url.clear();
    next = look_up(row, seen);
    EXPECT_EQ(next.after.state, job_state::accepted);
    EXPECT_FALSE(next.after.finished_at);
    EXPECT_EQ(next.after.retries, 1u);
    expect_due_in(next.after, 10s);
}

// ---- when absence is believed, and when to look again

TEST_F(Decide, SettlingIsCountedFromTheIntentOrTheReceiptWhereTheLossHasNoTime) {
    auto seen = nothing_seen();
    seen.newest_witness = now;
    auto row = unknown(1s);
    row.lost_at.reset();
    row.submitted_at = now - rules.settle + 1ms;
    row.received_at = now - 2 * rules.settle;
    EXPECT_EQ(look_up(row, seen).after.state, job_state::unknown);
    row.submitted_at = now - rules.settle;
    row.received_at = now;
    EXPECT_EQ(look_up(row, seen).after.state, job_state::deferred);
    row.submitted_at.reset();
    EXPECT_EQ(look_up(row, seen).after.state, job_state::unknown);
    row.received_at = now - rules.settle;
    EXPECT_EQ(look_up(row, seen).after.state, job_state::deferred);
}

TEST_F(Decide, AProvenAbsenceStartsAfresh) {
    auto seen = nothing_seen();
    seen.age = 1s;
    seen.newest_witness = now;
    auto row = unknown(rules.settle + 1s);
    row.retries = 9;
    row.absent_since = now - 1h;
    const auto next = look_up(row, seen);
    EXPECT_EQ(next.after.retries, 0u);
    EXPECT_EQ(next.after.absent_since, now);
    EXPECT_EQ(next.after.due_at, now);
    EXPECT_EQ(next.after.error,
              error(error_kind::refused, 0, "proved absent from the provider's list"));
    EXPECT_EQ(next.signal, account_signal::fine);
}

// A conflict about its case that a person has released: that the case is gone is no reason to open
// another one.
TEST_F(Decide, AJobWhoseCaseIsKnownIsNeverSentAgain) {
    auto seen = nothing_seen();
    seen.newest_witness = now;
    auto row = unknown(rules.settle);
    row.the_case.id = "known-case";
    const auto next = look_up(row, seen);
    EXPECT_EQ(next.after.state, job_state::conflict);
    EXPECT_EQ(next.after.error, error(error_kind::conflict, 0,
                                      "the case that was opened is not in the provider's list"));
    EXPECT_EQ(next.after.the_case.id, "known-case");
}

TEST_F(Decide, AReadingAsTheClockBeganToBeTrustedCounts) {
    auto row = unknown(rules.settle * 10);
    auto seen = nothing_seen();
    seen.clock_trusted_since = now - rules.settle;
    row.absent_since = seen.clock_trusted_since;
    EXPECT_EQ(look_up(row, seen).after.state, job_state::deferred);
    seen.clock_trusted_since = now - rules.settle + 1s;
    row.absent_since = seen.clock_trusted_since;
    EXPECT_EQ(look_up(row, seen).after.absent_since, row.absent_since) << "not forgotten";
}

TEST_F(Decide, TheFirstReadingWithoutTheCaseIsTheOneThatCounts) {
    auto row = unknown(1min);
    row.absent_since = now - 30s;
    EXPECT_EQ(look_up(row, nothing_seen()).after.absent_since, now - 30s);
    row.absent_since.reset();
    auto seen = nothing_seen();
    seen.complete = false;
    EXPECT_FALSE(look_up(row, seen).after.absent_since);
}

TEST_F(Decide, TheNextLookIsOnTheScheduleButNotPastAMomentThatDecides) {
    rules.retry_schedule = {1h};
    auto row = unknown(rules.settle);  // settled, but nothing shows that the list is fresh
    EXPECT_EQ(look_up(row, nothing_seen()).after.due_at, now + rules.settle / 2);
    row = unknown(rules.settle - 1min);
    row.absent_since = now - rules.settle / 2 - 1min;
    EXPECT_EQ(look_up(row, nothing_seen()).after.due_at, now + 1min);
    rules.retry_schedule = {10s};
    const auto next = look_up(unknown(1s), nothing_seen());
    expect_due_in(next.after, 10s);
    EXPECT_EQ(next.after.retries, 1u);
}

// Else the same list would be read again and again.
TEST_F(Decide, AMomentThatIsNowDoesNotMakeTheNextLookDueAtOnce) {
    expect_due_in(look_up(unknown(rules.settle), nothing_seen()).after, 10s);
    auto row = unknown(rules.settle - 1min);
    row.absent_since = now - rules.settle / 2;
    expect_due_in(look_up(row, nothing_seen()).after, 10s);
}

TEST_F(Decide, AFailedReadingCountsAgainstTheProvider) {
    auto row = unknown(rules.settle);
    row.retries = 1;
    const auto next = after_failed_look_up(row, rules, now, random);
    EXPECT_EQ(next.signal, account_signal::failing);
    EXPECT_EQ(next.after.retries, 2u);
    expect_due_in(next.after, 60s);
}

// ---- reading again

TEST_F(Decide, AFollowedCaseIgnoresWhatIsNotItsOwnOrHasLostItsLink) {
    rules.follow_interval = 1h;
    const auto row = answer(200, good_case).after;
    auto changed = parse_case(good_case);
    changed->facts.case_status = "DECLINED";
    auto foreign = changed;
    foreign->facts.id = "uuid-2";
    auto without_link = changed;
    without_link->facts.contract_url.clear();
    for (const auto& found : {foreign, without_link, std::optional<cdd_case>()}) {
        const auto next = after_read(row, found, rules, now + 1h, random);
        EXPECT_EQ(next.after.revision, 1u);
        EXPECT_EQ(next.after.the_case, row.the_case);
        EXPECT_FALSE(next.keep_answer);
        EXPECT_TRUE(next.after.followed);
        EXPECT_EQ(next.after.due_at, now + 2h);
    }
    EXPECT_TRUE(after_read(row, changed, rules, now, random).keep_answer);
    EXPECT_FALSE(after_read(row, parse_case(good_case), rules, now, random).keep_answer);
}

TEST_F(Decide, AnAdoptedCaseIsWatchedFirstAndThenFollowed) {
    rules.follow_interval = 1h;
    auto row = look_up(unknown(1min), seen_case(true)).after;
    EXPECT_TRUE(row.followed);
    EXPECT_EQ(row.due_at, now + rules.settle);
    row = after_watch(row, seen_case(true), rules, now + rules.settle).after;
    EXPECT_FALSE(row.lost_at);
    EXPECT_TRUE(row.followed);
    EXPECT_EQ(row.due_at, now + rules.settle + 1h);
}

TEST_F(Decide, FollowingEndsWhenItIsSwitchedOff) {
    rules.follow_interval = 1h;
    const auto row = answer(200, good_case).after;
    rules.follow_interval.reset();
    const auto next = after_read(row, parse_case(good_case), rules, now, random);
    EXPECT_FALSE(next.after.followed);
    EXPECT_EQ(next.after.due_at, now);
    EXPECT_EQ(next.after.state, job_state::created);
}

TEST_F(Decide, AnAcceptedCaseKeepsWhatIsNewOfIt) {
    const auto row = answer(200, case_without_link).after;
    auto found = parse_case(case_without_link);
    found->facts.case_status = "WAITING_FOR_DECLARATION";
    auto next = after_read(row, found, rules, now, random);
    EXPECT_EQ(next.after.the_case.case_status, "WAITING_FOR_DECLARATION");
    EXPECT_FALSE(next.keep_answer);
    EXPECT_EQ(next.after.retries, 2u);
    expect_due_in(next.after, 60s);
    found->facts.id = "uuid-2";
    EXPECT_EQ(after_read(row, found, rules, now, random).after.the_case, row.the_case);
    next = after_read(row, parse_case(good_case), rules, now, random);
    EXPECT_TRUE(next.keep_answer);
}

TEST_F(Decide, AnAcceptedCaseIsPublishedOnceWithoutItsLink) {
    auto row = answer(200, case_without_link).after;
    row.received_at = now - 1h;
    row.submitted_at = now - rules.accepted_for + 1ms;
    EXPECT_EQ(after_read(row, std::nullopt, rules, now, random).after.revision, 0u);
    row.submitted_at = now - rules.accepted_for;
    EXPECT_EQ(after_read(row, std::nullopt, rules, now, random).after.revision, 1u);
    row.submitted_at.reset();
    EXPECT_EQ(after_read(row, std::nullopt, rules, now, random).after.revision, 1u);
    row.received_at += 1ms;
    EXPECT_EQ(after_read(row, std::nullopt, rules, now, random).after.revision, 0u);
    row.revision = 3;
    EXPECT_EQ(after_read(row, std::nullopt, rules, now + 1h, random).after.revision, 3u);
}

}  // namespace
}  // namespace onboardd
