// Which steps of a job are kept, in plain functions.

#include "onboardd/ledger/history.hpp"

#include <gtest/gtest.h>

#include <set>

namespace onboardd {
namespace {

const wall_time now{std::chrono::hours(24 * 365 * 50)};

job a_row(job_state state) {
    job row;
    row.state = state;
    row.attempts = 2;
    return row;
}

TEST(History, AJobThatGoesStraightToItsCaseHasNone) {
    using enum job_state;
    const std::pair<job_state, job_state> good[] = {
        {queued, submitting}, {submitting, accepted}, {submitting, created}, {accepted, accepted},
        {accepted, created},  {created, created},     {queued, expired},     {submitting, rejected},
        {unknown, conflict},  {created, conflict},    {deferred, submitting}};
    for (const auto& [from, to] : good) {
        EXPECT_FALSE(step_of(from, 2, a_row(to), now))
            << to_string(from) << " to " << to_string(to);
    }
}

TEST(History, WhatTheRowForgetsIsKept) {
    using enum job_state;
    const std::set<std::pair<job_state, job_state>> kept = {
        {submitting, deferred}, {queued, deferred},  {deferred, deferred}, {unknown, deferred},
        {submitting, unknown},  {deferred, unknown}, {unknown, accepted},  {unknown, created}};
    for (const auto& [from, to] : kept) {
        const auto step = step_of(from, 2, a_row(to), now);
        ASSERT_TRUE(step) << to_string(from) << " to " << to_string(to);
        EXPECT_EQ(*step, (job_step{.at = now,
                                   .from = from,
                                   .to = to,
                                   .attempt = 2,
                                   .what = {},
                                   .uid = 0,
                                   .words = {}}));
    }
    EXPECT_FALSE(step_of(unknown, 2, a_row(unknown), now));  // looked up once more, nothing new
}

TEST(History, WhatWentWrongIsTold) {
    auto row = a_row(job_state::deferred);
    row.error.emplace();
    row.error->message = "cannot connect";
    EXPECT_EQ(step_of(job_state::queued, 2, row, now)->words, "cannot connect");
    row.error->http_status = 503;
    row.error->code = "overloaded";
    EXPECT_EQ(step_of(job_state::submitting, 2, row, now)->words,
              "HTTP status 503: cannot connect (overloaded)");
    row.error->code.clear();
    for (const auto* ours : {"HTTP status 503: the case may have been opened",
                             "the provider refuses the account: HTTP status 503"}) {
        row.error->message = ours;
        EXPECT_EQ(step_of(job_state::submitting, 2, row, now)->words, ours);
    }
}

TEST(History, ACaseIsFoundBeforeItsJobEnds) {
    auto row = a_row(job_state::created);
    row.finished_at = now - milliseconds(3);
    EXPECT_EQ(step_of(job_state::unknown, 2, row, now)->at, now - milliseconds(3));
    row.finished_at = now + milliseconds(3);
    EXPECT_EQ(step_of(job_state::unknown, 2, row, now)->at, now);
}

TEST(History, AnAttemptThatWasGivenBackIsToldByItsNumber) {
    const auto row = a_row(job_state::deferred);
    EXPECT_EQ(step_of(job_state::submitting, 3, row, now)->attempt, 3u);
}

TEST(History, AnOperatorsStepKeepsWhatWasThereBefore) {
    auto row = a_row(job_state::rejected);
    row.error.emplace();
    row.error->message = "no such organization";
    EXPECT_EQ(step_of(operation::retry, 1000, row, job_state::queued, now),
              (job_step{.at = now,
                        .from = job_state::rejected,
                        .to = job_state::queued,
                        .attempt = 2,
                        .what = operation::retry,
                        .uid = 1000,
                        .words = "no such organization"}));
}

TEST(History, WordsAreBoundedAndNotCutWithinACharacter) {
    auto row = a_row(job_state::deferred);
    row.error.emplace();
    const auto words = [&](const std::string& message) {
        row.error->message = message;
        return step_of(job_state::submitting, 2, row, now)->words;
    };
    const std::string full(step_words_bytes_max, 'x');
    EXPECT_EQ(words(full), full);
    EXPECT_EQ(words(full + 'x'), full);
    const std::string almost(step_words_bytes_max - 1, 'x');
    EXPECT_EQ(words(almost + "ø"), almost);
    EXPECT_EQ(words(almost + "\xff\xff"), almost + '\xff');
}

}  // namespace
}  // namespace onboardd
