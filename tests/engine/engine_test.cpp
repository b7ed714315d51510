#include "onboardd/engine/engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "onboardd/base/task_group.hpp"
#include "onboardd/outcome/outcome.hpp"
#include "support/fake_provider.hpp"
#include "support/full_ledger.hpp"
#include "support/recording_log.hpp"
#include "support/run.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;
using test::fate;

// A spool in memory: what is added is given out once.
class memory_spool final : public spool {
public:
    explicit memory_spool(const asio::any_io_executor& executor)
        : changed_(executor), never_(executor) {}

    void add(new_job work) {
        waiting_.push_back(std::move(work));
        changed_.set();
    }

    asio::awaitable<void> run() override { co_await never_.wait(); }
    asio::awaitable<result<portion>> take() override {
        portion taken;
        const auto count = std::min<std::size_t>(waiting_.size(), 16);
        std::move(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count),
                  std::back_inserter(taken.jobs));
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
        co_return taken;
    }
    asio::awaitable<result<void>> finish(portion, std::vector<admission> verdicts) override {
        std::move(verdicts.begin(), verdicts.end(), std::back_inserter(all_verdicts));
        co_return result<void>();
    }
    void abandon(portion failed) override {
        std::move(failed.jobs.begin(), failed.jobs.end(), std::back_inserter(waiting_));
    }
    asio::awaitable<void> changed() override { return changed_.wait(); }
    std::size_t unsettled() const override { return 0; }
    void use(std::unique_ptr<job_reader>) override {}

    std::vector<admission> all_verdicts;

private:
    std::vector<new_job> waiting_;
    wakeup changed_;
    condition never_;
};

class Engine : public testing::Test {
protected:
    Engine() {
        options.provider = {"provider.example", 443, "/v1"};
        account_options account;
        account.id = "T12345678";
        account.make_token_request = [] {
            http::request message;
            message.verb = http::method::post;
            message.target = "/v1/accounts/T12345678/auth/token";
            return message;
        };
        options.accounts.push_back(account);
        options.rules.retry_schedule = {1s, 5s, 30s};
        options.rules.settle = 6min;
    }

    void build() {
        outcome_sink sink;
        sink.publish = [this](std::vector<job> rows) -> asio::awaitable<std::vector<result<void>>> {
            co_await time.wait_for(time_to_publish(rows));
            std::vector<result<void>> results;
            if (somebody_else_publishes) {
                std::vector<std::pair<job_id, std::uint32_t>> done;
                for (const auto& row : rows) {
                    done.emplace_back(row.id, row.revision);
                }
                (co_await store->published(std::move(done))).value();
            }
            for (auto& row : rows) {
                if (publishing_fails || somebody_else_publishes) {
                    results.emplace_back(make_error_code(boost::system::errc::no_space_on_device));
                    continue;
                }
                published[row.reference] = row;
                ++publications;
                results.emplace_back();
            }
            co_return results;
        };
        sink.publish_report = [this](batch_summary summary) -> asio::awaitable<result<void>> {
            reports[summary.batch] = summary;
            co_return result<void>();
        };
        sink.missing =
            [this](std::vector<published_outcome> known) -> asio::awaitable<std::vector<job_id>> {
            std::vector<job_id> gone;
            for (const auto& one : known) {
                if (!published.contains(one.reference)) {
                    gone.push_back(one.id);
                }
            }
            co_return gone;
        };
        subject = std::make_unique<engine>(
            engine_parts{loop.get_executor(), time, log, random, *store, provider, incoming, sink,
                         find_shortages, &measured},
            options);
    }

    void add(const std::string& reference, const std::string& organization = "923609016",
             const char* batch = "night") {
        new_job work;
        work.account = "T12345678";
        work.reference = reference;
        work.batch = batch;
        work.request = R"({"products":["payout"],"case_request":{"organizationNumber":")" +
                       organization + R"(","referenceId":")" + reference + "\"}}";
        std::ranges::copy(organization, work.content.begin());
        work.fingerprint = {organization, {"payout"}};
        incoming.add(std::move(work));
    }

    // Runs the engine until every job has ended (or `time_max` has passed), then stops it.
    void drain(milliseconds time_max = std::chrono::days(10)) {
        build();
        auto watch = [&]() -> asio::awaitable<void> {
            const auto start = time.now();
            const auto end = start + time_max;
            for (;;) {  // a look costs real time: look less often the longer it takes
                const auto so_far = std::chrono::duration_cast<milliseconds>(time.now() - start);
                co_await time.wait_until(
                    std::min(end, time.now() + std::max<milliseconds>(20ms, so_far / 200)));
                const auto status = subject->status();
                const bool idle = status.intake_idle && status.open() == 0;
                if ((idle && !linger) || time.now() >= end) {
                    break;
                }
            }
            subject->stop();
        };
        auto whole = [&]() -> asio::awaitable<void> {
            task_group group(loop.get_executor());
            group.spawn(subject->run());
            group.spawn(watch());
            co_await group.join();
            co_await subject->write_reports();
        };
        test::run(loop, whole(), &time, 100'000'000);
        EXPECT_EQ(time.waiters(), 0u) << "somebody still waits after run() has returned";
    }

    job_state state_of(const std::string& reference) {
        job_state state{};
        auto look = [&]() -> asio::awaitable<void> {
            const auto row = co_await store->find("T12345678", reference);
            state = row.value().value().state;
        };
        test::run(loop, look());
        return state;
    }

    asio::io_context loop;
    test::manual_clock time;
    test::recording_log log;
    random_source random{1};
    std::unique_ptr<ledger> store = make_memory_ledger(loop.get_executor(), time);
    test::fake_provider provider{loop.get_executor(), time};
    memory_spool incoming{loop.get_executor()};
    engine_options options;
    std::unique_ptr<engine> subject;
    std::map<std::string, job> published;
    std::map<std::string, batch_summary> reports;
    int publications = 0;
    bool publishing_fails = false;
    bool somebody_else_publishes = false;  // so that our own attempt fails
    std::function<milliseconds(const std::vector<job>&)> time_to_publish =
        [](const std::vector<job>&) { return milliseconds(5); };
    bool linger = false;  // drain() runs for its whole time
    shortage_finder find_shortages;
    measures measured;

    // The ledger's disk, which is full between two moments.
    test::full_ledger& on_a_small_disk() {
        auto full = std::make_unique<test::full_ledger>(std::move(store));
        auto& disk = *full;
        store = std::move(full);
        return disk;
    }

    // An operator's command about one job, at `at`.
    using operator_step = std::function<asio::awaitable<void>()>;

    asio::awaitable<operated> operate(operation what, std::string reference) {
        job_selection one;
        one.identities.emplace_back("T12345678", std::move(reference));
        auto done = co_await subject->operate(what, std::move(one), 0, {.uid = 1000});
        co_return std::move(done.value());
    }

    // Runs until all is done, with an operator at work.
    void drain_with_operator(std::map<milliseconds, operator_step> moments,
                             milliseconds time_max = std::chrono::days(10)) {
        auto act = [&]() -> asio::awaitable<void> {
            const auto start = time.now();
            for (const auto& [at, step] : moments) {
                co_await time.wait_until(start + at);
                co_await step();
            }
        };
        task_group group(loop.get_executor());
        group.spawn(act());
        drain(time_max);
    }

    // Runs until all is done, and does something at some moments.
    void drain_with(std::map<milliseconds, std::function<void()>> moments,
                    milliseconds time_max = std::chrono::days(10)) {
        auto act = [&]() -> asio::awaitable<void> {
            const auto start = time.now();
            for (const auto& [at, what] : moments) {
                co_await time.wait_until(start + at);
                what();
            }
        };
        task_group group(loop.get_executor());
        group.spawn(act());
        drain(time_max);
    }
};

TEST_F(Engine, BringsEveryJobToACaseWithOneTokenAndOnePostEach) {
    for (int i = 0; i < 1000; ++i) {
        add("r" + std::to_string(i));
    }
    drain();
    EXPECT_EQ(published.size(), 1000u);
    EXPECT_EQ(provider.cases.size(), 1000u);
    EXPECT_EQ(provider.tokens, 1);
    EXPECT_EQ(provider.lists, 0);
    EXPECT_LE(provider.in_flight_max, 64);
    EXPECT_GE(provider.in_flight_max, 32) << "the limit is used";
    for (const auto& [reference, count] : provider.posts) {
        EXPECT_EQ(count, 1) << reference;
    }
    ASSERT_TRUE(reports.contains("night"));
    EXPECT_EQ(reports["night"].tallies.size(), 1u);
    EXPECT_EQ(reports["night"].tallies[0].jobs, 1000u);
}

TEST_F(Engine, TheSameJobAgainCausesNoRequestButItsOutcomeAgain) {
    add("r1");
    drain();
    add("r1");
    drain();
    EXPECT_EQ(provider.posts["r1"], 1);
    EXPECT_EQ(publications, 2);
    EXPECT_EQ(published["r1"].revision, 1u);
    EXPECT_EQ(incoming.all_verdicts, (std::vector{admission::accepted, admission::known}));
}

TEST_F(Engine, OtherContentUnderTheSameReferenceIsRefused) {
    add("r1");
    drain();
    add("r1", "974760673");
    drain();
    EXPECT_EQ(provider.cases.size(), 1u);
    EXPECT_EQ(incoming.all_verdicts.back(), admission::duplicate_reference);
    EXPECT_EQ(subject->status().refused_files, 1u);
}

TEST_F(Engine, ARefusalEndsTheJobWithTheProvidersReason) {
    add("r1");
    provider.script("r1", {fate::refuse});
    drain();
    EXPECT_EQ(published["r1"].state, job_state::rejected);
    EXPECT_EQ(published["r1"].error->code, "invalid_parameter");
}

struct lost_case {
    const char* name;
    fate what;
    job_state end;
    std::size_t cases;
    int posts;
};

class EngineLost : public Engine, public testing::WithParamInterface<lost_case> {};

TEST_P(EngineLost, IsLookedUpBeforeAnythingIsSentAgain) {
    const auto& expected = GetParam();
    add("r1");
    provider.script("r1", {expected.what});
    drain();
    EXPECT_EQ(published["r1"].state, expected.end);
    EXPECT_EQ(provider.cases_of("r1"), expected.cases);
    EXPECT_EQ(provider.posts["r1"], expected.posts);
    EXPECT_GE(provider.lists, 1);
}

INSTANTIATE_TEST_SUITE_P(
    Answers, EngineLost,
    testing::Values(lost_case{"CreatedThenCut", fate::created_then_cut, job_state::created, 1, 1},
                    lost_case{"CreatedThen500", fate::created_then_500, job_state::created, 1, 1},
                    lost_case{"CreatedWithoutId", fate::created_without_id, job_state::created, 1,
                              1},
                    lost_case{"CutBeforeCreating", fate::cut, job_state::created, 1, 2},
                    lost_case{"FailedWith500", fate::failed_500, job_state::created, 1, 2},
                    lost_case{"NeverAnswered", fate::never, job_state::created, 1, 2},
                    lost_case{"CreatedTwice", fate::twice, job_state::conflict, 2, 1},
                    lost_case{"ForeignCase", fate::foreign, job_state::conflict, 1, 1}),
    [](const auto& entry) { return entry.param.name; });

TEST_F(Engine, ALostAnswerIsNotResentBeforeTheSettlingTime) {
    add("r1");
    provider.script("r1", {fate::cut});
    drain(options.rules.settle - 1s);
    EXPECT_EQ(provider.posts["r1"], 1);
    EXPECT_EQ(state_of("r1"), job_state::unknown);
    EXPECT_GE(provider.lists, 2) << "it looks on the schedule meanwhile";
}

TEST_F(Engine, ALaggingListNeverCausesASecondCase) {
    provider.list_lag = 5min;
    for (int i = 0; i < 50; ++i) {
        const auto reference = "r" + std::to_string(i);
        add(reference);
        provider.script(reference, {fate::created_then_cut});
    }
    drain();
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(provider.cases_of("r" + std::to_string(i)), 1u) << i;
    }
}

TEST_F(Engine, APagedListIsReadToItsEnd) {
    provider.page_size = 10;
    for (int i = 0; i < 95; ++i) {
        add("r" + std::to_string(i));
    }
    provider.script("r94", {fate::created_then_cut});
    provider.script("r3", {fate::created_then_cut});
    drain();
    EXPECT_EQ(provider.cases.size(), 95u);
    EXPECT_GE(provider.lists, 10);
    EXPECT_EQ(published["r94"].state, job_state::created);
}

TEST_F(Engine, AListThatTakesLongerToReadThanTheSettlingProvesAbsenceAllTheSame) {
    provider.page_size = 10;
    provider.latency = 20s;
    for (int i = 0; i < 300; ++i) {
        add("r" + std::to_string(i));
    }
    provider.script("r299", {fate::cut});
    drain(3h);
    EXPECT_EQ(published["r299"].state, job_state::created);
    EXPECT_EQ(provider.cases_of("r299"), 1u);
    EXPECT_EQ(provider.posts["r299"], 2);
}

// What is never in the list cannot be missed in it: with the list as these providers have it, each
// look would be followed by another case.
TEST_F(Engine, AListThatLacksCasesOfOursProvesNoAbsence) {
    provider.page_size = 10;
    provider.turns_pages = false;
    for (int i = 0; i < 12; ++i) {
        add("r" + std::to_string(i));
    }
    provider.script("r11", {fate::created_then_cut});
    drain(2h);
    EXPECT_FALSE(published.contains("r11"));
    EXPECT_EQ(provider.posts["r11"], 1);
    EXPECT_GT(log.count("list_incomplete"), 0u);
    provider.turns_pages = true;
    drain(2h);
    EXPECT_EQ(published["r11"].state, job_state::created);
    EXPECT_EQ(provider.posts["r11"], 1);
}

TEST_F(Engine, AnEmptyListProvesNothingWhereWeHaveCases) {
    provider.list_is_empty = true;
    add("one");
    add("two");
    provider.script("two", {fate::created_then_cut});
    drain(2h);
    EXPECT_FALSE(published.contains("two"));
    EXPECT_EQ(provider.posts["two"], 1);
}

TEST_F(Engine, AListThatIsLaterThanTheSettlingIsNotBelievedBeforeItShowsWhatItShould) {
    provider.list_lag = options.rules.settle * 6;
    for (const auto* reference : {"one", "two", "lost"}) {
        add(reference);
    }
    provider.script("lost", {fate::created_then_cut});
    drain(12h);
    EXPECT_EQ(published["lost"].state, job_state::created);
    EXPECT_EQ(provider.posts["lost"], 1);
    EXPECT_EQ(provider.cases_of("lost"), 1u);
}

// Whoever else's cases it shows in full: what we sent is not to be found in it.
TEST_F(Engine, AListThatShowsOurCasesUnderOtherReferencesProvesNoAbsence) {
    provider.list_in_capitals = true;
    for (const auto* reference : {"one", "two", "lost", "created"}) {
        add(reference);
    }
    provider.script("lost", {fate::cut});
    provider.script("created", {fate::created_then_cut});
    drain(3h);
    for (const auto* reference : {"lost", "created"}) {
        EXPECT_EQ(published[reference].state, job_state::conflict) << reference;
        EXPECT_EQ(provider.posts[reference], 1) << reference;
    }
    EXPECT_EQ(log.count("list_failed"), 1u);
}

TEST_F(Engine, WhatAListShowsBeforeItFailsIsBelieved) {
    provider.page_size = 10;
    provider.list_fails_from = 1;
    for (int i = 0; i < 30; ++i) {
        add("r" + std::to_string(i));
    }
    provider.script("r3", {fate::created_then_cut});
    provider.script("r29", {fate::created_then_cut});
    drain(2h);
    EXPECT_EQ(published["r3"].state, job_state::created);
    EXPECT_FALSE(published.contains("r29"));
    EXPECT_EQ(provider.posts["r29"], 1);
    EXPECT_EQ(log.count("list_failed"), 1u);
}

TEST_F(Engine, ABusyListIsLeftAloneForAsLongAsItSays) {
    provider.list_is_busy = true;
    add("lost");
    provider.script("lost", {fate::created_then_cut});
    drain(10min);
    EXPECT_GE(provider.lists, 2);
    EXPECT_LE(provider.lists, 11);
    EXPECT_EQ(log.count("list_failed"), 1u);
    provider.list_is_busy = false;
    drain(1h);
    EXPECT_EQ(published["lost"].state, job_state::created);
}

TEST_F(Engine, OneListServesManyUnknownJobs) {
    provider.otherwise = fate::created_then_cut;
    options.breaking.failures_max = 1000;
    for (int i = 0; i < 200; ++i) {
        add("r" + std::to_string(i));
    }
    drain();
    EXPECT_EQ(provider.cases.size(), 200u);
    EXPECT_LE(provider.lists, 40);
}

TEST_F(Engine, AListWithoutReferencesLeadsToAHumanNotToASecondCase) {
    provider.echo_references = false;
    add("r1");
    add("r2");
    provider.script("r2", {fate::created_then_cut});
    drain();
    EXPECT_EQ(state_of("r2"), job_state::conflict);
    EXPECT_EQ(provider.posts["r2"], 1);
}

TEST_F(Engine, AfterTwoProvenAbsencesAHumanDecides) {
    add("r1");
    provider.script("r1", {fate::cut, fate::cut, fate::cut});
    drain();
    EXPECT_EQ(provider.posts["r1"], 3);
    EXPECT_EQ(published["r1"].state, job_state::conflict);
    EXPECT_EQ(published["r1"].attempts, 3u);
}

TEST_F(Engine, AFailingListNeverLeadsToAResend) {
    provider.list_fails = true;
    add("r1");
    provider.script("r1", {fate::cut});
    drain(2h);
    EXPECT_EQ(provider.posts["r1"], 1);
    EXPECT_EQ(state_of("r1"), job_state::unknown);
    provider.list_fails = false;
    drain();
    EXPECT_EQ(published["r1"].state, job_state::created);
}

TEST_F(Engine, ACaseThatComesAfterTheResendEndsAsAConflict) {
    add("r1");
    provider.script("r1", {fate::cut});
    drain();
    ASSERT_EQ(published["r1"].state, job_state::created);
    auto late = provider.cases.front();
    late.id = "late";
    late.created_at = time.wall_now();
    provider.cases.push_back(late);
    linger = true;
    drain(1h);
    EXPECT_EQ(published["r1"].state, job_state::conflict);
    EXPECT_EQ(published["r1"].revision, 2u);
    EXPECT_EQ(provider.posts["r1"], 2);
}

TEST_F(Engine, AResentJobIsWatchedForADayAndNoLonger) {
    add("r1");
    provider.script("r1", {fate::cut});
    drain();
    provider.lists = 0;
    linger = true;
    drain(25h);
    // Nine readings, each of a page and the empty one after it.
    EXPECT_GE(provider.lists, 6);
    EXPECT_LE(provider.lists, 24);
    provider.lists = 0;
    drain(24h);
    EXPECT_EQ(provider.lists, 0);
    EXPECT_EQ(published["r1"].state, job_state::created);
}

// The reading is cancelled between its last wait and the records of what it has shown, in one of
// these.
class EngineStopped : public Engine, public testing::WithParamInterface<int> {};

TEST_P(EngineStopped, WhileAReadingEndsItLeavesNoTaskBehind) {
    add("found");
    add("gone");
    provider.script("found", {fate::created_then_cut});
    provider.script("gone", {fate::cut});
    provider.list_hops = GetParam();
    provider.on_list = [this] {
        if (provider.lists == 1) {  // the second page is asked for, which ends the reading
            subject->stop();
        }
    };
    drain(1h);
    EXPECT_GE(provider.lists, 1);
    provider.on_list = {};
    drain();
    EXPECT_EQ(published["found"].state, job_state::created);
    EXPECT_EQ(published["gone"].state, job_state::created);
    EXPECT_EQ(provider.cases.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Turns, EngineStopped, testing::Range(0, 12));

TEST_F(Engine, AStopThatIsCutShortWhileOutcomesWaitLeavesNobodyBehind) {
    add("r1");
    build();
    auto whole = [&]() -> asio::awaitable<void> {
        task_group group(loop.get_executor());
        group.spawn(subject->run());
        while (subject->status().of(job_state::created) == 0) {
            co_await time.wait_for(1ms);
        }
        subject->stop();
        co_await time.wait_for(1ms);  // its outcome is still being gathered
        EXPECT_TRUE(published.empty());
        group.cancel();
        co_await group.join();
    };
    test::run(loop, whole(), &time);
    EXPECT_EQ(time.waiters(), 0u);
}

TEST_F(Engine, TooManyRequestsWaitForTheWholeAccount) {
    for (int i = 0; i < 200; ++i) {
        add("r" + std::to_string(i));
    }
    provider.script("r5", {fate::too_many});
    drain();
    EXPECT_EQ(provider.cases.size(), 200u);
    EXPECT_GE(time.elapsed(), 7s);
    EXPECT_EQ(provider.posts["r5"], 2);
}

TEST_F(Engine, ARejectedTokenIsRenewedOnceAndCostsNoAttempt) {
    add("r0");
    add("r1");
    provider.script("r1", {fate::unauthorized});
    drain();
    EXPECT_EQ(published["r1"].state, job_state::created);
    EXPECT_EQ(published["r1"].attempts, 1u);
    EXPECT_LE(provider.tokens, 3);
}

TEST_F(Engine, ARefusedCredentialPausesTheAccountAndCostsNoJob) {
    provider.token_status = 401;
    for (int i = 0; i < 100; ++i) {
        add("r" + std::to_string(i));
    }
    drain(6h);
    EXPECT_EQ(provider.posts.size(), 0u);
    EXPECT_EQ(published.size(), 0u);
    EXPECT_EQ(log.count("account_paused"), 1u);
    EXPECT_EQ(subject->status().paused.size(), 1u);
    provider.token_status = 200;
    drain();
    EXPECT_EQ(provider.cases.size(), 100u);
    EXPECT_EQ(published["r7"].attempts, 1u);
}

TEST_F(Engine, AForbiddenAccountIsProbedByOneJobAtATime) {
    provider.otherwise = fate::forbidden;
    for (int i = 0; i < 500; ++i) {
        add("r" + std::to_string(i));
    }
    drain(1h);
    int posts = 0;
    for (const auto& [reference, count] : provider.posts) {
        posts += count;
    }
    EXPECT_LE(posts, 64 + 20) << "those in flight, then single probes";
    EXPECT_EQ(published.size(), 0u);
    provider.otherwise = fate::good;
    drain();
    EXPECT_EQ(provider.cases.size(), 500u);
}

TEST_F(Engine, WithoutAConnectionNothingIsLostAndNothingIsTriedInVain) {
    provider.otherwise = fate::no_connection;
    for (int i = 0; i < 1000; ++i) {
        add("r" + std::to_string(i));
    }
    drain(1h);
    EXPECT_EQ(provider.posts.size(), 0u);
    EXPECT_GE(log.count("token_renewal_failed"), 5u);
    EXPECT_LE(log.count("token_renewal_failed"), 100u);
    provider.otherwise = fate::good;
    drain();
    EXPECT_EQ(provider.cases.size(), 1000u);
}

TEST_F(Engine, AnOutageCostsProbesNotAThousandAttempts) {
    provider.otherwise = fate::failed_500;
    for (int i = 0; i < 120; ++i) {
        add("r" + std::to_string(i));
    }
    drain(4min);  // before anything can be proved absent
    int posts = 0;
    for (const auto& [reference, count] : provider.posts) {
        posts += count;
    }
    EXPECT_LE(posts, 64 + 30) << "those in flight, then single probes";
    EXPECT_GE(posts, 64);
    EXPECT_GE(log.count("provider_failing"), 1u);
    provider.otherwise = fate::good;
    drain();
    EXPECT_EQ(provider.cases.size(), 120u);
}

TEST_F(Engine, WhatWasNotSentIsSentAgainWithoutLooking) {
    add("r1");
    provider.script("r1", {fate::not_sent, fate::not_sent});
    drain();
    EXPECT_EQ(provider.cases_of("r1"), 1u);
    EXPECT_EQ(provider.lists, 0);
    EXPECT_EQ(published["r1"].attempts, 3u);
}

TEST_F(Engine, AcceptedCasesAreReadAgainUntilTheLinkIsThere) {
    provider.otherwise = fate::good_without_link;
    for (int i = 0; i < 100; ++i) {
        add("r" + std::to_string(i));
    }
    drain();
    EXPECT_EQ(provider.reads, 100);
    EXPECT_EQ(published["r9"].state, job_state::created);
    EXPECT_FALSE(published["r9"].the_case.contract_url.empty());
}

TEST_F(Engine, WithoutTheReadOperationTheListServesAcceptedCases) {
    provider.otherwise = fate::good_without_link;
    provider.read_one = false;
    add("r1");
    add("r2");
    build();
    drain(30s);
    for (auto& entry : provider.cases) {
        entry.link = true;
    }
    drain();
    EXPECT_EQ(published["r1"].state, job_state::created);
    EXPECT_EQ(published["r2"].state, job_state::created);
}

TEST_F(Engine, ACaseThatNeverGetsALinkIsPublishedAfterAWhile) {
    provider.otherwise = fate::good_without_link;
    provider.give_links = false;
    options.rules.accepted_for = 1h;
    add("r1");
    drain(2h);
    EXPECT_EQ(published["r1"].state, job_state::accepted);
    EXPECT_EQ(publications, 1);
    provider.give_links = true;
    drain();
    EXPECT_EQ(published["r1"].state, job_state::created);
    EXPECT_EQ(published["r1"].revision, 2u);
}

TEST_F(Engine, OutcomesThatCouldNotBeWrittenAreWrittenLater) {
    publishing_fails = true;
    add("r1");
    drain(1h);
    EXPECT_EQ(published.size(), 0u);
    EXPECT_TRUE(subject->status().outcomes_owed);
    publishing_fails = false;
    drain(1s);
    EXPECT_EQ(published["r1"].state, job_state::created);
    EXPECT_EQ(provider.posts["r1"], 1);
}

// Else the intake waits for ever for outcomes to work again, and so nothing shows that they do.
TEST_F(Engine, AFailedOutcomeThatIsNotOwedAnyMoreHoldsNothingUp) {
    somebody_else_publishes = true;
    linger = true;
    add("r1");
    drain(1min);
    EXPECT_FALSE(subject->status().outcomes_owed);
    EXPECT_TRUE(subject->status().short_of_room.empty());
}

TEST_F(Engine, AnEarlierRevisionIsNeverWrittenOverALaterOne) {
    options.rules.accepted_for = 1min;
    provider.otherwise = fate::good_without_link;
    provider.give_links = false;
    time_to_publish = [this](const std::vector<job>& rows) {
        provider.give_links = true;
        return rows.front().revision == 1 ? milliseconds(1h) : milliseconds(5);
    };
    add("r1");
    drain(3h);
    EXPECT_EQ(published["r1"].state, job_state::created);
    EXPECT_EQ(published["r1"].revision, 2u);
}

TEST_F(Engine, OutcomesThatWereTakenAwayAreWrittenAgainAtTheNextStart) {
    for (int n = 0; n < 2500; ++n) {
        add("r" + std::to_string(n));
    }
    drain();
    ASSERT_EQ(published.size(), 2500u);
    for (const auto* gone : {"r0", "r1234", "r2499"}) {
        published.erase(gone);
    }
    publications = 0;
    drain();
    EXPECT_EQ(publications, 3u);
    EXPECT_EQ(published.size(), 2500u);
    EXPECT_EQ(published["r1234"].revision, 1u);
    EXPECT_EQ(provider.cases.size(), 2500u);
}

TEST_F(Engine, StopLetsRequestsInFlightEnd) {
    provider.latency = 5s;
    for (int i = 0; i < 200; ++i) {
        add("r" + std::to_string(i));
    }
    drain(12s);  // the token, the first wave, the second under way
    EXPECT_EQ(provider.in_flight, 0);
    const auto status = subject->status();
    EXPECT_EQ(status.of(job_state::submitting), 0u);
    EXPECT_EQ(status.of(job_state::unknown), 0u);
    EXPECT_EQ(published.size(), provider.cases.size());
    EXPECT_LT(provider.cases.size(), 200u);
}

TEST_F(Engine, TheRateLimitIsKept) {
    options.accounts[0].requests_per_second_max = 10.0;
    for (int i = 0; i < 100; ++i) {
        add("r" + std::to_string(i));
    }
    drain();
    EXPECT_GE(time.elapsed(), 8900ms);
    EXPECT_LE(time.elapsed(), 15s);
}

TEST_F(Engine, AJobWaitsForItsTimeAndExpiresAfterIt) {
    new_job later;
    later.account = "T12345678";
    later.reference = "later";
    later.fingerprint = {.organization_number = "923609016", .products = {"payout"}};
    later.batch = "night";
    later.request =
        R"({"products":["payout"],"case_request":{"organizationNumber":"923609016","referenceId":"later"}})";
    later.not_before = time.wall_now() + 2h;
    incoming.add(later);
    later.reference = "late";
    later.content.fill(9);
    later.not_before = time.wall_now() + 4h;
    later.expires_at = time.wall_now() + 3h;
    incoming.add(later);
    drain();
    EXPECT_EQ(published["later"].state, job_state::created);
    EXPECT_EQ(published["late"].state, job_state::expired);
    EXPECT_EQ(provider.posts.count("late"), 0u);
    EXPECT_GE(time.elapsed(), 4h);
}

TEST_F(Engine, AJobExpiresWhileItsAccountIsPaused) {
    provider.token_status = 401;
    options.rules.max_age = 1h;
    for (int i = 0; i < 300; ++i) {
        add("r" + std::to_string(i));
    }
    drain(5h);
    EXPECT_EQ(published.size(), 300u);
    EXPECT_EQ(published["r299"].state, job_state::expired);
    EXPECT_LE(time.elapsed(), 2h);
}

TEST_F(Engine, SubmitsOnlyInsideItsWindow) {
    options.accounts[0].window = time_window{3h, 4h, "UTC"};  // it is 01:00
    add("r1");
    drain();
    EXPECT_EQ(published["r1"].state, job_state::created);
    EXPECT_GE(time.elapsed(), 2h);
    EXPECT_LE(time.elapsed(), 3h);
}

// ---- operators

TEST_F(Engine, AHeldJobIsNotSentUntilItIsReleased) {
    options.accounts[0].in_flight_max = 1;
    provider.latency = 10s;
    add("first");
    add("second");  // claimed together with the first, and waits for its slot
    std::size_t cases_while_held = 0;
    linger = true;
    drain_with_operator({{5s,
                          [&]() -> asio::awaitable<void> {
                              const auto done = co_await operate(operation::hold, "second");
                              EXPECT_EQ(done.changed.size(), 1u);
                              EXPECT_EQ(subject->status().of(job_state::held), 1u);
                          }},
                         {1h,
                          [&]() -> asio::awaitable<void> {
                              cases_while_held = provider.cases.size();
                              co_await operate(operation::release, "second");
                          }}},
                        2h);
    EXPECT_EQ(cases_while_held, 1u);
    EXPECT_EQ(published["second"].state, job_state::created);
    EXPECT_EQ(provider.posts["second"], 1);
    EXPECT_EQ(subject->status().of(job_state::held), 0u);
    EXPECT_EQ(subject->status().of(job_state::created), 2u);
    EXPECT_EQ(log.count("operator"), 2u);
    for (const auto& entry : log.entries()) {
        if (entry.event == "operator") {
            EXPECT_EQ(entry.fields.at("uid"), "1000");
            EXPECT_EQ(entry.fields.at("job"), "second");
        }
    }
}

// It was claimed, and waits for its connection or for its turn, when the operator's word comes.
TEST_F(Engine, AJobThatIsAboutToBeSentIsNotSentAnyMore) {
    options.accounts[0].in_flight_max = 1;
    provider.latency = 10s;
    add("first");
    add("second");
    linger = true;
    drain_with_operator({{5s,
                          [&]() -> asio::awaitable<void> {
                              co_await operate(operation::hold, "second");
                              co_await operate(operation::release, "second");
                              co_await operate(operation::cancel, "second");
                              co_await operate(operation::retry, "second");
                              co_await operate(operation::cancel, "second");
                          }}},
                        1h);
    EXPECT_EQ(provider.posts["second"], 0);
    EXPECT_EQ(published["second"].state, job_state::cancelled);
    EXPECT_EQ(published["second"].revision, 2u);
    EXPECT_EQ(state_of("second"), job_state::cancelled);
}

TEST_F(Engine, AJobInFlightIsRefusedToTheOperator) {
    provider.latency = 10s;
    add("r1");
    drain_with_operator({{15s, [&]() -> asio::awaitable<void> {
                              for (const auto what : {operation::hold, operation::cancel}) {
                                  const auto done = co_await operate(what, "r1");
                                  EXPECT_EQ(done.refused.at(0).why, refusal::in_flight);
                              }
                          }}});
    EXPECT_EQ(published["r1"].state, job_state::created);
    EXPECT_EQ(log.count("operator"), 0u);
}

TEST_F(Engine, ARefusedJobIsSentAgainOnAnOperatorsWordOnly) {
    add("r1");
    provider.script("r1", {fate::refuse});
    linger = true;
    drain_with_operator({{1h,
                          [&]() -> asio::awaitable<void> {
                              EXPECT_EQ(published["r1"].state, job_state::rejected);
                              EXPECT_EQ(provider.posts["r1"], 1);
                              co_await operate(operation::retry, "r1");
                          }}},
                        2h);
    EXPECT_EQ(provider.posts["r1"], 2);
    EXPECT_EQ(published["r1"].state, job_state::created);
    EXPECT_EQ(published["r1"].revision, 2u);
    EXPECT_EQ(published["r1"].attempts, 2u);
    EXPECT_EQ(subject->status().of(job_state::rejected), 0u);
}

// Its POST was lost, and proved absent: by the time of the release that proof is old.
TEST_F(Engine, AReleasedJobThatWasLostOnceIsLookedUpBeforeItIsSentAgain) {
    add("r1");
    provider.script("r1", {fate::cut, fate::too_many, fate::too_many, fate::too_many});
    options.rules.retry_schedule = {30min};
    linger = true;
    int lists = 0;
    int posts = 0;
    drain_with_operator(
        {{65min,
          [&]() -> asio::awaitable<void> {
              posts = provider.posts["r1"];
              const auto done = co_await operate(operation::hold, "r1");
              EXPECT_EQ(done.changed.at(0).from, job_state::deferred);
          }},
         {10h,
          [&]() -> asio::awaitable<void> {
              lists = provider.lists;
              provider.cases.push_back({"late", "r1", "923609016", time.wall_now(), true});
              co_await operate(operation::release, "r1");
          }}},
        12h);
    EXPECT_GT(provider.lists, lists);
    EXPECT_EQ(provider.posts["r1"], posts) << "the late case was found";
    EXPECT_EQ(published["r1"].state, job_state::created);
    EXPECT_EQ(published["r1"].the_case.id, "late");
}

TEST_F(Engine, AnAccountThatAnOperatorPausedMakesNoRequestUntilItIsResumed) {
    add("r1");
    linger = true;
    const auto pause = [&](bool paused) -> asio::awaitable<void> {
        auto done = paused ? subject->pause("T12345678", {.uid = 7})
                           : subject->resume("T12345678", {.uid = 7});
        EXPECT_EQ((co_await std::move(done)).value(), pause_change::changed);
    };
    drain_with_operator({{1h,
                          [&]() -> asio::awaitable<void> {
                              co_await pause(true);
                              add("r2");
                          }}},
                        2h);
    EXPECT_EQ(provider.posts["r2"], 0);
    ASSERT_EQ(subject->status().accounts.at(0).pause, account_pause::by_operator);
    EXPECT_EQ(subject->status().accounts.at(0).paused_by->uid, 7u);
    EXPECT_EQ(subject->status().paused, std::vector<std::string>{"T12345678: by an operator"});
    drain_with_operator({{1h,
                          [&]() -> asio::awaitable<void> {  // the next process knows of it
                              EXPECT_EQ(provider.posts["r2"], 0);
                              co_await pause(false);
                          }}},
                        2h);
    EXPECT_EQ(provider.posts["r2"], 1);
    EXPECT_EQ(published["r2"].state, job_state::created);
    EXPECT_EQ(subject->status().accounts.at(0).pause, account_pause::none);
    EXPECT_EQ(log.count("operator_pause"), 1u);
    EXPECT_EQ(log.count("operator"), 2u);
}

TEST_F(Engine, PausingWhatIsPausedOrNotThereChangesNothing) {
    linger = true;
    drain_with_operator({{1s,
                          [&]() -> asio::awaitable<void> {
                              auto done = co_await subject->pause("P00000000", {.uid = 0});
                              EXPECT_EQ(done.value(), pause_change::no_such_account);
                              done = co_await subject->resume("T12345678", {.uid = 0});
                              EXPECT_EQ(done.value(), pause_change::unchanged);
                              co_await subject->pause("T12345678", {.uid = 0});
                              done = co_await subject->pause("T12345678", {.uid = 0});
                              EXPECT_EQ(done.value(), pause_change::unchanged);
                          }}},
                        2s);
}

TEST_F(Engine, APausedAccountLooksNothingUpAndItsJobsExpireAllTheSame) {
    add("lost");
    provider.script("lost", {fate::cut});
    options.rules.max_age = 10h;
    linger = true;
    int lists = -1;
    drain_with_operator({{1s,
                          [&]() -> asio::awaitable<void> {
                              co_await subject->pause("T12345678", {.uid = 0});
                              lists = provider.lists;
                              add("late");
                          }}},
                        20h);
    EXPECT_EQ(provider.lists, lists);
    EXPECT_EQ(state_of("lost"), job_state::unknown);
    EXPECT_EQ(state_of("late"), job_state::expired);
}

TEST_F(Engine, AMassChangeIsToldInPortions) {
    options.accounts[0].window = time_window{3h, 4h, "UTC"};
    for (int i = 0; i < 300; ++i) {
        add("r" + std::to_string(i));
    }
    linger = true;
    std::size_t held = 0;
    drain_with_operator({{1min,
                          [&]() -> asio::awaitable<void> {
                              job_selection night;
                              night.batch = "night";
                              operated part;
                              do {
                                  auto copy = night;
                                  auto done = co_await subject->operate(
                                      operation::hold, std::move(copy), part.last, {.uid = 0});
                                  part = std::move(done.value());
                                  held += part.changed.size();
                              } while (!part.end);
                          }}},
                        2min);
    EXPECT_EQ(held, 300u);
    EXPECT_EQ(subject->status().of(job_state::held), 300u);
    EXPECT_EQ(log.count("operator"), 2u);
    EXPECT_EQ(reports["night"].tallies.at(0).state, job_state::held);
}

TEST_F(Engine, HigherPriorityGoesFirst) {
    options.accounts[0].in_flight_max = 1;
    for (int i = 0; i < 20; ++i) {
        new_job work;
        work.account = "T12345678";
        work.reference = "r" + std::to_string(i);
        work.batch = "night";
        work.priority = static_cast<std::int8_t>(i / 10);
        work.content.fill(static_cast<std::uint8_t>(i));
        work.request = R"({"case_request":{"organizationNumber":"923609016","referenceId":")" +
                       work.reference + "\"}}";
        work.not_before = time.wall_now() + 1h;
        incoming.add(std::move(work));
    }
    drain();
    ASSERT_EQ(provider.cases.size(), 20u);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(provider.cases[static_cast<std::size_t>(i)].reference.size(), 3u)
            << "r10 to r19 first";
    }
}

TEST_F(Engine, AResultWaitsForRoomInTheLedgerAndIntentsAreNotSent) {
    auto& disk = on_a_small_disk();
    provider.latency = 50ms;
    options.accounts[0].in_flight_max = 4;
    for (int i = 0; i < 100; ++i) {
        add("r" + std::to_string(i));
    }
    std::size_t sent_when_full = 0;
    drain_with({{200ms, [&] { disk.is_full = true; }},
                {1s, [&] { sent_when_full = provider.posts.size(); }},
                {60s, [&] {
                     EXPECT_EQ(provider.posts.size(), sent_when_full) << "nothing new is sent";
                     EXPECT_FALSE(subject->status().short_of_room.empty());
                     EXPECT_LT(disk.refused, 200) << "it tries too often";
                     disk.is_full = false;
                 }}});
    EXPECT_LT(sent_when_full, 50u);
    EXPECT_EQ(published.size(), 100u);
    for (const auto& [reference, count] : provider.posts) {
        EXPECT_EQ(count, 1) << reference;
    }
    EXPECT_EQ(provider.lists, 0);
    EXPECT_EQ(log.count("ledger_full"), 1u);
    EXPECT_EQ(log.count("ledger_has_room"), 1u);
    EXPECT_EQ(log.count("ledger_failed"), 0u);
    EXPECT_TRUE(subject->status().short_of_room.empty());
}

TEST_F(Engine, MissingOutcomesWaitForRoomInTheLedger) {
    auto& disk = on_a_small_disk();
    add("r1");
    drain();
    published.erase("r1");
    disk.is_full = true;
    add("r2");
    drain_with({{60s, [&] {
                     EXPECT_FALSE(published.contains("r1"));
                     EXPECT_FALSE(subject->status().outcomes_checked);
                     disk.is_full = false;
                 }}});
    EXPECT_EQ(published["r1"].state, job_state::created);
    EXPECT_EQ(published["r2"].state, job_state::created);
    EXPECT_TRUE(subject->status().outcomes_checked);
    EXPECT_EQ(log.count("outcomes_missing"), 1u);
}

TEST_F(Engine, TheStatusTellsOfEachAccountItsTokenLimitsAndStates) {
    options.accounts[0].requests_per_second_max = 5;
    provider.script("r2", {fate::refuse});
    add("r1");
    add("r2");
    const auto began = time.wall_now();
    linger = true;
    drain_with({{30s,
                 [&] {
                     const auto status = subject->status();
                     ASSERT_EQ(status.accounts.size(), 1u);
                     const auto& seen = status.accounts[0];
                     EXPECT_EQ(seen.id, "T12345678");
                     EXPECT_TRUE(seen.configured);
                     EXPECT_EQ(seen.of(job_state::created), 1u);
                     EXPECT_EQ(seen.of(job_state::rejected), 1u);
                     EXPECT_EQ(seen.of(job_state::queued), 0u);
                     ASSERT_TRUE(seen.token_obtained_at && seen.token_expires_at);
                     EXPECT_LT(*seen.token_obtained_at - began, 10s);
                     EXPECT_EQ(*seen.token_expires_at - *seen.token_obtained_at, 4h);
                     EXPECT_EQ(seen.limit, 64u);
                     EXPECT_EQ(seen.limit_max, 64u);
                     EXPECT_EQ(seen.in_flight, 0u);
                     EXPECT_EQ(seen.requests_per_second_max, 5);
                     EXPECT_EQ(seen.pause, account_pause::none);
                     EXPECT_FALSE(seen.paused_until);
                     EXPECT_TRUE(seen.window_open);
                     EXPECT_EQ(status.started_at, began);
                     EXPECT_FALSE(status.provider_failing);
                 }}},
               1min);
}

TEST_F(Engine, TheStatusTellsWhyAnAccountIsPausedAndUntilWhen) {
    provider.token_status = 401;
    options.accounts[0].window = time_window{3h, 4h, "UTC"};  // it is 01:00
    const auto midnight = std::chrono::floor<std::chrono::days>(time.wall_now());
    add("r1");
    const auto before = [&] {
        const auto seen = subject->status().accounts.at(0);
        EXPECT_FALSE(seen.window_open);
        EXPECT_EQ(seen.window_opens_at, wall_time(midnight + 3h));
        EXPECT_FALSE(seen.token_obtained_at) << "nothing was sent yet";
    };
    const auto within = [&] {
        const auto status = subject->status();
        const auto& seen = status.accounts.at(0);
        EXPECT_TRUE(seen.window_open);
        EXPECT_FALSE(seen.window_opens_at);
        EXPECT_EQ(seen.pause, account_pause::credential_refused);
        EXPECT_EQ(seen.limit, 1u) << "one probe at a time";
        ASSERT_TRUE(seen.paused_until);
        EXPECT_GT(*seen.paused_until, time.wall_now());
        EXPECT_LE(*seen.paused_until, time.wall_now() + 11min);
        EXPECT_EQ(status.paused, std::vector<std::string>{"T12345678: the credential is refused"});
        provider.token_status = 200;
    };
    drain_with({{1h, before}, {2h + 5min, within}});
    EXPECT_EQ(published["r1"].state, job_state::created);
}

TEST_F(Engine, TheStatusNamesJobsOfAnAccountThatNobodySends) {
    add("r1");
    drain();
    options.accounts[0].id = "T00000009";
    linger = true;
    drain_with({{1s,
                 [&] {
                     const auto status = subject->status();
                     ASSERT_EQ(status.accounts.size(), 2u);
                     EXPECT_EQ(status.accounts[0].id, "T00000009");
                     EXPECT_TRUE(status.accounts[0].configured);
                     EXPECT_EQ(status.accounts[1].id, "T12345678");
                     EXPECT_FALSE(status.accounts[1].configured);
                     EXPECT_EQ(status.accounts[1].of(job_state::created), 1u);
                 }}},
               1min);
}

std::uint64_t observed(const histogram& of) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i <= of.bounds().size(); ++i) {
        sum += of.count(i);
    }
    return sum;
}

TEST_F(Engine, MeasuresWhatItDoes) {
    provider.script("late", {fate::too_many, fate::good});
    provider.script("lost", {fate::created_then_cut});
    provider.script("unsent", {fate::not_sent, fate::good});
    provider.script("gone", {fate::cut, fate::good});
    for (const auto* reference : {"late", "lost", "unsent", "gone", "good"}) {
        add(reference);
    }
    drain();
    EXPECT_EQ(observed(measured.job_time), 5u);
    EXPECT_EQ(observed(measured.queue_wait), 5u) << "of the first attempt alone";
    EXPECT_EQ(observed(measured.token_time), 1u);
    EXPECT_GE(observed(measured.request_time), 5u);
    EXPECT_NEAR(measured.token_time.sum(), 0.05, 0.001) << "the fake's latency";
    const auto retries = [&](retry_reason why) {
        return measured.retries[static_cast<std::size_t>(why)].value();
    };
    EXPECT_EQ(retries(retry_reason::too_many), 1u);
    EXPECT_EQ(retries(retry_reason::no_connection), 1u);
    EXPECT_EQ(retries(retry_reason::proven_absence), 1u);
    const auto reconciled = [&](reconciliation result) {
        return measured.reconciled[static_cast<std::size_t>(result)].value();
    };
    EXPECT_EQ(reconciled(reconciliation::found), 1u);
    EXPECT_EQ(reconciled(reconciliation::absent), 1u);
}

TEST_F(Engine, NothingIsTakenInWhileADiskIsShortOfRoom) {
    bool is_short = true;
    find_shortages = [&](bool) -> asio::awaitable<std::vector<std::string>> {
        co_return std::vector<std::string>(is_short ? 1 : 0, "the disk of the outcomes is small");
    };
    add("r1");
    drain_with({{60s, [&] {
                     EXPECT_TRUE(incoming.all_verdicts.empty());
                     EXPECT_EQ(subject->status().short_of_room.size(), 1u);
                     EXPECT_FALSE(subject->status().intake_idle);
                     is_short = false;
                 }}});
    EXPECT_EQ(published["r1"].state, job_state::created);
    EXPECT_EQ(log.count("intake_waits"), 1u);
    EXPECT_EQ(log.count("intake_goes_on"), 1u);
}

TEST_F(Engine, OutcomesThatCannotBeWrittenStopTheIntakeAndNothingElse) {
    publishing_fails = true;
    for (int i = 0; i < 50; ++i) {
        add("r" + std::to_string(i));
    }
    new_job tomorrow;  // keeps the engine at work
    tomorrow.account = "T12345678";
    tomorrow.reference = "tomorrow";
    tomorrow.batch = "night";
    tomorrow.request = "{}";
    tomorrow.not_before = time.wall_now() + 24h;
    tomorrow.expires_at = time.wall_now() + 24h;
    incoming.add(std::move(tomorrow));
    const auto at_30s = [&] { add("later"); };
    const auto at_60s = [&] {
        EXPECT_EQ(provider.cases.size(), 50u) << "what was accepted goes on";
        EXPECT_EQ(incoming.all_verdicts.size(), 51u) << "nothing new is taken in";
        EXPECT_EQ(subject->status().short_of_room.size(), 1u);
        publishing_fails = false;
    };
    const auto at_120s = [&] { EXPECT_EQ(published.size(), 51u); };
    drain_with({{30s, at_30s}, {60s, at_60s}, {120s, at_120s}});
    EXPECT_EQ(log.count("outcome_not_written"), 1u);
    EXPECT_EQ(log.count("outcomes_written_again"), 1u);
}

TEST_F(Engine, AStopDoesNotWaitForRoomForEver) {
    auto& disk = on_a_small_disk();
    add("r1");
    drain_with({{80ms, [&] { disk.is_full = true; }}}, 1min);  // the request is on its way
    EXPECT_EQ(provider.posts["r1"], 1);
    EXPECT_LE(time.elapsed(), 2min);
    EXPECT_EQ(log.count("result_not_recorded"), 1u);
    EXPECT_EQ(state_of("r1"), job_state::submitting) << "the next start looks it up";
}

}  // namespace
}  // namespace onboardd
