// What is asked of a ledger about many jobs: outcomes to write, witnesses, batches, what to erase.

#include <algorithm>

#include "ledger/ledger_contract.hpp"

namespace onboardd::test {
namespace {

using names = LedgerContract::names;

TEST_P(LedgerContract, AnOutcomeIsUnpublishedUntilItsRevisionIsOnDisk) {
    accept({a_job("one"), a_job("two"), a_job("three")});
    auto three = create(found("three"));
    const auto one = create(found("one"));
    EXPECT_EQ(unpublished(), (std::vector{one, three}));
    EXPECT_EQ(unpublished(1), (std::vector{one}));
    restart();
    EXPECT_EQ(unpublished(), (std::vector{one, three}));
    publish_all();
    EXPECT_EQ(unpublished(), std::vector<job>());

    three.revision = 3;
    must(record(three, job_state::created));
    run([&]() -> asio::awaitable<void> {
        std::vector<std::pair<job_id, std::uint32_t>> outdated{{three.id, 2}, {4711, 1}};
        must(co_await book->published(std::move(outdated)));
    });
    EXPECT_EQ(unpublished(), (std::vector{three}));
    publish_all();
    EXPECT_EQ(unpublished(), std::vector<job>());
}

TEST_P(LedgerContract, AFinalJobThatIsDroppedAgainIsPublishedAgain) {
    const auto row = create(accept_one(a_job("one")));
    accept({a_job("two")});
    publish_all();
    EXPECT_EQ(accept({a_job("one", 2)}), std::vector{admission::duplicate_reference});
    EXPECT_EQ(unpublished(), std::vector<job>());
    EXPECT_EQ(accept({a_job("one"), a_job("two")}),
              (std::vector{admission::known, admission::known}));
    restart();
    EXPECT_EQ(unpublished(), (std::vector{row}));
    publish_all();
    EXPECT_EQ(unpublished(), std::vector<job>());
}

TEST_P(LedgerContract, PublishedOutcomesArePagedAndCanBecomeDueAgain) {
    const auto finish = [&](const std::string& reference) -> asio::awaitable<void> {
        auto row = must(co_await book->find("T00000001", reference)).value();
        row.state = job_state::rejected;
        row.finished_at = time.wall_now();
        row.revision = 1;
        must(co_await book->record(row, job_state::queued));
        std::vector<std::pair<job_id, std::uint32_t>> done(1, {row.id, 1});
        must(co_await book->published(std::move(done)));
    };
    run([&]() -> asio::awaitable<void> {
        for (const auto* reference : {"a", "b", "c", "open"}) {
            std::vector<new_job> jobs(1, a_job(reference));
            must(co_await book->accept(std::move(jobs)));
        }
        for (const auto* reference : {"c", "a", "b"}) {
            co_await finish(reference);
        }
        const auto first = must(co_await book->published_outcomes(wall_time::min(), 0, 2));
        EXPECT_EQ(first.size(), 2u);
        const auto& last = first.back();
        auto rest = must(co_await book->published_outcomes(last.finished_at, last.id, 2));
        EXPECT_EQ(rest.size(), 1u);
        EXPECT_NE(first[0].reference, first[1].reference);
        EXPECT_EQ(rest.front().account, "T00000001");
        std::vector<job_id> gone(1, rest.front().id);
        must(co_await book->publish_again(std::move(gone)));
        const auto due = must(co_await book->unpublished(10));
        EXPECT_EQ(due.size(), 1u);
        EXPECT_EQ(due.front().reference, rest.front().reference);
        EXPECT_EQ(must(co_await book->published_outcomes(wall_time::min(), 0, 9)).size(), 2u);
    });
}

TEST_P(LedgerContract, WitnessesAreTheLatestCasesOfTheAccountAfterAMomentAndBeforeIt) {
    auto other = a_job("other");
    other.account = "P00000002";
    accept({a_job("older"), a_job("old"), a_job("b"), a_job("a"), a_job("refused"),
            a_job("waiting"), a_job("gone"), other});
    create(found("older"));
    time.advance(1s);
    create(found("old"));
    const auto after = time.wall_now();
    for (const auto* reference : {"a", "b"}) {
        time.advance(1s);
        create(found(reference));
    }
    create(found("other", "P00000002"));
    auto refused = found("refused");
    refused.submitted_at = time.wall_now();
    must(record(refused, job_state::queued));
    auto gone = found("gone");  // a case that may not be there is evidence of nothing
    gone.submitted_at = time.wall_now();
    gone.the_case.id = "uuid-gone";
    gone.state = job_state::conflict;
    gone.finished_at = time.wall_now();
    must(record(gone, job_state::queued));
    restart();
    EXPECT_EQ(witnesses(after), (names{"uuid-b", "uuid-a", "uuid-old", "uuid-older"}));
    EXPECT_EQ(witnesses(after, 1), (names{"uuid-b", "uuid-old"}));
    EXPECT_EQ(witnesses(after - 1ms, 2), (names{"uuid-b", "uuid-a", "uuid-older"}));
    EXPECT_EQ(witnesses(time.wall_now(), 1), (names{"uuid-b"}));
}

TEST_P(LedgerContract, AJobThatIsNotThereIsNotFound) {
    accept({a_job("one")});
    run([&]() -> asio::awaitable<void> {
        EXPECT_EQ(must(co_await book->find("T00000001", "On")), std::nullopt);
        EXPECT_EQ(must(co_await book->find("P00000001", "one")), std::nullopt);
        EXPECT_EQ(must(co_await book->find("T00000001", "' OR 1=1 --")), std::nullopt);
    });
}

TEST_P(LedgerContract, TheSummaryOfABatchTellsStatesReasonsAndTimes) {
    const auto start = time.wall_now();
    accept({a_job("a"), a_job("b"), a_job("c"), a_job("d")});
    time.advance(1min);
    create(found("a"));
    reject(found("b"), "bad currency");
    time.advance(1min);
    reject(found("c"), "bad currency");
    restart();
    const auto found = summary();
    EXPECT_EQ(found.batch, "default");
    EXPECT_EQ(found.first_received_at, start);
    EXPECT_EQ(found.last_finished_at, start + 2min);
    const std::string account = "T00000001";
    const std::vector<tally> expected{
        {.account = account, .state = job_state::queued, .reason = "", .jobs = 1, .attempts = 0},
        {.account = account, .state = job_state::created, .reason = "", .jobs = 1, .attempts = 1},
        {.account = account,
         .state = job_state::rejected,
         .reason = "refused 400: bad currency",
         .jobs = 2,
         .attempts = 0}};
    EXPECT_EQ(found.tallies, expected);
    EXPECT_EQ(summary("nothing").tallies, std::vector<tally>());
    EXPECT_EQ(summary("nothing").first_received_at, std::nullopt);
}

TEST_P(LedgerContract, ABatchIsFinishedWhenNoneOfItsJobsIsOpenAndDueUntilReported) {
    auto in_other = a_job("x");
    in_other.batch = "other";
    accept({a_job("a"), a_job("b"), in_other});
    create(found("a"));
    EXPECT_EQ(finished_batches(), names());
    auto held = found("b");
    held.state = job_state::held;
    must(record(held, job_state::queued));
    create(found("x"));
    restart();
    EXPECT_EQ(finished_batches(), (names{"default", "other"}));
    summary("default");
    reported("default");
    reported("nothing");
    EXPECT_EQ(finished_batches(), names{"other"});
    restart();
    EXPECT_EQ(finished_batches(), names{"other"});
}

TEST_P(LedgerContract, AReportThatMissesAChangeLeavesTheBatchDue) {
    accept({a_job("a"), a_job("b")});
    create(found("a"));
    create(found("b"));
    summary();
    accept({a_job("late")});
    create(found("late"));
    reported("default");
    EXPECT_EQ(finished_batches(), names{"default"}) << "the report was made before the late job";
    summary();
    publish_all();  // changes nothing in the report
    reported("default");
    EXPECT_EQ(finished_batches(), names());
    accept({a_job("later")});
    EXPECT_EQ(finished_batches(), names()) << "it is open again";
    reject(found("later"), "no");
    EXPECT_EQ(finished_batches(), names{"default"});
}

TEST_P(LedgerContract, ReasonsBeyondTheLimitAreCountedTogether) {
    std::vector<new_job> jobs;
    for (std::size_t i = 0; i < reasons_max + 5; ++i) {
        jobs.push_back(a_job("j" + std::to_string(i)));
    }
    accept(jobs);
    std::vector<job> rows;
    for (const auto& claimed : claim(work_kind::submit, jobs.size())) {
        rows.push_back(reject(claimed.row, "reason of " + claimed.row.reference));
    }
    const auto others_in = [this] {
        const auto tallies = summary().tallies;
        const auto other = std::ranges::find(tallies, std::string(other_reasons), &tally::reason);
        EXPECT_EQ(tallies.size(), reasons_max + (other == tallies.end() ? 0 : 1));
        return other == tallies.end() ? 0 : other->jobs;
    };
    EXPECT_EQ(others_in(), 5u);
    auto back = rows.back();
    back.state = job_state::queued;
    back.error.reset();
    must(record(back, job_state::rejected));
    restart();
    back.state = job_state::rejected;
    back.error = rows.back().error;
    must(record(back, job_state::queued));
    EXPECT_EQ(others_in(), 5u);
}

TEST_P(LedgerContract, ErasesTheBytesOfJobsThatEndedBeforeAndKeepsTheRow) {
    accept({a_job("old"), a_job("young"), a_job("open")});
    const auto old = create(found("old"));
    const auto old_end = time.wall_now();
    time.advance(1h);
    const auto young = create(found("young"));
    EXPECT_EQ(erase(old_end), 0u);
    EXPECT_EQ(erase(old_end + 1ms), 1u);
    EXPECT_EQ(erase(old_end + 1ms), 0u);
    EXPECT_EQ(answer_of(old.id), "");
    EXPECT_NE(answer_of(young.id), "");
    EXPECT_EQ(found("old"), old);
    EXPECT_EQ(accept({a_job("old"), a_job("old", 2)}),
              (std::vector{admission::known, admission::duplicate_reference}));
    EXPECT_EQ(claim().at(0).request, a_job("open").request);
    EXPECT_EQ(erase(time.wall_now() + 1h, 1), 1u);
    EXPECT_EQ(erase(time.wall_now() + 1h, 1), 0u);
}

TEST_P(LedgerContract, WhatIsLearntAfterErasingIsErasedToo) {
    auto row = create(accept_one(a_job("one")));
    EXPECT_EQ(erase(time.wall_now() + 1h), 1u);
    row.the_case.case_status = "SIGNED";
    must(record(row, job_state::created));
    EXPECT_EQ(erase(time.wall_now() + 1h), 0u);
    must(record(row, job_state::created, "a person's name"));
    restart();
    EXPECT_EQ(erase(time.wall_now() + 1h), 1u);
    EXPECT_EQ(answer_of(row.id), "");
}

TEST_P(LedgerContract, AJobThatIsReleasedAfterErasingIsHandedOutWithoutARequest) {
    auto row = reject(accept_one(a_job("one")), "no");
    EXPECT_EQ(erase(time.wall_now() + 1h), 1u);
    row.state = job_state::queued;
    row.finished_at.reset();
    must(record(row, job_state::rejected));
    EXPECT_EQ(claim().at(0).request, "");
}

}  // namespace
}  // namespace onboardd::test
