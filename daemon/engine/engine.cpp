#include "onboardd/engine/engine.hpp"

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <utility>

#include "daemon/engine/account.hpp"
#include "daemon/engine/intake.hpp"
#include "daemon/engine/publisher.hpp"
#include "daemon/engine/room.hpp"
#include "onboardd/base/task_group.hpp"

namespace onboardd {
namespace {

constexpr milliseconds erase_interval = std::chrono::minutes(10);
constexpr std::size_t erase_batch = 500;
constexpr std::size_t reports_at_once = 16;
constexpr std::size_t operate_changes_max = 256;  // jobs that an operator changes in one commit
constexpr milliseconds report_retry{5'000};       // after a failed write

}  // namespace

class engine::implementation {
public:
    implementation(const engine_parts& parts, engine_options options)
        : context_{parts,
                   parts.seen != nullptr ? *parts.seen : unseen_,
                   std::move(options),
                   breaker(options.breaking),
                   {},
                   {},
                   {},
                   nullptr,
                   nullptr,
                   {},
                   {},
                   {}},
          disks_(context_),
          publisher_(context_),
          intake_(context_),
          loops_(parts.executor),
          background_(parts.executor),
          publishing_(parts.executor),
          report_due_(parts.executor),
          stop_(parts.executor) {
        context_.outcomes = &publisher_;
        context_.disks = &disks_;
        context_.wake_accounts = [this] {
            for (auto& entry : accounts_) {
                entry.jobs_arrived();
                entry.wake();
            }
        };
        context_.batch_may_be_done = [this] { report_due_.set(); };
        context_.fail = [this](error_code ec) { fail(ec); };
        for (const auto& entry : context_.options.accounts) {
            accounts_.emplace_back(context_, entry);
        }
    }

    // The order matters: who feeds others ends first, so that nothing is left behind.
    asio::awaitable<void> run() {
        context_.status.started_at = context_.parts.time.wall_now();
        co_await load_totals();
        co_await load_pauses();
        co_await work();
    }

    // Nothing is awaited here before the tasks are joined: see task_group.
    asio::awaitable<void> work() {
        publishing_.spawn(publisher_.run());
        background_.spawn(context_.parts.client.run());
        background_.spawn(disks_.run());
        background_.spawn(report());
        background_.spawn(erase_old_requests());
        for (auto& entry : accounts_) {
            loops_.spawn(entry.run());
        }
        loops_.spawn(intake_.run());
        loops_.spawn(watch_for_stop());
        const auto failure = co_await end_of(loops_);
        publisher_.close();
        const auto unpublished = co_await end_of(publishing_);
        background_.cancel();
        const auto unfinished = co_await end_of(background_);
        for (const auto& each : {failure, unpublished, unfinished}) {
            if (each) {
                std::rethrow_exception(each);
            }
        }
        if (ledger_failure_) {
            throw std::runtime_error("the ledger failed: " + words_for(ledger_failure_));
        }
    }

    void stop() { stop_.set(); }

    engine_status status() const {
        auto view = context_.status;
        const auto& time = context_.parts.time;
        const auto& breaker = context_.provider_breaker;
        view.provider_failing = !breaker.closed();
        if (view.provider_failing && breaker.opens_at() != steady_time::max()) {
            view.provider_probe_at = wall_of(time, breaker.opens_at());
        }
        view.ledger_failure = ledger_failure_ ? words_for(ledger_failure_) : "";
        add_accounts(view);
        for (const auto& entry : view.accounts) {
            if (entry.pause != account_pause::none) {
                view.paused.push_back(entry.id + ": " + std::string(to_string(entry.pause)));
            }
        }
        return view;
    }

    asio::awaitable<result<operated>> operate(operation what, job_selection among, job_id after,
                                              operator_identity who) {
        auto& parts = context_.parts;
        auto copy = among;
        auto done = co_await parts.store.operate(what, std::move(copy), after, operate_changes_max,
                                                 parts.time.wall_now(), who.uid);
        if (!done) {
            context_.fail(done.error());
            co_return done.error();
        }
        for (const auto& one : done->changed) {
            follow(one);
        }
        publisher_.look_into_ledger();
        tell_operated(what, among, *done, who);
        co_return done;
    }

    asio::awaitable<result<pause_change>> set_pause(std::string id, bool paused,
                                                    operator_identity who) {
        auto* const found = account_of(id);
        if (found == nullptr) {
            co_return pause_change::no_such_account;
        }
        if (paused == found->status().paused_by.has_value()) {
            co_return pause_change::unchanged;
        }
        std::optional<operator_pause> pause;
        if (paused) {
            pause = operator_pause{id, context_.parts.time.wall_now(), who.uid};
        }
        auto copy = pause;
        const auto noted = co_await context_.parts.store.set_pause(id, std::move(copy));
        if (!noted) {
            context_.fail(noted.error());
            co_return noted.error();
        }
        found->set_operator_pause(std::move(pause));
        context_.parts.log.info("operator", paused ? "an account was paused" : "an account goes on",
                                {{"uid", std::to_string(who.uid)},
                                 {"command", paused ? "pause" : "resume"},
                                 {"account", id}});
        co_return pause_change::changed;
    }

    asio::awaitable<std::vector<batch_summary>> write_reports() {
        std::vector<batch_summary> written;
        auto owed = co_await context_.parts.store.finished_batches(reports_at_once);
        if (owed) {  // an earlier process may have ended before it wrote them
            context_.batches_moved.insert(owed->begin(), owed->end());
        }
        for (const auto& batch : context_.batches_moved) {
            if (auto summary = co_await report_batch(batch)) {
                written.push_back(std::move(*summary));
            }
        }
        co_return written;
    }

private:
    void add_accounts(engine_status& view) const {
        auto others = context_.by_account;
        for (const auto& entry : accounts_) {
            auto& added = view.accounts.emplace_back(entry.status());
            if (const auto counts = others.extract(added.id)) {
                added.by_state = counts.mapped();
            }
        }
        const auto configured = static_cast<std::ptrdiff_t>(view.accounts.size());
        for (auto& [id, counts] : others) {
            auto& added = view.accounts.emplace_back();
            added.id = id;
            added.configured = false;
            added.by_state = counts;
        }
        std::ranges::sort(view.accounts.begin() + configured, view.accounts.end(), {},
                          &account_status::id);
    }

    // Joins whatever happens, so that the next group is joined too: a stop that is cut short while
    // outcomes wait for the disk cancels one of the later joins.
    static asio::awaitable<std::exception_ptr> end_of(task_group& group) {
        try {
            co_await group.join();
        } catch (...) {
            co_return std::current_exception();
        }
        co_return nullptr;
    }

    asio::awaitable<void> load_totals() {
        const auto totals = co_await context_.parts.store.totals();
        if (!totals) {
            throw std::runtime_error("the ledger cannot be read: " + totals.error().message());
        }
        for (const auto& entry : *totals) {
            context_.count(entry.account, entry.state, entry.jobs);
        }
    }

    asio::awaitable<void> load_pauses() {
        auto pauses = co_await context_.parts.store.pauses();
        if (!pauses) {
            throw std::runtime_error("the ledger cannot be read: " + pauses.error().message());
        }
        for (auto& pause : *pauses) {
            if (auto* const found = account_of(pause.account)) {
                context_.parts.log.warning("operator_pause",
                                           "an operator has paused this account; its jobs wait",
                                           {{"account", pause.account},
                                            {"since", format_rfc3339(pause.since)},
                                            {"uid", std::to_string(pause.uid)}});
                found->set_operator_pause(std::move(pause));
            }
        }
    }

    account* account_of(const std::string& id) {
        const auto found = std::ranges::find(accounts_, id, &account::id);
        return found == accounts_.end() ? nullptr : &*found;
    }

    // The counts and the account follow what an operator has changed in the ledger.
    void follow(const operated_job& one) {
        context_.moved(one.after, one.from);
        if (auto* const owner = account_of(one.after.account)) {
            owner->expect(one.after);
        }
    }

    // A line for each job that was named; one for each portion of a mass change.
    void tell_operated(operation what, const job_selection& among, const operated& done,
                       operator_identity who) {
        auto& log = context_.parts.log;
        const auto uid = std::to_string(who.uid);
        const std::string command(to_string(what));
        if (among.identities.empty() && !done.changed.empty()) {
            log.info("operator", "an operator changed jobs",
                     {{"uid", uid},
                      {"command", command},
                      {"account", among.account},
                      {"batch", among.batch},
                      {"state", among.state ? std::string(to_string(*among.state)) : ""},
                      {"jobs", std::to_string(done.changed.size())}});
            return;
        }
        for (const auto& one : done.changed) {
            log.info("operator", "an operator changed a job",
                     {{"uid", uid},
                      {"command", command},
                      {"account", one.after.account},
                      {"job", one.after.reference},
                      {"from", std::string(to_string(one.from))},
                      {"to", std::string(to_string(one.after.state))}});
        }
    }

    asio::awaitable<void> watch_for_stop() {
        co_await stop_.wait();
        disks_.stop();
        intake_.stop();
        for (auto& entry : accounts_) {
            entry.stop();
        }
    }

    void fail(error_code ec) {
        if (ec == errc::ledger_full) {
            disks_.ledger_is_full();
        } else if (!ledger_failure_) {
            ledger_failure_ = ec;
            context_.parts.log.error(
                "ledger_failed",
                "the ledger failed; nothing more is sent. The next start repairs it",
                {{"reason", words_for(ec)}});
            stop();
        }
    }

    std::string words_for(error_code ec) const {
        const auto words = context_.parts.store.failure();
        return words.empty() ? ec.message() : words;
    }

    asio::awaitable<std::optional<batch_summary>> report_batch(std::string batch) {
        auto summary = co_await context_.parts.store.summary(batch);
        if (!summary) {
            co_return std::nullopt;
        }
        auto copy = *summary;
        const auto written = co_await context_.parts.outcomes.publish_report(std::move(copy));
        if (!written) {
            context_.parts.log.error("report_not_written", "a run report could not be written",
                                     {{"batch", batch}, {"reason", written.error().message()}});
            co_return std::nullopt;
        }
        if (const auto noted = co_await context_.parts.store.reported(batch); !noted) {
            context_.fail(noted.error());  // it is written once more
        }
        co_return std::move(*summary);
    }

    // Reports each batch a while after its last job has ended, so that a trickle of jobs costs no
    // report each.
    asio::awaitable<void> report() {
        report_due_.set();  // an earlier process may have left some
        for (;;) {
            co_await report_due_.wait();
            co_await context_.parts.time.wait_for(context_.options.report_delay);
            auto batches = co_await context_.parts.store.finished_batches(reports_at_once);
            if (!batches) {
                co_return;
            }
            bool all_written = true;
            for (const auto& batch : *batches) {
                const auto written = co_await report_batch(batch);
                all_written = all_written && written.has_value();
            }
            if (!all_written) {
                co_await context_.parts.time.wait_for(report_retry);
            }
            if (!all_written || batches->size() == reports_at_once) {
                report_due_.set();
            }
        }
    }

    // Personal data goes `keep_requests` after the final state.
    asio::awaitable<void> erase_old_requests() {
        for (;;) {
            const auto before = context_.parts.time.wall_now() - context_.options.keep_requests;
            const auto erased = co_await context_.parts.store.erase_requests(before, erase_batch);
            if (!erased && erased.error() != errc::ledger_full) {
                co_return;
            }
            if (!erased || *erased < erase_batch) {
                co_await context_.parts.time.wait_for(erase_interval);
            }
        }
    }

    measures unseen_;  // where nobody asked for them
    engine_context context_;
    room disks_;
    publisher publisher_;
    intake intake_;
    std::deque<account> accounts_;
    task_group loops_;
    task_group background_;
    task_group publishing_;
    wakeup report_due_;
    wakeup stop_;
    error_code ledger_failure_;
};

engine::engine(const engine_parts& parts, engine_options options)
    : self_(std::make_unique<implementation>(parts, std::move(options))) {}

engine::~engine() = default;

asio::awaitable<void> engine::run() {
    return self_->run();
}

void engine::stop() {
    self_->stop();
}

engine_status engine::status() const {
    return self_->status();
}

asio::awaitable<result<operated>> engine::operate(operation what, job_selection among, job_id after,
                                                  operator_identity who) {
    return self_->operate(what, std::move(among), after, who);
}

asio::awaitable<result<pause_change>> engine::pause(std::string account, operator_identity who) {
    return self_->set_pause(std::move(account), true, who);
}

asio::awaitable<result<pause_change>> engine::resume(std::string account, operator_identity who) {
    return self_->set_pause(std::move(account), false, who);
}

asio::awaitable<std::vector<batch_summary>> engine::write_reports() {
    return self_->write_reports();
}

}  // namespace onboardd
