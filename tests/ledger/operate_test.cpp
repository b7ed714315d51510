// Every operation in every state, and that none leads to a second POST that nobody has looked for.

#include "onboardd/ledger/operate.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace onboardd::test {
namespace {

using namespace std::chrono_literals;

const wall_time start{std::chrono::milliseconds(1'000'000'000)};
const wall_time now = start + 240h;

job a_row(job_state state) {
    job row;
    row.id = 7;
    row.account = "T00000001";
    row.reference = "one";
    row.state = state;
    row.received_at = start;
    row.due_at = start + 1h;
    const bool sent =
        state != job_state::queued && state != job_state::held && state != job_state::cancelled;
    if (sent) {
        row.attempts = 1;
        row.submitted_at = start + 1h;
    }
    if (state == job_state::unknown) {
        row.lost_at = start + 1h;
    }
    if (state == job_state::accepted || state == job_state::created) {
        row.the_case.id = "a-case";
    }
    if (is_final(state)) {
        row.finished_at = start + 2h;
        row.revision = 1;
    }
    if (is_final(state) && state != job_state::created) {
        row.error.emplace();
    }
    return row;
}

operating_facts facts() {
    return {.now = now, .restored_at = {}, .request_kept = true};
}

// The state that it comes to, "-" for unchanged, or the refusal.
std::string outcome_of(const job& row, operation what, const operating_facts& known = facts()) {
    const auto done = operate(row, what, known);
    if (done.has_error()) {
        return std::string(name_of(done.error()));
    }
    return *done ? std::string(to_string((*done)->state)) : "-";
}

struct state_case {
    job_state state;
    std::string hold;
    std::string release;
    std::string retry;
    std::string cancel;
};

class OperateTest : public testing::TestWithParam<state_case> {};

TEST_P(OperateTest, DoesInEachStateWhatIsSafeThere) {
    const auto& one = GetParam();
    auto row = a_row(one.state);
    row.due_at = now + 1h;
    EXPECT_EQ(outcome_of(row, operation::hold), one.hold);
    EXPECT_EQ(outcome_of(row, operation::release), one.release);
    EXPECT_EQ(outcome_of(row, operation::retry), one.retry);
    EXPECT_EQ(outcome_of(row, operation::cancel), one.cancel);
}

INSTANTIATE_TEST_SUITE_P(
    States, OperateTest,
    testing::Values(
        state_case{job_state::queued, "held", "is_not_held", "not_tried_yet", "cancelled"},
        state_case{job_state::submitting, "in_flight", "is_not_held", "in_flight", "in_flight"},
        state_case{job_state::unknown, "may_have_been_sent", "is_not_held", "unknown",
                   "may_have_been_sent"},
        state_case{job_state::deferred, "held", "is_not_held", "deferred", "cancelled"},
        state_case{job_state::accepted, "has_a_case", "is_not_held", "accepted", "has_a_case"},
        state_case{job_state::created, "has_a_case", "is_not_held", "has_a_case", "has_a_case"},
        state_case{job_state::rejected, "has_ended", "is_not_held", "queued", "has_ended"},
        state_case{job_state::expired, "has_ended", "is_not_held", "queued", "has_ended"},
        state_case{job_state::conflict, "has_ended", "unknown", "unknown", "has_ended"},
        state_case{job_state::held, "-", "queued", "is_held", "cancelled"},
        state_case{job_state::cancelled, "has_ended", "is_not_held", "queued", "-"},
        state_case{job_state{}, "damaged", "damaged", "damaged", "damaged"}),
    [](const auto& one) { return std::string(to_string(one.param.state)); });

TEST(Operate, KnowsNoOtherOperation) {
    EXPECT_EQ(outcome_of(a_row(job_state::queued), static_cast<operation>(99)), "damaged");
}

TEST(Operate, WhatIsDueAlreadyIsLeftAlone) {
    for (const auto state : {job_state::unknown, job_state::deferred, job_state::accepted}) {
        auto row = a_row(state);
        row.due_at = now;
        EXPECT_EQ(outcome_of(row, operation::retry), "-") << to_string(state);
    }
}

TEST(Operate, ARetryBeginsTheScheduleAnewAndChangesNothingElse) {
    auto row = a_row(job_state::deferred);
    row.due_at = now + 1h;
    row.retries = 5;
    row.resends = 1;
    auto expected = row;
    expected.due_at = now;
    expected.retries = 0;
    EXPECT_EQ(*operate(row, operation::retry, facts()), expected);
}

TEST(Operate, ACancelledJobSaysSoInItsOutcome) {
    auto row = a_row(job_state::queued);
    row.revision = 3;  // it had ended before, and was tried again
    const auto after = **operate(row, operation::cancel, facts());
    EXPECT_EQ(after.revision, 4u);
    EXPECT_EQ(after.finished_at, now);
    EXPECT_EQ(after.due_at, now);
    EXPECT_EQ(after.error->kind, error_kind::cancelled);
    EXPECT_EQ(after.error->message, "cancelled by an operator before it was submitted");
    EXPECT_FALSE(after.lost_at);
    EXPECT_EQ(work_of(after), work_kind::none);
}

TEST(Operate, ACancelledJobThatWasSubmittedBeforeSaysSo) {
    const auto after = **operate(a_row(job_state::deferred), operation::cancel, facts());
    EXPECT_EQ(after.error->message, "cancelled by an operator before it was submitted again");
    EXPECT_FALSE(after.lost_at);
    EXPECT_EQ(work_of(after), work_kind::none);
}

// A POST that was lost and proved absent may still be applied.
TEST(Operate, ACancelledJobThatWasSentTwiceIsWatched) {
    for (const auto state : {job_state::deferred, job_state::held}) {
        auto row = a_row(state);
        row.resends = 1;
        row.lost_at = start;
        row.absent_since = start;
        const auto after = **operate(row, operation::cancel, facts());
        EXPECT_EQ(after.state, job_state::cancelled);
        EXPECT_EQ(after.lost_at, now);
        EXPECT_FALSE(after.absent_since);
        EXPECT_EQ(work_of(after), work_kind::look_up);
    }
}

TEST(Operate, AHeldJobIsNotExpiredForHavingBeenHeld) {
    auto row = a_row(job_state::held);
    auto after = **operate(row, operation::release, facts());
    EXPECT_EQ(after.not_before, now);
    EXPECT_EQ(after.due_at, now);
    row.not_before = now + 5h;
    after = **operate(row, operation::release, facts());
    EXPECT_EQ(after.not_before, now + 5h);
    EXPECT_EQ(after.due_at, now + 5h);
}

TEST(Operate, AHeldJobThatWasCertainlyNotAppliedIsDeferredAgain) {
    auto row = a_row(job_state::held);
    row.attempts = 1;
    row.submitted_at = start + 1h;
    EXPECT_EQ(outcome_of(row, operation::release), "deferred");
}

TEST(Operate, AHeldJobThatWasLostOnceIsLookedUpBeforeItIsSent) {
    auto row = a_row(job_state::held);
    row.attempts = 1;
    row.resends = 1;
    row.lost_at = start + 1h;
    row.absent_since = start + 2h;
    row.due_at = start;
    row.not_before = now + 5h;  // the list need not wait for it
    auto after = **operate(row, operation::release, facts());
    EXPECT_EQ(after.state, job_state::unknown);
    EXPECT_EQ(after.due_at, now);
    EXPECT_EQ(after.lost_at, start + 1h);
    EXPECT_FALSE(after.absent_since);
    EXPECT_EQ(after.resends, 0u);
    row.lost_at.reset();  // its last attempt did not leave; an earlier one may have
    EXPECT_EQ((**operate(row, operation::release, facts())).lost_at, now);
    row.resends = 0;
    row.lost_at = start;
    after = **operate(row, operation::release, facts());
    EXPECT_EQ(after.state, job_state::unknown);
    EXPECT_EQ(after.lost_at, start);
    EXPECT_EQ(outcome_of(row, operation::cancel), "may_have_been_sent");
}

// The copy knows nothing of what was released, or tried again, and sent since.
TEST(Operate, WhatARestoredLedgerSaysOfOldJobsIsNotBelieved) {
    auto known = facts();
    known.restored_at = now - 1h;
    for (const auto state :
         {job_state::held, job_state::rejected, job_state::expired, job_state::cancelled}) {
        const auto row = a_row(state);
        const auto what = state == job_state::held ? operation::release : operation::retry;
        const auto after = **operate(row, what, known);
        EXPECT_EQ(after.state, job_state::unknown) << to_string(state);
        EXPECT_EQ(after.lost_at, now) << to_string(state);
    }
    auto row = a_row(job_state::held);
    EXPECT_EQ(outcome_of(row, operation::cancel, known), "may_have_been_sent");
    row.received_at = *known.restored_at;
    EXPECT_EQ(outcome_of(row, operation::cancel, known), "may_have_been_sent");
    row.received_at = now - 1min;  // since then
    EXPECT_EQ(outcome_of(row, operation::cancel, known), "cancelled");
    EXPECT_EQ(outcome_of(row, operation::release, known), "queued");
    row = a_row(job_state::rejected);
    row.submitted_at = now - 1min;
    EXPECT_EQ(outcome_of(row, operation::retry, known), "queued");
    row.submitted_at = start;
    row.finished_at = now - 1min;
    EXPECT_EQ(outcome_of(row, operation::retry, known), "queued");
}

// Every open job of the copy was looked up before it became that.
TEST(Operate, ADeferredJobOfARestoredLedgerCanBeCancelled) {
    auto known = facts();
    known.restored_at = now - 1h;
    auto row = a_row(job_state::deferred);
    row.resends = 1;
    EXPECT_EQ(outcome_of(row, operation::cancel, known), "cancelled");
}

TEST(Operate, AnEndedJobStartsAgainAsIfItHadJustArrived) {
    auto row = a_row(job_state::rejected);
    row.retries = 4;
    row.followed = true;
    const auto after = **operate(row, operation::retry, facts());
    EXPECT_EQ(after.not_before, now);
    EXPECT_EQ(after.due_at, now);
    EXPECT_EQ(after.retries, 0u);
    EXPECT_EQ(after.revision, 1u);  // the end that comes gives the next one
    EXPECT_FALSE(after.finished_at);
    EXPECT_FALSE(after.error);
    EXPECT_FALSE(after.followed);
}

TEST(Operate, AnEndedJobThatIsStillWatchedIsLookedUpFirst) {
    auto row = a_row(job_state::rejected);
    row.lost_at = now - 1h;
    EXPECT_EQ((**operate(row, operation::retry, facts())).lost_at, now);
    row.lost_at.reset();
    for (const auto resends : {1U, 2U}) {
        row.resends = resends;  // the watch is over; that it was sent twice is not
        const auto after = **operate(row, operation::retry, facts());
        EXPECT_EQ(after.state, job_state::unknown);
        EXPECT_EQ(after.resends, 1u);
    }
}

TEST(Operate, AnEndedJobIsNotTriedAgainPastItsDeadlineOrWithoutItsRequest) {
    auto row = a_row(job_state::expired);
    row.expires_at = now + 1ms;
    EXPECT_EQ(outcome_of(row, operation::retry), "queued");
    row.expires_at = now;
    EXPECT_EQ(outcome_of(row, operation::retry), "deadline_passed");
    row.expires_at.reset();
    auto known = facts();
    known.request_kept = false;
    EXPECT_EQ(outcome_of(row, operation::retry, known), "request_erased");
    // A look-up needs none.
    EXPECT_EQ(outcome_of(a_row(job_state::conflict), operation::retry, known), "unknown");
}

TEST(Operate, AConflictIsLookedUpAndItsCaseRemembered) {
    auto row = a_row(job_state::conflict);
    row.the_case.id = "a-case";
    row.resends = 2;
    for (const auto what : {operation::release, operation::retry}) {
        const auto after = **operate(row, what, facts());
        EXPECT_EQ(after.lost_at, now);
        EXPECT_EQ(after.due_at, now);
        EXPECT_EQ(after.resends, 1u);
        EXPECT_EQ(after.the_case.id, "a-case");
        EXPECT_FALSE(after.finished_at);
    }
}

TEST(Operate, EveryWordIsItsOwn) {
    for (const auto what : all_operations) {
        EXPECT_EQ(parse_operation(to_string(what)), what);
    }
    EXPECT_FALSE(parse_operation("delete"));
    EXPECT_FALSE(parse_operation("invalid"));
    EXPECT_EQ(to_string(operation{}), "invalid");
    std::set<std::string_view> words;
    std::set<std::string_view> sentences;
    for (int i = 0; i <= 10; ++i) {
        const auto why = static_cast<refusal>(i);
        words.insert(name_of(why));
        sentences.insert(to_string(why));
    }
    EXPECT_EQ(words.size(), 11u);
    EXPECT_EQ(sentences.size(), 11u);
    EXPECT_EQ(name_of(refusal{}), "invalid");
    EXPECT_EQ(to_string(refusal{}), "invalid");
}

}  // namespace
}  // namespace onboardd::test
