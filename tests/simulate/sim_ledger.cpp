#include "simulate/sim_ledger.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "simulate/sim_provider.hpp"

namespace onboardd::simulate {
namespace {

// A call that was handed to the ledger's thread is done, whether its caller is cancelled meanwhile
// or not.
template <class T>
asio::awaitable<T> beside(world& around, asio::awaitable<T> call) {
    return asio::co_spawn(
        around.loop, std::move(call),
        asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable));
}

template <class T>
asio::awaitable<result<T>> dead_end() {
    co_return errc::ledger_failed;
}

// Reads see what is there; a dead process sees nothing.
template <class T>
asio::awaitable<result<T>> reading(world& around, asio::awaitable<result<T>> call) {
    return around.dead() ? dead_end<T>() : beside(around, std::move(call));
}

}  // namespace

sim_ledger::sim_ledger(world& around, milliseconds send_window)
    : world_(around),
      send_window_(send_window),
      inner_(make_memory_ledger(around.loop.get_executor(), around.time)) {}

const new_job* sim_ledger::accepted(const std::string& identity) const {
    const auto found = accepted_.find(identity);
    return found == accepted_.end() ? nullptr : &found->second;
}

std::optional<steady_time> sim_ledger::intent_at(const std::string& identity) const {
    const auto found = intents_.find(identity);
    return found == intents_.end() ? std::nullopt : std::optional(found->second);
}

void sim_ledger::doubt(job& row, wall_time now) const {
    if (world_.plan.planted == mistake::forget_lost_answer) {
        row.state = job_state::queued;
        row.lost_at.reset();
    } else {
        row.state = job_state::unknown;
        row.lost_at = std::min(now, row.submitted_at.value_or(now) + send_window_);
    }
    row.due_at = now;
}

asio::awaitable<void> sim_ledger::restart(bool in_order) {
    if (in_order) {
        co_await apply_published();
    }
    noted_.clear();
    next_.reset();
    failed_ = false;
    full_seen_ = false;
    std::vector<job_id> all;
    for (const auto& [identity, row] : rows_) {
        all.push_back(row.id);
    }
    co_await inner_->unclaim(std::move(all));
    const auto now = world_.time.wall_now();
    for (auto& [identity, row] : rows_) {
        if (row.state != job_state::submitting && !row.absent_since) {
            continue;
        }
        auto after = row;
        after.absent_since.reset();
        if (row.state == job_state::submitting) {
            doubt(after, now);
        }
        auto copy = after;
        co_await inner_->record(std::move(copy), row.state);
        row = std::move(after);
    }
}

// Waits for the commit that takes the caller's write. Returns whether the write is on the disk;
// `reported_good` is what its caller is told.
asio::awaitable<bool> sim_ledger::commit_turn(bool& reported_good) {
    reported_good = false;
    if (failed_ || world_.dead() || no_room()) {
        co_return false;
    }
    if (!next_ || next_->at <= world_.now()) {
        next_ = std::make_shared<commit>();
        next_->at = world_.now() + world_.time_between(0ms, world_.plan.commit_time_max);
        next_->fails = world_.fault(world_.plan.commit_failure);
        next_->lands = world_.number(0, 1) == 1;
    }
    const auto mine = next_;
    const auto left = std::chrono::duration_cast<milliseconds>(mine->at - world_.now());
    co_await world_.work_for(left);
    if (world_.dead() || failed_) {
        co_return mine->lands && (!failed_ || mine->fails);
    }
    if (mine->fails) {
        failed_ = true;
        world_.note("commit_failed", {}, mine->lands ? 1 : 0);
        co_return mine->lands;
    }
    reported_good = true;
    co_return true;
}

// A full disk decides a commit: nothing was written, and it may be tried again.
bool sim_ledger::no_room() {
    const bool full = world_.now() < full_until_ && !world_.calm();
    full_seen_ = full_seen_ || full;
    return full;
}

error_code sim_ledger::refusal() const {
    return full_seen_ && !failed_ && !world_.dead() ? errc::ledger_full : errc::ledger_failed;
}

asio::awaitable<result<void>> sim_ledger::make_room() {
    if (failed_ || world_.dead()) {
        co_return errc::ledger_failed;
    }
    if (no_room()) {
        co_return errc::ledger_full;
    }
    full_seen_ = false;
    co_return result<void>();
}

asio::awaitable<void> sim_ledger::apply_published() {
    auto noted = std::exchange(noted_, {});
    co_await inner_->published(std::move(noted));
}

asio::awaitable<result<std::vector<admission>>> sim_ledger::do_accept(std::vector<new_job> jobs) {
    bool good = false;
    if (!co_await commit_turn(good)) {
        co_return refusal();
    }
    auto copies = jobs;
    auto verdicts = co_await inner_->accept(std::move(copies));
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if ((*verdicts)[i] == admission::accepted) {
            auto identity = identity_of(jobs[i].account, jobs[i].reference);
            auto row = co_await inner_->find(jobs[i].account, jobs[i].reference);
            world_.note("accepted", identity);
            rows_[identity] = std::move(**row);
            accepted_[identity] = jobs[i];
        }
    }
    if (!good) {
        co_return errc::ledger_failed;
    }
    co_return verdicts;
}

asio::awaitable<result<std::vector<admission>>> sim_ledger::accept(std::vector<new_job> jobs) {
    return beside(world_, do_accept(std::move(jobs)));
}

asio::awaitable<result<void>> sim_ledger::do_record(job after, job_state from,
                                                    std::string raw_answer) {
    bool good = false;
    if (!co_await commit_turn(good)) {
        co_return refusal();
    }
    if (!noted_.empty()) {
        co_await apply_published();
    }
    const auto identity = identity_of(after.account, after.reference);
    auto copy = after;
    const auto done = co_await inner_->record(std::move(copy), from, std::move(raw_answer));
    if (done) {
        world_.note(to_string(after.state), identity, after.attempts);
        if (after.state == job_state::submitting) {
            intents_[identity] = world_.now();
        }
        const auto before = std::exchange(rows_[identity], after);
        on_record(before, after);
    }
    co_return good ? done : result<void>(errc::ledger_failed);
}

// The mistake of writing the intent down only when the request is on its way.
void sim_ledger::record_later(job after, job_state from) {
    world_.after(1s, [this, after = std::move(after), from] {
        asio::co_spawn(world_.loop, do_record(after, from, {}),
                       [](const std::exception_ptr&, const result<void>&) {});
    });
}

asio::awaitable<result<void>> sim_ledger::record(job after, job_state from,
                                                 std::string raw_answer) {
    if (after.state == job_state::submitting && world_.plan.planted == mistake::intent_after_send) {
        record_later(std::move(after), from);
        co_return result<void>();
    }
    auto call = do_record(std::move(after), from, std::move(raw_answer));
    co_return co_await beside(world_, std::move(call));
}

asio::awaitable<result<std::vector<claimed_job>>> sim_ledger::claim(std::string account,
                                                                    work_kind kind,
                                                                    std::size_t count_max,
                                                                    wall_time now) {
    return reading(world_, inner_->claim(std::move(account), kind, count_max, now));
}

asio::awaitable<void> sim_ledger::unclaim(std::vector<job_id> jobs) {
    return inner_->unclaim(std::move(jobs));
}

asio::awaitable<result<std::optional<wall_time>>> sim_ledger::next_due(std::string account,
                                                                       work_kind kind) {
    return reading(world_, inner_->next_due(std::move(account), kind));
}

asio::awaitable<result<operated>> sim_ledger::do_operate(operation what, job_selection among,
                                                         job_id after, std::size_t count_max,
                                                         wall_time now, std::uint32_t uid) {
    bool good = false;
    if (!co_await commit_turn(good)) {
        co_return refusal();
    }
    auto done = co_await inner_->operate(what, std::move(among), after, count_max, now, uid);
    for (const auto& one : done->changed) {
        const auto identity = identity_of(one.after.account, one.after.reference);
        world_.note(to_string(one.after.state), identity, one.after.attempts);
        const auto before = std::exchange(rows_[identity], one.after);
        on_operated(before, one.after);
    }
    if (!good) {
        co_return errc::ledger_failed;
    }
    co_return done;
}

asio::awaitable<result<operated>> sim_ledger::operate(operation what, job_selection among,
                                                      job_id after, std::size_t count_max,
                                                      wall_time now, std::uint32_t uid) {
    return beside(world_, do_operate(what, std::move(among), after, count_max, now, uid));
}

asio::awaitable<result<void>> sim_ledger::set_pause(std::string account,
                                                    std::optional<operator_pause> pause) {
    return reading(world_, inner_->set_pause(std::move(account), std::move(pause)));
}

asio::awaitable<result<std::vector<operator_pause>>> sim_ledger::pauses() {
    return reading(world_, inner_->pauses());
}

asio::awaitable<result<std::vector<job>>> sim_ledger::unpublished(std::size_t count_max) {
    if (!world_.dead() && !noted_.empty()) {
        co_await beside(world_, apply_published());
    }
    co_return co_await reading(world_, inner_->unpublished(count_max));
}

asio::awaitable<result<void>> sim_ledger::published(
    std::vector<std::pair<job_id, std::uint32_t>> outcomes) {
    if (failed_ || world_.dead()) {
        co_return errc::ledger_failed;
    }
    std::move(outcomes.begin(), outcomes.end(), std::back_inserter(noted_));
    co_return result<void>();
}

asio::awaitable<result<std::vector<published_outcome>>> sim_ledger::published_outcomes(
    wall_time finished_after, job_id id_after, std::size_t count_max) {
    return reading(world_, inner_->published_outcomes(finished_after, id_after, count_max));
}

asio::awaitable<result<void>> sim_ledger::publish_again(std::vector<job_id> jobs) {
    return reading(world_, inner_->publish_again(std::move(jobs)));
}

asio::awaitable<result<std::vector<witness>>> sim_ledger::witnesses(std::string account,
                                                                    wall_time moment,
                                                                    std::size_t count_max) {
    return reading(world_, inner_->witnesses(std::move(account), moment, count_max));
}

asio::awaitable<result<std::vector<std::string>>> sim_ledger::finished_batches(
    std::size_t count_max) {
    return reading(world_, inner_->finished_batches(count_max));
}

asio::awaitable<result<batch_summary>> sim_ledger::summary(std::string batch) {
    return reading(world_, inner_->summary(std::move(batch)));
}

asio::awaitable<result<void>> sim_ledger::reported(std::string batch) {
    return reading(world_, inner_->reported(std::move(batch)));
}

asio::awaitable<result<std::vector<tally>>> sim_ledger::totals() {
    return reading(world_, inner_->totals());
}

asio::awaitable<result<std::optional<job>>> sim_ledger::find(std::string account,
                                                             std::string reference) {
    return reading(world_, inner_->find(std::move(account), std::move(reference)));
}

asio::awaitable<result<std::string>> sim_ledger::answer_of(job_id id) {
    return reading(world_, inner_->answer_of(id));
}

asio::awaitable<result<job_history>> sim_ledger::history(job_id id) {
    return reading(world_, inner_->history(id));
}

asio::awaitable<result<std::size_t>> sim_ledger::erase_requests(wall_time before,
                                                                std::size_t count_max) {
    return reading(world_, inner_->erase_requests(before, count_max));
}

}  // namespace onboardd::simulate
