#include "daemon/engine/account.hpp"

#include <algorithm>
#include <utility>

#include "daemon/engine/publisher.hpp"
#include "daemon/engine/record.hpp"
#include "daemon/engine/room.hpp"
#include "onboardd/base/until.hpp"
#include "onboardd/policy/retry.hpp"

namespace onboardd {
namespace {

// Jobs that wait for the ledger or an outcome, for each slot.
constexpr std::uint32_t unfinished_per_slot = 4;

token_options keeper_options(engine_context& context, const account_options& options) {
    token_options keeper;
    keeper.account = options.id;
    keeper.make_request = options.make_token_request;
    keeper.request_time_max = context.options.request_time_max;
    keeper.seen = &context.seen;
    return keeper;
}

}  // namespace

account::account(engine_context& context, account_options options)
    : context_(context),
      options_(std::move(options)),
      keeper_(context.parts.executor, context.parts.time, context.parts.client, context.parts.log,
              context.parts.random, keeper_options(context, options_)),
      gate_(context, options_, keeper_),
      reconciler_(
          context, options_, keeper_, gate_,
          [this](decision next, origin before) { return conclude(std::move(next), before, {}); }),
      budget_(context.options.retry_budget_percent),
      loops_(context.parts.executor),
      jobs_(context.parts.executor, [this] { loops_.cancel(); }),
      wake_(context.parts.executor),
      stop_(context.parts.executor) {}

asio::awaitable<void> account::run() {
    loops_.spawn(keeper_.run());
    loops_.spawn(dispatch());
    loops_.spawn(reconciler_.run());
    loops_.spawn(watch_for_stop());
    co_await join_in_order(loops_, jobs_);
    co_await give_back_claims();
}

asio::awaitable<void> account::give_back_claims() {
    auto ids = reconciler_.take_claims();
    for (auto* from : {&submit_, &read_}) {
        for (const auto& work : from->ready) {
            ids.push_back(work.row.id);
        }
        from->ready.clear();
    }
    co_await context_.parts.store.unclaim(std::move(ids));
}

void account::stop() {
    stop_.set();
}

asio::awaitable<void> account::watch_for_stop() {
    co_await stop_.wait();
    stopping_ = true;
    loops_.cancel();  // what they had claimed is simply still due at the next start
}

void account::wake() {
    wake_.set();
    reconciler_.wake();
}

void account::jobs_arrived() {
    submit_.ask_at = steady_time::min();
    wake_.set();
}

void account::set_operator_pause(std::optional<operator_pause> pause) {
    gate_.set_operator_pause(std::move(pause));
    wake();
}

account_status account::status() const {
    const auto& time = context_.parts.time;
    account_status view;
    view.id = options_.id;
    const auto token = keeper_.times();
    if (token.obtained_at) {
        view.token_obtained_at = wall_of(time, *token.obtained_at);
        view.token_expires_at = wall_of(time, *token.expires_at);
    }
    view.token_failure = token.failure;
    if (!token.failure.empty()) {
        view.token_next_try_at = wall_of(time, token.next_fetch_at);
    }
    view.in_flight = in_flight_;
    gate_.describe(view);
    return view;
}

// A place among the requests in flight, given back when the answer is there; and among the jobs
// that are not finished, given back with this object.
class account::slot {
public:
    explicit slot(account& owner) : owner_(&owner) {
        ++owner_->in_flight_;
        ++owner_->unfinished_;
        ++owner_->context_.status.in_flight;
    }
    slot(slot&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), in_flight_(other.in_flight_) {}
    slot& operator=(slot&&) = delete;
    ~slot() {
        if (owner_ != nullptr) {
            answered();
            --owner_->unfinished_;
            owner_->wake_.set();
        }
    }

    void answered() {
        if (std::exchange(in_flight_, false)) {
            --owner_->in_flight_;
            --owner_->context_.status.in_flight;
            owner_->wake_.set();
        }
    }

private:
    account* owner_;
    bool in_flight_ = true;
};

// ---- starting jobs

asio::awaitable<void> account::dispatch() {
    auto& time = context_.parts.time;
    for (;;) {
        if (context_.disks->ledger_full()) {
            co_await wake_.wait();  // there is room again, most likely
            continue;
        }
        const bool to_submit = co_await refill(submit_);
        bool to_read = false;
        if (!reconciler_.serves_accepted_cases()) {  // GCC 12 miscompiles co_await behind &&
            to_read = co_await refill(read_);
        } else if (!read_.ready.empty()) {
            co_await hand_reads_over();
        }
        if (!to_submit && !to_read) {
            const auto at = reconciler_.serves_accepted_cases()
                                ? submit_.ask_at
                                : std::min(submit_.ask_at, read_.ask_at);
            co_await wake_.wait_until(time, std::min(at, time.now() + nap_max));
        } else if (in_flight_ >= gate_.in_flight_limit() ||
                   unfinished_ >= unfinished_per_slot * options_.in_flight_max) {
            co_await wake_.wait();
        } else if (const auto at = gate_.next_start(); at > time.now()) {
            co_await wake_.wait_until(time, std::min(at, expire_ready()));
        } else if (!keeper_.current()) {
            co_await until(time, expire_ready(), keeper_.get());
        } else if (auto* from = choose();
                   from != nullptr && context_.provider_breaker.try_pass(time.now())) {
            gate_.started();
            jobs_.spawn(step(pick(*from), from->kind, slot(*this)));
        }
    }
}

// While submission is held back, jobs at the head of the line whose time has passed end all the
// same. Returns when the next one does, or when it is time to look again.
steady_time account::expire_ready() {
    const auto now = context_.parts.time.wall_now();
    auto next = now + nap_max;
    for (auto work = submit_.ready.begin(); work != submit_.ready.end();) {
        const auto expiry = expiry_of(work->row, context_.options.rules);
        if (expiry <= now) {
            jobs_.spawn(step(std::move(*work), work_kind::submit, slot(*this)));
            work = submit_.ready.erase(work);
        } else {
            next = std::min(next, expiry);
            ++work;
        }
    }
    return steady_of(context_.parts.time, next);
}

// Whether `from` has a job ready, after asking the ledger if that is worth it.
asio::awaitable<bool> account::refill(lane& from) {
    auto& time = context_.parts.time;
    if (!from.ready.empty() || time.now() < from.ask_at) {
        co_return !from.ready.empty();
    }
    from.ask_at = steady_time::max();  // jobs that arrive while we ask lower it again
    auto claimed = co_await context_.parts.store.claim(options_.id, from.kind,
                                                       context_.options.claim_max, time.wall_now());
    if (!claimed) {
        from.ask_at = steady_time::min();
        context_.fail(claimed.error());
        co_return false;
    }
    if (claimed->size() == context_.options.claim_max) {
        from.ask_at = steady_time::min();
    } else {
        auto due = co_await context_.parts.store.next_due(options_.id, from.kind);
        if (due && *due) {
            from.ask_at = std::min(from.ask_at, steady_of(context_.parts.time, **due));
        }
    }
    std::move(claimed->begin(), claimed->end(), std::back_inserter(from.ready));
    co_return !from.ready.empty();
}

// Both lanes in turn, so that neither starves the other.
account::lane* account::choose() {
    lane* first = read_last_ ? &submit_ : &read_;
    lane* second = read_last_ ? &read_ : &submit_;
    lane* chosen = !first->ready.empty() ? first : !second->ready.empty() ? second : nullptr;
    read_last_ = chosen == &read_;
    return chosen;
}

// The first job in line; a retry beyond the budget lets a first attempt pass.
claimed_job account::pick(lane& from) {
    auto chosen = from.ready.begin();
    if (from.kind == work_kind::submit && chosen->row.attempts > 0 && !budget_.allows_retry()) {
        const auto fresh = std::ranges::find_if(
            from.ready, [](const auto& work) { return work.row.attempts == 0; });
        chosen = fresh == from.ready.end() ? chosen : fresh;
    }
    auto work = std::move(*chosen);
    from.ready.erase(chosen);
    return work;
}

// ---- the steps of a job

asio::awaitable<void> account::step(claimed_job work, work_kind kind, slot held) {
    if (kind == work_kind::submit) {
        co_await submit(work, held);
    } else {
        co_await read_again(work, held);
    }
}

asio::awaitable<void> account::submit(claimed_job& work, slot& held) {
    auto& parts = context_.parts;
    auto ended = expire_if_late(work.row, context_.options.rules, parts.time.wall_now());
    if (!ended && work.request.empty()) {
        ended = end_without_request(work.row, parts.time.wall_now());
    }
    if (ended) {
        context_.provider_breaker.withdrawn();
        decision next{.after = std::move(*ended)};
        const origin before{work.row.state, work.row.revision};
        co_await conclude(std::move(next), before, {});
        co_return;
    }
    const auto started = parts.time.now();
    auto line = co_await parts.client.connect();
    const auto token = keeper_.current();
    if (!line) {
        auto next = after_no_connection(work.row, line.error(), context_.options.rules,
                                        parts.time.wall_now(), parts.random);
        gate_.failed();
        const origin before{work.row.state, work.row.revision};
        co_await conclude(std::move(next), before, {});
        co_return;
    }
    if (!token || stopping_) {
        co_await give_back(work.row.id);
        co_return;
    }
    const auto& rules = context_.options.rules;
    if (proof_is_stale(work.row, rules, parts.time.wall_trusted_since(), parts.time.wall_now())) {
        context_.provider_breaker.withdrawn();
        decision next{.after = look_again(work.row, parts.time.wall_now())};
        const origin before{work.row.state, work.row.revision};
        co_await conclude(std::move(next), before, {});
        co_return;
    }
    const auto send_deadline = parts.time.boot_now() + context_.options.send_window;
    const auto intent = begin_attempt(work.row, parts.time.wall_now());
    if (!co_await record(context_, intent, work.row.state, {})) {
        co_await give_back(work.row.id);  // nothing was sent
        co_return;
    }
    work.row.attempts == 0 ? budget_.first_attempt() : budget_.retry();
    auto message = create_case_request(context_.options.provider, options_.id,
                                       token->value->reveal(), std::move(work.request));
    http::exchange_options exchange;
    exchange.time_max = context_.options.request_time_max;
    exchange.body_bytes_max = context_.options.response_bytes_max;
    exchange.send_deadline = send_deadline;
    const auto sent_at = parts.time.now();
    auto answer = co_await (*line)->send(std::move(message), std::move(exchange));
    if (answer) {
        context_.seen.request_time.observe(parts.time.now() - sent_at);
    }
    line->reset();
    held.answered();
    const auto now = parts.time.wall_now();
    auto next =
        answer ? after_answer(intent, *answer, context_.options.rules, now, parts.random,
                              &work.fingerprint)
               : after_failure(intent, answer.error(), context_.options.rules, now, parts.random);
    if (!next.after.the_case.id.empty() &&
        !cases_.is_of(next.after.the_case.id, next.after.reference)) {
        next = after_answer_of_another(intent, context_.options.rules, now, parts.random);
    }
    gate_.react(next.signal, next.wait, token->generation, started);
    auto kept = answer && next.keep_answer ? std::move(answer->body) : std::string();
    const origin before{job_state::submitting, work.row.revision};
    co_await conclude(std::move(next), before, std::move(kept));
}

asio::awaitable<void> account::read_again(claimed_job& work, slot& held) {
    auto& parts = context_.parts;
    const auto token = keeper_.current();
    if (!token || stopping_ || reconciler_.serves_accepted_cases()) {
        co_await give_back(work.row.id);
        co_return;
    }
    const auto started = parts.time.now();
    auto message = read_case_request(context_.options.provider, options_.id, token->value->reveal(),
                                     work.row.the_case.id);
    http::exchange_options exchange;
    exchange.time_max = context_.options.request_time_max;
    exchange.body_bytes_max = context_.options.response_bytes_max;
    auto answer = co_await parts.client.send(std::move(message), std::move(exchange));
    held.answered();
    context_.provider_breaker.withdrawn();
    const auto wait =
        answer ? wait_asked_for(answer->retry_after, parts.time.wall_now()) : milliseconds(0);
    gate_.react_to_reading(answer ? answer->status : 0, wait, token->generation, started);
    const bool good = answer && answer->status == 200;
    read_one_works_ = read_one_works_ || good;
    if (answer && answer->status == 404 && !read_one_works_) {
        reconciler_.serve_accepted_cases();
    }
    const auto found = good ? parse_case(answer->body) : std::nullopt;
    auto next =
        after_read(work.row, found, context_.options.rules, parts.time.wall_now(), parts.random);
    auto kept = next.keep_answer ? std::move(answer->body) : std::string();
    const origin before{work.row.state, work.row.revision};
    co_await conclude(std::move(next), before, std::move(kept));
}

// ---- recording and reacting

asio::awaitable<void> account::conclude(decision next, origin before, std::string answer) {
    const bool publish = next.after.revision > before.revision;
    if (!co_await record(context_, next.after, before.state, std::move(answer))) {
        co_await let_go(next.after.id);
        co_return;
    }
    expect(next.after);
    if (publish) {
        co_await context_.outcomes->push(std::move(next.after));
    }
}

// What was claimed to be read one by one is served by the list instead.
asio::awaitable<void> account::hand_reads_over() {
    std::vector<job_id> ids;
    for (const auto& work : read_.ready) {
        ids.push_back(work.row.id);
    }
    read_.ready.clear();
    co_await context_.parts.store.unclaim(std::move(ids));
    reconciler_.expect_now();
}

asio::awaitable<void> account::give_back(job_id id) {
    context_.provider_breaker.withdrawn();
    return let_go(id);
}

asio::awaitable<void> account::let_go(job_id id) {
    std::vector<job_id> ids(1, id);
    co_await context_.parts.store.unclaim(std::move(ids));
    submit_.ask_at = read_.ask_at = steady_time::min();
    wake_.set();
    reconciler_.expect_now();
}

// The ledger will have something for us when this row is due.
void account::expect(const job& row) {
    const auto at = steady_of(context_.parts.time, row.due_at);
    switch (work_of(row)) {
        case work_kind::submit:
            submit_.ask_at = std::min(submit_.ask_at, at);
            wake_.set();
            break;
        case work_kind::read:
            if (reconciler_.serves_accepted_cases()) {
                reconciler_.expect(row.due_at);
            } else {
                read_.ask_at = std::min(read_.ask_at, at);
                wake_.set();
            }
            break;
        case work_kind::look_up:
            reconciler_.expect(row.due_at);
            break;
        case work_kind::none:
            break;
    }
}

}  // namespace onboardd
