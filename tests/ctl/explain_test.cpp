// What explain says of a job in each state, and of each thing that it may wait for.

#include "daemon/ctl/explain.hpp"

#include <gtest/gtest.h>

namespace onboardd::ctl {
namespace {

using namespace std::chrono_literals;

const wall_time start{std::chrono::hours(24 * 365 * 50)};
const wall_time now = start + 10h;

class Explain : public testing::Test {
protected:
    Explain() {
        row.account = "T12345678";
        row.reference = "seller-1";
        row.batch = "night";
        row.received_at = start;
        row.due_at = start;
        rules.max_age = 72h;
        daemon.running = true;
        account.id = "T12345678";
        account.limit = 8;
        account.limit_max = 64;
        account.token_obtained_at = start;
    }

    static job_step a_step(wall_time at, job_state from, job_state to, std::uint32_t attempt,
                           const std::string& words = {}) {
        return {.at = at,
                .from = from,
                .to = to,
                .attempt = attempt,
                .what = {},
                .uid = 0,
                .words = words};
    }

    explanation told() {
        daemon.accounts = {account};
        return explain(row, past, daemon, rules, now);
    }

    // All of it in one text, for looking into.
    std::string text() {
        const auto all = told();
        std::string whole;
        for (const auto& step : all.story) {
            whole += format_rfc3339(step.at) + ' ' + step.text + '\n';
        }
        for (const auto& reason : all.why) {
            whole += "why: " + reason + '\n';
        }
        whole += "next: " + all.next + '\n';
        for (const auto& one : all.commands) {
            whole += "do: " + one.command + '\n';
        }
        return whole;
    }

    void expect(const std::vector<std::string>& parts) {
        const auto whole = text();
        for (const auto& part : parts) {
            EXPECT_NE(whole.find(part), std::string::npos) << part << "\nis not in\n" << whole;
        }
    }

    void expect_not(const std::string& part) {
        const auto whole = text();
        EXPECT_EQ(whole.find(part), std::string::npos) << whole;
    }

    void in_state(job_state state, const std::string& message = {}) {
        row.state = state;
        if (state != job_state::queued && state != job_state::held) {
            row.attempts = 1;
            row.submitted_at = start + 1h;
        }
        if (is_final(state)) {
            row.finished_at = start + 2h;
        }
        if (!message.empty()) {
            row.error.emplace();
            row.error->message = message;
        }
    }

    job row;
    job_history past;
    status_view daemon;
    account_view account;
    decision_rules rules;
};

TEST_F(Explain, AQueuedJobWaitsForItsTurn) {
    account.jobs[static_cast<std::size_t>(job_state::queued)] = 12;
    expect({format_rfc3339(start) + " taken in, in batch night", "its turn among 12 queued jobs",
            "next: it is sent; not later than " + format_rfc3339(start + 72h),
            "do: onboardctl hold T12345678/seller-1", "do: onboardctl cancel T12345678/seller-1"});
    EXPECT_EQ(told().until, now);
}

TEST_F(Explain, WithoutTheDaemonNothingHappens) {
    daemon.running = false;
    expect({"why: onboardd does not run", "it is sent once that is over"});
    EXPECT_FALSE(told().until);
}

TEST_F(Explain, AnAccountThatIsNotConfiguredSendsNothing) {
    account.configured = false;
    expect({"the configuration has no account T12345678"});
    account.id = "P00000000";
    expect({"the configuration has no account T12345678"});
}

TEST_F(Explain, APauseIsNamedWithItsEnd) {
    account.pause = pause_view{.kind = "forbidden",
                               .reason = "the provider answers 403",
                               .next_try_at = now + 5min,
                               .by = {}};
    expect({"is paused: the provider answers 403; the next try is due in 5m",
            "check what the client may do"});
    account.pause->kind = "credential_refused";
    expect({"check client_id, client_secret_file and audience"});
    account.pause->kind = "asked_to_wait";
    expect_not("check");
    expect_not("onboardctl resume");
    EXPECT_EQ(told().until, now + 5min);
    row.due_at = now + 10min;
    EXPECT_EQ(told().until, now + 10min);
    account.window =
        window_view{.text = "01:00-05:30 Europe/Oslo", .open = false, .opens_at = now + 3h};
    expect({"is closed; it opens in 3h"});
    EXPECT_EQ(told().until, now + 3h);
    account.pause->next_try_at.reset();
    EXPECT_FALSE(told().until);
    account.pause->by = operator_pause{.account = "T12345678", .since = now - 2h, .uid = 1000};
    expect({"was paused by the user with the uid 1000, 2h ago", "do: onboardctl resume T12345678"});
}

TEST_F(Explain, EveryLimitIsNamed) {
    account.window =
        window_view{.text = "01:00-05:30 Europe/Oslo", .open = false, .opens_at = now + 3h};
    expect({"(01:00-05:30 Europe/Oslo) is closed; it opens in 3h"});
    EXPECT_EQ(told().until, now + 3h);
    row.due_at = now + 4h;
    EXPECT_EQ(told().until, now + 4h);
    row.due_at = now;
    account.window->open = true;
    expect_not("is closed");
    account.in_flight = 8;
    account.requests_per_second_max = 2.5;
    daemon.provider_failing = true;
    daemon.next_probe_at = now + 30s;
    expect({"one probe at a time is sent, the next in 30s",
            "all 8 places for requests of the account are taken", "in_flight_max is 64",
            "at most 2.5 requests a second"});
    account.in_flight = 7;
    expect_not("places");
    row.due_at = now + 1s;  // what holds others back now may be over by then
    expect_not("requests a second");
}

TEST_F(Explain, AJobThatIsDueWaitsForAToken) {
    account.token_obtained_at.reset();
    expect({"has no token that is valid: one is asked for"});
    account.token_failure = "HTTP status 404";
    account.token_next_try_at = now + 20s;
    expect({"the last try to get one failed: HTTP status 404; the next is due in 20s"});
    EXPECT_EQ(told().until, now + 20s);
    row.due_at = now + 1s;
    expect_not("token");
}

TEST_F(Explain, WhatWasCancelledHasNotBeenSentYet) {
    in_state(job_state::cancelled, "by an operator");
    row.attempts = 0;
    expect({
        "do: onboardctl retry",
    });
    EXPECT_EQ(told().commands.back().text,
              "lets it be sent after all, for as long as its request is kept");
}

TEST_F(Explain, AJobThatIsNotToBeSentYetSaysWhen) {
    row.not_before = now + 2h;
    row.due_at = now + 2h;
    row.priority = 5;
    expect({"with priority 5", "not to be submitted before its not_before, in 2h"});
    EXPECT_EQ(told().until, now + 2h);
    expect({"not later than " + format_rfc3339(now + 2h + 72h)});
    row.expires_at = now + 3h;
    expect({"not later than " + format_rfc3339(now + 3h)});
}

TEST_F(Explain, ADeferredJobSaysWhatWentWrongAndWhenItIsSentAgain) {
    in_state(job_state::deferred, "HTTP status 429: too many requests");
    row.due_at = now + 90s;
    expect({format_rfc3339(start + 1h) + " attempt 1", "not applied: HTTP status 429",
            "its turn on the retry schedule is in 1m 30s", "it is sent again",
            "do: onboardctl retry T12345678/seller-1"});
    EXPECT_EQ(told().until, now + 90s);
}

TEST_F(Explain, AJobInFlight) {
    in_state(job_state::submitting);
    expect({"its request is under way", "the answer decides"});
    EXPECT_TRUE(told().commands.empty());
    daemon.running = false;
    expect({"onboardd ended while", "at its next start"});
}

TEST_F(Explain, AJobWhoseProcessWasKilledSaysSo) {
    in_state(job_state::unknown, "");
    row.error.reset();
    row.lost_at = now - 1min;
    expect({"nobody knew whether there is a case: onboardd ended before the answer was there"});
}

TEST_F(Explain, AnUnknownJobSaysWhyItIsNotSentAgain) {
    in_state(job_state::unknown, "the answer was lost");
    row.lost_at = now - 1min;
    row.absent_since = now - 10s;
    row.resends = 1;
    row.due_at = now + 20s;
    expect({"nobody knew whether there is a case: the answer was lost", "did not show it",
            "is not believed before " + format_rfc3339(now + 5min), "it was sent again 1 time",
            "allows 2", "do: onboardctl retry"});
    EXPECT_EQ(told().until, now + 20s);
    row.lost_at = now - 10min;
    expect_not("not believed before");
    EXPECT_EQ(told().commands.back().text, "reads the list at once");
    account.pause = pause_view{.kind = "asked_to_wait",
                               .reason = "the provider asked to wait",
                               .next_try_at = now + 30s,
                               .by = {}};
    EXPECT_EQ(told().commands.back().text, "reads the list as soon as that is over");
    EXPECT_EQ(told().until, now + 30s);
}

TEST_F(Explain, AnAcceptedJobWaitsForItsLink) {
    in_state(job_state::accepted);
    row.the_case.id = "the-uuid";
    expect({"has case the-uuid", "is not there yet", "next: the case is read again",
            format_rfc3339(start + 2h)});
    daemon.running = false;
    expect({"next: once that is over, the case is read again"});
}

TEST_F(Explain, ACreatedJobIsDone) {
    in_state(job_state::created);
    row.the_case = {.id = "the-uuid",
                    .case_id = "",
                    .contract_url = "https://sign.example",
                    .case_status = "ACTIVE",
                    .created_at = ""};
    expect({"has case the-uuid (ACTIVE)", "it ended as created",
            "do: onboardctl show T12345678/seller-1"});
    EXPECT_EQ(told().next, "");
    row.followed = true;
    row.due_at = now + 1h;
    expect({"follow.interval"});
    EXPECT_EQ(told().until, now + 1h);
    row.lost_at = now - 1h;
    expect({"watched for a second case", "the list is read again"});
    expect_not("follow.interval");
}

TEST_F(Explain, ARefusedJobRepeatsTheProvidersWordsWithoutWhatMayBeAPersons) {
    in_state(job_state::rejected,
             "no company 987654325 for kari.nordmann@example.no, product 42 (a@b)");
    row.error->http_status = 400;
    row.error->code = "invalid_parameter";
    row.error->field = "organizationNumber";
    expect({"HTTP status 400: no company … for … product 42 …", "(invalid_parameter)",
            "about organizationNumber", "do: onboardctl retry T12345678/seller-1"});
    expect_not("987654325");
    expect_not("kari");
    row.expires_at = now;
    expect({"its expires_at has passed"});
    expect_not("onboardctl retry");
}

TEST_F(Explain, AnExpiredACancelledAndAHeldJob) {
    in_state(job_state::expired, "retry.max_age passed before the provider accepted");
    expect({"why: retry.max_age passed", "onboardctl retry"});
    in_state(job_state::cancelled, "cancelled by an operator before it was submitted");
    expect({"why: cancelled by an operator", "onboardctl retry"});
    in_state(job_state::held);
    row.finished_at.reset();
    expect({"an operator holds it until it is released or cancelled", "event operator",
            "onboardctl release", "onboardctl cancel"});
    EXPECT_EQ(told().commands.at(0).text, "lets it be sent");
    row.resends = 1;
    EXPECT_NE(told().commands.at(0).text.find("looks it up"), std::string::npos);
}

TEST_F(Explain, AConflictNamesItsCasesAndIsLeftToAPerson) {
    in_state(job_state::conflict, "the provider has more than one case with this reference");
    row.error->details = R"(["one","two"])";
    expect({"a person has to decide: the provider has more than one case", R"(["one","two"])",
            "do: onboardctl release T12345678/seller-1"});
    EXPECT_EQ(told().next, "");
}

TEST_F(Explain, TellsEachStepThatTheRowHasForgotten) {
    in_state(job_state::created);
    row.attempts = 3;
    row.submitted_at = start + 3h;
    row.finished_at = start + 5h;
    past.steps = {
        a_step(start + 1h, job_state::submitting, job_state::deferred, 1, "HTTP status 503: busy"),
        a_step(start + 90min, job_state::deferred, job_state::deferred, 1, "cannot connect"),
        a_step(start + 2h, job_state::submitting, job_state::unknown, 2),
        a_step(start + 150min, job_state::unknown, job_state::deferred, 2),
        a_step(start + 4h, job_state::unknown, job_state::created, 3)};
    std::vector<std::string> story;
    for (const auto& step : told().story) {
        story.push_back(step.text);
    }
    const std::vector<std::string> expected = {
        "taken in, in batch night",
        "attempt 1 was not applied: HTTP status 503: busy",
        "nothing could be sent: cannot connect",
        "whether attempt 2 was applied was not known: onboardd ended before the answer was there",
        "that the provider has no case of attempt 2 was proved",
        "attempt 3: the intent was noted, then the request sent",
        "the provider's list showed its case",
        "it ended as created"};
    EXPECT_EQ(story, expected);
}

TEST_F(Explain, TellsThatTheLedgerWasPutBack) {
    in_state(job_state::unknown);
    row.lost_at = start + 1h;
    past.steps = {a_step(start + 1h, job_state::queued, job_state::unknown, 0, put_back_words)};
    expect({"whether it had been sent since was not known: the ledger was put back from a copy"});
    past.steps[0].words = "HTTP status 500";
    past.steps[0].from = job_state::deferred;
    expect({"its absence was to be proved anew\n"});
}

TEST_F(Explain, AnOperatorsRetryDoesNotHideWhenTheAnswerWasLost) {
    in_state(job_state::unknown, "the answer was lost");
    row.lost_at = start + 1h;
    past.steps = {{.at = start + 2h,
                   .from = job_state::unknown,
                   .to = job_state::unknown,
                   .attempt = 1,
                   .what = operation::retry,
                   .uid = 1000,
                   .words = "the answer was lost"}};
    expect({"from then on nobody knew whether there is a case"});
}

TEST_F(Explain, TellsWhatOperatorsDidAndHowMuchIsNoLongerKept) {
    in_state(job_state::held);
    past.omitted = 12;
    past.steps = {{.at = start + 1h,
                   .from = job_state::rejected,
                   .to = job_state::queued,
                   .attempt = 1,
                   .what = operation::retry,
                   .uid = 65534,
                   .words = "HTTP status 400: 123456789 is unknown"},
                  {.at = now - 2h,
                   .from = job_state::queued,
                   .to = job_state::held,
                   .attempt = 1,
                   .what = operation::hold,
                   .uid = 1000,
                   .words = {}}};
    expect({"before this 12 steps more, no longer kept",
            "an operator (the system's log has who: onboardctl): retry; it was rejected and became "
            "queued. Until then: HTTP status 400: … is unknown",
            "the user with the uid 1000: hold; it was queued and became held",
            "why: the user with the uid 1000 held it 2h ago: so it stays until it is released"});
}

TEST_F(Explain, WhatIsKeptOfALostAnswerIsNotToldTwice) {
    in_state(job_state::unknown, "the answer was lost");
    row.lost_at = start + 1h;
    expect({"from then on nobody knew whether there is a case"});
    past.steps = {
        a_step(start + 1h, job_state::submitting, job_state::unknown, 1, "the answer was lost")};
    expect({"whether attempt 1 was applied was not known: the answer was lost"});
    expect_not("from then on nobody knew");
}

TEST_F(Explain, TheStoryIsInTheOrderOfTimeAndHoldsNothingOfTheFuture) {
    in_state(job_state::deferred, "x");
    row.not_before = start + 30min;
    row.expires_at = now + 1h;
    const auto story = told().story;
    ASSERT_EQ(story.size(), 3u);
    EXPECT_EQ(story[0].at, start);
    EXPECT_EQ(story[1].at, start + 30min);
    EXPECT_EQ(story[2].at, start + 1h);
}

TEST(StatusView, IsReadFromTheDaemonsJsonAndDistrustsIt) {
    const auto view = parse_status(R"({"schema":"onboardd/status/1","version":"0.1.0",
        "now":"2026-11-22T01:00:00Z","started_at":null,"ready":true,"not_ready":[],
        "open":3,"in_flight":2,"jobs":{"queued":3,"created":-1,"held":"x"},
        "intake":{"short_of_room":["a"]},"provider":{"failing":true,"next_probe_at":null},
        "accounts":[{"id":"T1","configured":false,"jobs":{"queued":3},"in_flight":2,"limit":8,
          "limit_max":64,"requests_per_second_max":1.5,
          "token":{"obtained_at":"2026-11-22T00:00:00Z","expires_at":"2026-11-22T04:00:00Z"},
          "token_failure":{"reason":"HTTP status 500","next_try_at":"2026-11-22T01:00:05Z"},
          "pause":{"kind":"by_operator","reason":"r","next_try_at":null,
                   "since":"2026-11-22T00:30:00Z","uid":7},
          "window":{"text":"w","open":false,"opens_at":"2026-11-22T02:00:00Z"}}, 7, {}]})");
    ASSERT_TRUE(view);
    EXPECT_TRUE(view->running);
    EXPECT_TRUE(view->ready);
    EXPECT_EQ(view->open(), 3u);
    EXPECT_EQ(view->in_flight, 2u);
    EXPECT_TRUE(view->provider_failing);
    EXPECT_EQ(view->short_of_room, std::vector<std::string>{"a"});
    ASSERT_EQ(view->accounts.size(), 3u);
    const auto* account = view->account("T1");
    ASSERT_NE(account, nullptr);
    EXPECT_FALSE(account->configured);
    EXPECT_EQ(account->limit, 8u);
    EXPECT_EQ(account->requests_per_second_max, 1.5);
    EXPECT_TRUE(account->token_expires_at);
    EXPECT_EQ(account->token_failure, "HTTP status 500");
    EXPECT_TRUE(account->token_next_try_at);
    EXPECT_FALSE(account->has_no_token());
    EXPECT_EQ(view->open_and_waiting(), 3u);
    EXPECT_EQ(account->pause->by->uid, 7u);
    EXPECT_FALSE(account->window->open);
    EXPECT_FALSE(parse_status("{"));
    EXPECT_FALSE(parse_status("[]"));
    EXPECT_FALSE(parse_status(R"({"schema":"onboardd/status/2"})"));
}

}  // namespace
}  // namespace onboardd::ctl
