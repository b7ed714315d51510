// The way of a job through a ledger: accepted, claimed, recorded.

#include <boost/asio/co_spawn.hpp>

#include "ledger/ledger_contract.hpp"

namespace onboardd::test {
namespace {

using names = LedgerContract::names;

INSTANTIATE_TEST_SUITE_P(All, LedgerContract, every_store, name_of_store);

TEST_P(LedgerContract, AnAcceptedJobIsQueuedAndDueAtOnce) {
    auto fresh = a_job("one");
    fresh.priority = -10;
    fresh.expires_at = time.wall_now() + 24h;
    const auto row = accept_one(fresh);
    job expected;
    expected.id = row.id;
    expected.account = fresh.account;
    expected.reference = "one";
    expected.batch = "default";
    expected.priority = -10;
    expected.received_at = time.wall_now();
    expected.expires_at = fresh.expires_at;
    expected.due_at = time.wall_now();
    EXPECT_EQ(row, expected);
    EXPECT_NE(row.id, 0);
}

TEST_P(LedgerContract, TheSameContentAgainIsKnownAndOtherContentIsRefusedAlsoWithinOneCall) {
    using enum admission;
    const auto other_account = [] {
        auto fresh = a_job("one", 2);
        fresh.account = "P00000002";
        return fresh;
    }();
    EXPECT_EQ(accept({a_job("one"), a_job("one"), a_job("one", 2), other_account, a_job("two")}),
              (std::vector{accepted, known, duplicate_reference, accepted, accepted}));
    restart();
    EXPECT_EQ(accept({a_job("two", 3), a_job("three"), a_job("two"), a_job("One")}),
              (std::vector{duplicate_reference, accepted, known, accepted}));
    EXPECT_EQ(accept({}), std::vector<admission>());
    EXPECT_EQ(references(claim()), (names{"one", "two", "three", "One"}));
}

TEST_P(LedgerContract, ClaimsHigherPriorityThenEarlierDueTimeThenOrderOfArrival) {
    const auto with = [&](const std::string& reference, int priority,
                          std::optional<wall_time> not_before) {
        auto fresh = a_job(reference);
        fresh.priority = static_cast<std::int8_t>(priority);
        fresh.not_before = not_before;
        return fresh;
    };
    const auto now = time.wall_now();
    accept({with("low", -10, {}), with("later", 0, now + 2s), with("soon", 0, now + 1s),
            with("first", 0, {}), with("second", 0, {}), with("high", 10, now + 3s),
            with("never", 10, now + 10h)});
    time.advance(5s);
    EXPECT_EQ(references(claim(work_kind::submit, 3)), (names{"high", "first", "second"}));
    EXPECT_EQ(references(claim(work_kind::submit, 3)), (names{"soon", "later", "low"}));
    EXPECT_EQ(references(claim()), names());
}

TEST_P(LedgerContract, AClaimBringsTheExactRequestAndTheFingerprint) {
    auto fresh = a_job("one");
    fresh.request = std::string("{\"a\":\"\0\xff\"}", 10);
    fresh.fingerprint = {.organization_number = std::string("9:1,\n\0x", 7),
                         .products = {"", "a;b", std::string("\0", 1)}};
    accept({fresh, a_job("two")});
    restart();
    const auto claims = claim();
    ASSERT_EQ(claims.size(), 2u);
    EXPECT_EQ(claims[0].request, fresh.request);
    EXPECT_EQ(claims[0].fingerprint, fresh.fingerprint);
    EXPECT_EQ(claims[0].row, found("one"));
    EXPECT_EQ(claims[1].fingerprint, a_job("two").fingerprint);
}

TEST_P(LedgerContract, AClaimedJobIsNotHandedOutAgainUntilItIsGivenBack) {
    accept({a_job("one"), a_job("two"), a_job("three")});
    const auto first = claim(work_kind::submit, 2);
    EXPECT_EQ(references(claim()), names{"three"});
    EXPECT_EQ(next_due(), std::nullopt);
    run([&]() -> asio::awaitable<void> {
        std::vector<job_id> back{first[1].row.id, first[0].row.id};
        co_await book->unclaim(std::move(back));
    });
    EXPECT_EQ(next_due(), time.wall_now());
    EXPECT_EQ(references(claim()), (names{"one", "two"}));
}

TEST_P(LedgerContract, AJobIsFreeAgainAfterItsNextRecord) {
    auto row = accept_one(a_job("one"));
    claim();
    row.state = job_state::submitting;
    row.attempts = 1;
    must(record(row, job_state::queued));
    EXPECT_EQ(claim().size(), 0u);
    row.state = job_state::deferred;
    row.due_at = time.wall_now() + 30s;
    must(record(row, job_state::submitting));
    EXPECT_EQ(claim().size(), 0u);
    EXPECT_EQ(next_due(), time.wall_now() + 30s);
    time.advance(30s);
    const auto again = claim();
    ASSERT_EQ(again.size(), 1u);
    EXPECT_EQ(again[0].row, row);
    EXPECT_EQ(again[0].request, a_job("one").request);
}

TEST_P(LedgerContract, ClaimsOnlyTheKindOfStepAndTheAccountThatWereAskedFor) {
    auto other = a_job("other");
    other.account = "P00000002";
    accept({a_job("one"), a_job("two"), a_job("three"), other});
    auto one = found("one");
    one.state = job_state::unknown;
    must(record(one, job_state::queued));
    auto two = found("two");
    two.state = job_state::accepted;
    must(record(two, job_state::queued));
    EXPECT_EQ(next_due(work_kind::look_up), one.due_at);
    const auto look_up = claim(work_kind::look_up);
    EXPECT_EQ(references(look_up), names{"one"});
    EXPECT_EQ(look_up[0].request, "");
    EXPECT_EQ(look_up[0].fingerprint, a_job("one").fingerprint);
    EXPECT_EQ(references(claim(work_kind::read)), names{"two"});
    EXPECT_EQ(references(claim()), names{"three"});
    EXPECT_EQ(references(claim(work_kind::submit, 100, "P00000002")), names{"other"});
    EXPECT_EQ(references(claim(work_kind::submit, 100, "T99999999")), names());
    EXPECT_EQ(references(claim(work_kind::none)), names());
    EXPECT_EQ(next_due(work_kind::none), std::nullopt);
}

TEST_P(LedgerContract, ACreatedJobIsReadAgainOnlyWhileItIsFollowed) {
    auto row = create(accept_one(a_job("one")));
    EXPECT_EQ(claim(work_kind::read).size(), 0u);
    row.followed = true;
    row.due_at = time.wall_now() + 1h;
    must(record(row, job_state::created));
    EXPECT_EQ(next_due(work_kind::read), row.due_at);
    time.advance(1h);
    EXPECT_EQ(references(claim(work_kind::read)), names{"one"});
    row.followed = false;
    must(record(row, job_state::created));
    EXPECT_EQ(next_due(work_kind::read), std::nullopt);
}

TEST_P(LedgerContract, NextDueIsTheEarliestOfAllPriorities) {
    const auto now = time.wall_now();
    EXPECT_EQ(next_due(), std::nullopt);
    for (const int priority : {-3, 0, 7}) {
        auto fresh = a_job("p" + std::to_string(priority));
        fresh.priority = static_cast<std::int8_t>(priority);
        fresh.not_before = now + std::chrono::seconds(10 + std::abs(priority));
        accept({fresh});
    }
    EXPECT_EQ(next_due(), now + 10s);
    time.advance(10s);
    EXPECT_EQ(claim().size(), 1u);
    EXPECT_EQ(next_due(), now + 13s);
}

TEST_P(LedgerContract, ATransitionFromAStateThatThePastHasLeftIsRefusedAndChangesNothing) {
    auto row = accept_one(a_job("one"));
    auto other = accept_one(a_job("two"));
    auto held = row;
    held.state = job_state::held;
    must(record(held, job_state::queued));
    row.state = job_state::submitting;
    row.attempts = 1;
    EXPECT_EQ(record(row, job_state::queued, "an answer").error(), errc::stale_job);
    EXPECT_EQ(found("one"), held);
    EXPECT_EQ(answer_of(row.id), "");
    row.id = 4711;
    EXPECT_EQ(record(row, job_state::queued).error(), errc::stale_job);
    EXPECT_EQ(totals().size(), 2u);
    EXPECT_FALSE(book->failed());
    EXPECT_EQ(references(claim()), names{"two"});
}

TEST_P(LedgerContract, AStaleTransitionDoesNotUndoOthersOfTheSameMoment) {
    std::vector<job> rows;
    for (int i = 0; i < 10; ++i) {
        rows.push_back(accept_one(a_job("j" + std::to_string(i))));
    }
    std::vector<error_code> verdicts(rows.size());
    std::size_t done = 0;
    auto one = [&](std::size_t i) -> asio::awaitable<void> {
        auto after = rows[i];
        after.state = job_state::submitting;
        auto verdict = co_await book->record(std::move(after),
                                             i % 2 == 0 ? job_state::queued : job_state::held);
        verdicts[i] = verdict.has_error() ? verdict.error() : error_code();
        ++done;
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
        asio::co_spawn(loop, one(i),
                       [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    }
    while (done < rows.size()) {
        loop.restart();
        loop.run_one();
    }
    restart();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(verdicts[i], i % 2 == 0 ? error_code() : error_code(errc::stale_job));
        EXPECT_EQ(found("j" + std::to_string(i)).state == job_state::queued, i % 2 == 1);
    }
}

TEST_P(LedgerContract, EveryMemberOfARowIsReadBackAsItWasWritten) {
    auto fresh = a_job("one");
    fresh.not_before = time.wall_now() - 1h;
    const auto accepted = accept_one(fresh);
    auto row = accepted;
    row.state = job_state::created;
    row.priority = -10;
    row.followed = true;
    row.not_before = time.wall_now() + 1ms;
    row.expires_at = time.wall_now() + 2ms;
    row.due_at = time.wall_now() + 3ms;
    row.submitted_at = wall_time(-4ms);
    row.finished_at = time.wall_now() + 5ms;
    row.attempts = 4294967295;
    row.retries = 7;
    row.resends = 8;
    row.absent_since = wall_time(0ms);
    row.lost_at = wall_time(1ms);
    row.the_case = {.id = std::string("i\0d", 3),
                    .case_id = "c'; DROP TABLE job; --",
                    .contract_url = "https://ø",
                    .case_status = "S",
                    .created_at = "2026-11-22T01:04:05Z"};
    row.error = job_error{.kind = error_kind::conflict,
                          .http_status = 409,
                          .code = "c",
                          .message = std::string("\0\xff m", 4),
                          .details = "[1]",
                          .field = "f"};
    row.revision = 3;
    must(record(row, job_state::queued, std::string("\0answer", 7)));
    EXPECT_EQ(found("one"), row);
    EXPECT_EQ(unpublished().at(0), row);
    EXPECT_EQ(claim(work_kind::look_up).size(), 0u);
    time.advance(3ms);
    EXPECT_EQ(claim(work_kind::look_up).at(0).row, row);
    restart();
    if (GetParam() == store_kind::sqlite) {
        row.absent_since.reset();  // another process read that list
    }
    EXPECT_EQ(found("one"), row);
    EXPECT_EQ(answer_of(row.id), std::string("\0answer", 7));

    must(record(accepted, job_state::created));  // all of it can be taken back
    restart();
    EXPECT_EQ(found("one"), accepted);
}

TEST_P(LedgerContract, IdentityBatchAndArrivalDoNotChange) {
    const auto row = accept_one(a_job("one"));
    auto after = row;
    after.account = "P00000002";
    after.reference = "two";
    after.batch = "other";
    after.received_at += 1h;
    must(record(after, job_state::queued));
    EXPECT_EQ(found("one"), row);
}

TEST_P(LedgerContract, KeepsTheLatestRawAnswer) {
    auto row = accept_one(a_job("one"));
    EXPECT_EQ(answer_of(row.id), "");
    must(record(row, job_state::queued, "first"));
    must(record(row, job_state::queued));
    EXPECT_EQ(answer_of(row.id), "first");
    must(record(row, job_state::queued, "second"));
    restart();
    EXPECT_EQ(answer_of(row.id), "second");
    EXPECT_EQ(answer_of(4711), "");
}

}  // namespace
}  // namespace onboardd::test
