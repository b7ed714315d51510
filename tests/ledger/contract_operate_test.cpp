// What operators do to jobs and accounts, in every ledger.

#include "ledger/ledger_contract.hpp"

namespace onboardd::test {
namespace {

class OperateContract : public LedgerContract {
protected:
    operated operate(operation what, job_selection among, job_id after = 0,
                     std::size_t count_max = 100) {
        operated done;
        run([&]() -> asio::awaitable<void> {
            done =
                must(co_await book->operate(what, among, after, count_max, time.wall_now(), 1000));
        });
        return done;
    }

    // One job by its reference.
    operated operate(operation what, const std::string& reference) {
        job_selection one;
        one.identities.emplace_back("T00000001", reference);
        return operate(what, one);
    }

    void unclaim(job_id id) {
        run([&]() -> asio::awaitable<void> {
            std::vector<job_id> ids(1, id);
            co_await book->unclaim(std::move(ids));
        });
    }

    std::vector<operator_pause> pauses() {
        std::vector<operator_pause> found;
        run([&]() -> asio::awaitable<void> { found = must(co_await book->pauses()); });
        return found;
    }

    void set_pause(const std::string& account, std::optional<operator_pause> pause) {
        run([&]() -> asio::awaitable<void> { must(co_await book->set_pause(account, pause)); });
    }
};

INSTANTIATE_TEST_SUITE_P(All, OperateContract, every_store, name_of_store);

TEST_P(OperateContract, AHeldJobIsNotHandedOutUntilItIsReleased) {
    accept({a_job("one"), a_job("two")});
    const auto done = operate(operation::hold, "one");
    ASSERT_EQ(done.changed.size(), 1u);
    EXPECT_EQ(done.changed[0].from, job_state::queued);
    EXPECT_EQ(done.changed[0].after, found("one"));
    EXPECT_EQ(found("one").state, job_state::held);
    restart();
    EXPECT_EQ(references(claim()), names{"two"});
    EXPECT_EQ(operate(operation::hold, "one").unchanged, 1u);
    operate(operation::release, "one");
    EXPECT_EQ(references(claim()), names{"one"});
}

TEST_P(OperateContract, TheSumsFollow) {
    accept({a_job("one"), a_job("two")});
    create(found("two"));
    EXPECT_EQ(finished_batches(), names());
    operate(operation::hold, "one");
    EXPECT_EQ(finished_batches(), names{"default"});  // a held job keeps no report waiting
    summary();
    reported("default");
    operate(operation::cancel, "one");
    EXPECT_EQ(finished_batches(), names{"default"});
    std::map<job_state, std::uint64_t> counts;
    for (const auto& one : totals()) {
        counts[one.state] += one.jobs;
    }
    EXPECT_EQ(counts, (std::map<job_state, std::uint64_t>{{job_state::created, 1},
                                                          {job_state::cancelled, 1}}));
    EXPECT_EQ(unpublished().size(), 2u);
    const auto row = found("one");
    EXPECT_EQ(row.revision, 1u);
    EXPECT_EQ(row.error->kind, error_kind::cancelled);
}

// Whoever has claimed a job works on what it was.
TEST_P(OperateContract, AClaimedJobThatWasChangedIsTakenFromItsHolder) {
    accept({a_job("one")});
    const auto row = claim()[0].row;
    operate(operation::hold, "one");
    operate(operation::release, "one");  // as it was, for whoever looks at the state alone
    auto intent = row;
    intent.state = job_state::submitting;
    EXPECT_EQ(record(intent, job_state::queued).error(), errc::stale_job);
    EXPECT_TRUE(claim().empty()) << "its holder has not let go of it yet";
    EXPECT_EQ(record(intent, job_state::queued).error(), errc::stale_job);
    unclaim(row.id);
    ASSERT_EQ(references(claim()), names{"one"});
    must(record(intent, job_state::queued));
}

TEST_P(OperateContract, AClaimedJobThatStaysAsItIsStaysWithItsHolder) {
    accept({a_job("one")});
    auto row = claim()[0].row;
    EXPECT_EQ(operate(operation::retry, "one").refused.size(), 1u);
    row.state = job_state::submitting;
    must(record(row, job_state::queued));
}

TEST_P(OperateContract, WhatIsNotThereOrDoesNotFitIsNamed) {
    accept({a_job("one"), a_job("two")});
    create(found("two"));
    job_selection these;
    these.identities = {
        {"T00000001", "one"}, {"T00000001", "none"}, {"T00000002", "one"}, {"T00000001", "two"}};
    const auto done = operate(operation::cancel, these);
    EXPECT_EQ(done.changed.size(), 1u);
    EXPECT_EQ(done.missing, (std::vector<std::pair<std::string, std::string>>{
                                {"T00000001", "none"}, {"T00000002", "one"}}));
    ASSERT_EQ(done.refused.size(), 1u);
    EXPECT_EQ(done.refused[0].account, "T00000001");
    EXPECT_EQ(done.refused[0].reference, "two");
    EXPECT_EQ(done.refused[0].state, job_state::created);
    EXPECT_EQ(done.refused[0].why, refusal::has_a_case);
    EXPECT_TRUE(done.end);
}

TEST_P(OperateContract, ASelectionIsWorkedThroughInPortions) {
    std::vector<new_job> jobs;
    for (int i = 0; i < 25; ++i) {
        jobs.push_back(a_job("job-" + std::to_string(i)));
        jobs.back().batch = i % 5 == 0 ? "other" : "mine";
    }
    jobs[7].account = "P00000002";
    accept(jobs);
    create(found("job-11"));
    job_selection mine;
    mine.account = "T00000001";
    mine.batch = "mine";
    mine.state = job_state::queued;
    names held;
    operated part;
    int portions = 0;
    do {
        part = operate(operation::hold, mine, part.last, 4);
        EXPECT_LE(part.changed.size(), 4u);
        for (const auto& one : part.changed) {
            held.push_back(one.after.reference);
        }
        ++portions;
    } while (!part.end);
    EXPECT_EQ(held.size(), 18u);  // 25 without 5 of another batch, one other account, one created
    EXPECT_EQ(held.front(), "job-1");
    EXPECT_EQ(held.back(), "job-24");
    EXPECT_GE(portions, 5);
    restart();
    EXPECT_EQ(claim().size(), 5u);
    mine.batch = "none";
    EXPECT_TRUE(operate(operation::hold, mine).end);
    EXPECT_TRUE(operate(operation::hold, mine).changed.empty());
}

TEST_P(OperateContract, APortionLooksAtSoManyJobsOnly) {
    std::vector<new_job> jobs;
    for (std::size_t i = 0; i < operate_portion_max + 1; ++i) {
        jobs.push_back(a_job("job-" + std::to_string(i)));
    }
    accept(jobs);
    job_selection ended;
    ended.state = job_state::rejected;
    const auto part = operate(operation::retry, ended);
    EXPECT_FALSE(part.end);
    EXPECT_TRUE(operate(operation::retry, ended, part.last).end);
}

TEST_P(OperateContract, AnEndedJobIsTriedAgainWhileItsRequestIsKept) {
    accept({a_job("one")});
    const auto sent = claim()[0].request;
    reject(found("one"), "no such product");
    publish_all();
    summary();
    reported("default");
    time.advance(1h);
    operate(operation::retry, "one");
    EXPECT_EQ(finished_batches(), names());
    restart();
    const auto claims = claim();
    ASSERT_EQ(references(claims), names{"one"});
    EXPECT_EQ(claims[0].request, sent);
    EXPECT_EQ(claims[0].row.revision, 1u);
    EXPECT_EQ(erase(time.wall_now() + 1h), 0u) << "it is open again";
    reject(claims[0].row, "still no such product");
    EXPECT_EQ(finished_batches(), names{"default"});
    ASSERT_EQ(unpublished().size(), 1u);
    EXPECT_EQ(unpublished()[0].revision, 2u);
    EXPECT_EQ(erase(time.wall_now() + 1h), 1u);
    const auto done = operate(operation::retry, "one");
    ASSERT_EQ(done.refused.size(), 1u);
    EXPECT_EQ(done.refused[0].why, refusal::request_erased);
}

// It started again before the outcome of its end was written: it has none for now.
TEST_P(OperateContract, AJobThatIsOpenAgainHasNoOutcomeToBeWritten) {
    accept({a_job("one")});
    operate(operation::cancel, "one");
    EXPECT_EQ(unpublished().size(), 1u);
    operate(operation::retry, "one");
    EXPECT_TRUE(unpublished().empty());
    operate(operation::hold, "one");
    restart();
    EXPECT_TRUE(unpublished().empty());
    operate(operation::cancel, "one");
    ASSERT_EQ(unpublished().size(), 1u);
    EXPECT_EQ(unpublished()[0].revision, 2u);
}

TEST_P(OperateContract, PausesOutliveTheProcess) {
    EXPECT_TRUE(pauses().empty());
    const operator_pause second{"T00000002", time.wall_now(), 1000};
    const operator_pause first{"T00000001", time.wall_now(), 0};
    set_pause("T00000002", second);
    set_pause("T00000001", first);
    restart();
    EXPECT_EQ(pauses(), (std::vector{first, second}));
    set_pause("T00000001", operator_pause{"T00000001", time.wall_now() + 1h, 7});
    EXPECT_EQ(pauses()[0].uid, 7u);
    set_pause("T00000001", {});
    set_pause("T00000003", {});
    restart();
    EXPECT_EQ(pauses(), std::vector{second});
}

}  // namespace
}  // namespace onboardd::test
