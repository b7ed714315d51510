#include "daemon/engine/reconciler.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "onboardd/base/task_group.hpp"

namespace onboardd {
namespace {

constexpr milliseconds retry_after_failed_claim{1'000};
constexpr std::size_t jobs_max = 1'000;  // served by one reading
constexpr std::size_t witnesses_max = 64;
constexpr milliseconds gather_max{1'000};  // how long a wanted reading waits for others

list_reading no_reading(std::size_t jobs) {
    list_reading seen;
    seen.failure.emplace();
    seen.per_job.resize(jobs);
    seen.by_id.resize(jobs);
    return seen;
}

// In words; empty: nothing is wrong with it.
std::string failure_of(const list_reading& seen) {
    if (seen.failure) {
        const auto status = seen.failure->http_status;
        return status != 0 ? "HTTP status " + std::to_string(status) : seen.failure->ec.message();
    }
    if (!seen.sound) {
        return "it is not whole: an element is no case, or there is more that is not shown";
    }
    return seen.shows_ours ? "" : "it does not show the references that were sent";
}

}  // namespace

reconciler::reconciler(engine_context& context, const account_options& options,
                       token_keeper& keeper, gate& may_read, conclude_type conclude)
    : context_(context),
      options_(options),
      keeper_(keeper),
      gate_(may_read),
      conclude_(std::move(conclude)),
      wake_(context.parts.executor) {}

void reconciler::wake() {
    wake_.set();
}

void reconciler::expect(wall_time due_at) {
    const auto gather = std::min(gather_max, context_.options.rules.settle / 20);
    at_ = std::min(at_, steady_of(context_.parts.time, due_at) + gather);
    wake_.set();
}

void reconciler::expect_now() {
    at_ = steady_time::min();
    wake_.set();
}

void reconciler::serve_accepted_cases() {
    serves_accepted_cases_ = true;
    wake_.set();
}

asio::awaitable<void> reconciler::run() {
    auto& time = context_.parts.time;
    for (;;) {
        const auto at = std::max(at_, gate_.next_reading());
        if (at > time.now()) {
            co_await wake_.wait_until(time, std::min(at, time.now() + nap_max));
            continue;
        }
        at_ = steady_time::max();  // jobs that become unknown while we ask lower it again
        auto work = co_await claim();
        if (!work.empty()) {
            for (const auto& entry : work) {
                claimed_.push_back(entry.row.id);
            }
            co_await keeper_.get();
            co_await read_for(std::move(work));
            claimed_.clear();
        }
    }
}

// Every job that one reading can serve now; sets at_ where there is none.
asio::awaitable<std::vector<claimed_job>> reconciler::claim() {
    std::vector<claimed_job> work;
    for (const auto kind : {work_kind::look_up, work_kind::read}) {
        if (kind == work_kind::read && !serves_accepted_cases_) {
            continue;
        }
        auto& time = context_.parts.time;
        auto& store = context_.parts.store;
        auto claimed = co_await store.claim(options_.id, kind, jobs_max, time.wall_now());
        const auto due = co_await store.next_due(options_.id, kind);
        if (!claimed || !due) {
            at_ = time.now() + retry_after_failed_claim;
            context_.fail(claimed ? due.error() : claimed.error());
            co_return std::vector<claimed_job>();
        }
        if (*due) {
            expect(**due);
        }
        std::move(claimed->begin(), claimed->end(), std::back_inserter(work));
    }
    co_return work;
}

asio::awaitable<void> reconciler::read_for(std::vector<claimed_job> work) {
    auto& parts = context_.parts;
    const auto started = parts.time.now();
    auto since = parts.time.wall_now();
    for (const auto& entry : work) {
        since = std::min(since, entry.row.lost_at.value_or(since));
    }
    auto witnesses = co_await parts.store.witnesses(options_.id, since, witnesses_max);
    if (!witnesses) {
        context_.fail(witnesses.error());
        co_return;
    }
    auto seen = no_reading(work.size());
    if (const auto token = keeper_.current()) {
        seen = co_await read_case_list(context_, options_.id, *token, work, std::move(*witnesses));
        const auto failure = seen.failure.value_or(list_failure{200, {}, {}});
        gate_.react_to_reading(failure.http_status, failure.wait, token->generation, started);
        tell_missing(seen);
        tell_failure(seen);
    }
    std::vector<decision> decided;
    for (std::size_t i = 0; i < work.size(); ++i) {
        decided.push_back(after_reading(work[i].row, i, seen, started));
    }
    co_await conclude_all(std::move(work), std::move(decided));
}

// Together, so that they share commits.
asio::awaitable<void> reconciler::conclude_all(std::vector<claimed_job> work,
                                               std::vector<decision> decided) {
    task_group records(context_.parts.executor);
    for (std::size_t i = 0; i < work.size(); ++i) {
        const auto& row = work[i].row;
        records.spawn(conclude_(std::move(decided[i]), origin{row.state, row.revision}));
    }
    co_await records.join();
}

void reconciler::tell_missing(const list_reading& seen) {
    if (!seen.missing_case.empty()) {
        context_.parts.log.warning(
            "list_incomplete",
            "the provider's list does not show a case that it has opened for us; as long as that "
            "is so, nothing sent after it counts as absent",
            {{"account", options_.id}, {"case", seen.missing_case}});
    }
}

// Said once, and again when it is another one.
void reconciler::tell_failure(const list_reading& seen) {
    auto why = failure_of(seen);
    if (why == failure_) {
        return;
    }
    if (why.empty()) {
        context_.parts.log.info("list_read_again", "the provider's list of cases can be read again",
                                {{"account", options_.id}});
    } else {
        context_.parts.log.warning(
            "list_failed",
            "the provider's list of cases cannot be used; jobs whose answer was lost stay unknown "
            "meanwhile",
            {{"account", options_.id}, {"reason", why}});
    }
    failure_ = std::move(why);
}

// What a reading shows is as old as its beginning: a long list takes minutes.
decision reconciler::after_reading(const job& row, std::size_t index, list_reading& seen,
                                   steady_time began) {
    auto& parts = context_.parts;
    const auto& rules = context_.options.rules;
    const auto now = parts.time.wall_now();
    const bool watched = is_final(row.state) && row.lost_at;
    if (row.state != job_state::unknown && !watched) {
        return after_read(row, seen.by_id[index], rules, now, parts.random);
    }
    if (seen.failure && seen.per_job[index].sightings.empty()) {
        return after_failed_look_up(row, rules, now, parts.random);
    }
    auto& shown = seen.per_job[index];
    shown.age = std::chrono::ceil<milliseconds>(parts.time.now() - began);
    shown.clock_trusted_since = parts.time.wall_trusted_since();
    if (watched) {
        return after_watch(row, shown, rules, now);
    }
    return after_look_up(row, shown, rules, now, parts.random);
}

}  // namespace onboardd
