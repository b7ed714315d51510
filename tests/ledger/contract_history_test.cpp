// What every ledger keeps of a job's past.

#include "ledger/ledger_contract.hpp"

namespace onboardd::test {
namespace {

class HistoryContract : public LedgerContract {
protected:
    job_history history(job_id id) {
        job_history found;
        run([&]() -> asio::awaitable<void> { found = must(co_await book->history(id)); });
        return found;
    }

    void operate(operation what, const std::string& reference, std::uint32_t uid) {
        run([&]() -> asio::awaitable<void> {
            job_selection one;
            one.identities.emplace_back("T00000001", reference);
            must(co_await book->operate(what, one, 0, 100, time.wall_now(), uid));
        });
    }

    job move_to(job row, job_state to) {
        const auto from = row.state;
        row.state = to;
        must(record(row, from));
        return row;
    }

    // One attempt that was not applied.
    job put_off(job row, const std::string& message) {
        row.attempts += 1;
        row = move_to(row, job_state::submitting);
        row.error = an_error(error_kind::refused, 503, message);
        return move_to(row, job_state::deferred);
    }
};

INSTANTIATE_TEST_SUITE_P(All, HistoryContract, every_store, name_of_store);

TEST_P(HistoryContract, AJobThatWentStraightToItsCaseHasNone) {
    const auto row = create(accept_one(a_job("one")));
    EXPECT_EQ(history(row.id), job_history());
    EXPECT_EQ(history(row.id + 1), job_history());
}

TEST_P(HistoryContract, KeepsWhatTheRowForgets) {
    auto row = accept_one(a_job("one"));
    accept_one(a_job("other"));
    const auto first = time.wall_now();
    row = put_off(row, "busy");
    time.advance(1min);
    row.attempts = 2;
    row = move_to(row, job_state::submitting);
    row.error = an_error(error_kind::refused, 0, "the answer was lost");
    row = move_to(row, job_state::unknown);
    row = move_to(row, job_state::unknown);
    time.advance(1min);
    row.error.reset();
    create(row);
    restart();
    const auto past = history(row.id);
    EXPECT_EQ(past.omitted, 0u);
    ASSERT_EQ(past.steps.size(), 3u);
    EXPECT_EQ(past.steps[0], (job_step{.at = first,
                                       .from = job_state::submitting,
                                       .to = job_state::deferred,
                                       .attempt = 1,
                                       .what = {},
                                       .uid = 0,
                                       .words = "HTTP status 503: busy"}));
    EXPECT_EQ(past.steps[1].at, first + 1min);
    EXPECT_EQ(past.steps[1].words, "the answer was lost");
    EXPECT_EQ(past.steps[2].at, first + 2min);
    EXPECT_EQ(past.steps[2].from, job_state::unknown);
    EXPECT_EQ(past.steps[2].to, job_state::created);
    EXPECT_EQ(history(found("other").id), job_history());
}

TEST_P(HistoryContract, AnAttemptThatDoesNotCountIsToldByItsNumber) {
    auto row = accept_one(a_job("one"));
    row.attempts = 1;
    row = move_to(row, job_state::submitting);
    row.attempts = 0;
    row = move_to(row, job_state::deferred);
    ASSERT_EQ(history(row.id).steps.size(), 1u);
    EXPECT_EQ(history(row.id).steps[0].attempt, 1u);
}

TEST_P(HistoryContract, KeepsWhoDidWhat) {
    const auto row = accept_one(a_job("one"));
    operate(operation::hold, "one", 1000);
    operate(operation::hold, "one", 1001);  // it is held already
    operate(operation::release, "one", 4294967295);
    restart();
    const auto past = history(row.id);
    ASSERT_EQ(past.steps.size(), 2u);
    EXPECT_EQ(past.steps[0], (job_step{.at = time.wall_now(),
                                       .from = job_state::queued,
                                       .to = job_state::held,
                                       .attempt = 0,
                                       .what = operation::hold,
                                       .uid = 1000,
                                       .words = {}}));
    EXPECT_EQ(past.steps[1].what, operation::release);
    EXPECT_EQ(past.steps[1].uid, 4294967295u);
}

TEST_P(HistoryContract, KeepsTheLatestOfManySteps) {
    auto row = accept_one(a_job("one"));
    for (std::size_t i = 0; i < history_steps_max; ++i) {
        row = put_off(row, std::to_string(i));
    }
    EXPECT_EQ(history(row.id).omitted, 0u);
    EXPECT_EQ(history(row.id).steps.size(), history_steps_max);
    row = put_off(row, "last but one");
    row = put_off(row, "last");
    restart();
    const auto past = history(row.id);
    EXPECT_EQ(past.omitted, 2u);
    ASSERT_EQ(past.steps.size(), history_steps_max);
    EXPECT_EQ(past.steps.front().attempt, 3u);
    EXPECT_EQ(past.steps.back().words, "HTTP status 503: last");
}

TEST_P(HistoryContract, GoesWithTheRequest) {
    const auto row = create(put_off(accept_one(a_job("one")), "busy"));
    EXPECT_EQ(history(row.id).steps.size(), 1u);
    time.advance(1h);
    ASSERT_FALSE(ledger_fixture::erase());
    EXPECT_EQ(history(row.id), job_history());
}

}  // namespace
}  // namespace onboardd::test
