// The ledger on SQLite: one connection on one thread. See commit_thread.hpp for how calls share
// commits, and sqlite_open.cpp for the start.

#include <optional>

#include "daemon/ledger/commit_thread.hpp"
#include "daemon/ledger/sqlite_open.hpp"
#include "daemon/ledger/sqlite_schema.hpp"
#include "daemon/ledger/sqlite_store.hpp"
#include "onboardd/ledger/ledger.hpp"

namespace onboardd {
namespace {

using sqlite::effect;
using sqlite::store;

class sqlite_ledger final : public ledger {
public:
    sqlite_ledger(asio::any_io_executor executor, clock& time, const sqlite_options& options);
    ~sqlite_ledger() override;

    asio::awaitable<result<std::vector<admission>>> accept(std::vector<new_job> jobs) override {
        const auto count = jobs.size();
        auto work = [jobs = std::move(jobs), now = time_.wall_now()](store& tables) {
            return tables.accept(jobs, now);
        };
        return thread_->call<std::vector<admission>>(effect{count, true}, std::move(work));
    }

    asio::awaitable<result<std::vector<claimed_job>>> claim(std::string account, work_kind kind,
                                                            std::size_t count_max,
                                                            wall_time now) override {
        auto work = [account = std::move(account), kind, count_max, now](store& tables) {
            return tables.claim(account, kind, count_max, now);
        };
        return thread_->call<std::vector<claimed_job>>(reads, std::move(work));
    }

    asio::awaitable<void> unclaim(std::vector<job_id> jobs) override {
        auto work = [jobs = std::move(jobs)](store& tables) {
            tables.unclaim(jobs);
            return result<void>();
        };
        // A failed ledger hands nothing out any more, so there is nothing to tell.
        (void)co_await thread_->call<void>(reads, std::move(work));
    }

    asio::awaitable<result<std::optional<wall_time>>> next_due(std::string account,
                                                               work_kind kind) override {
        auto work = [account = std::move(account), kind](store& tables) {
            return tables.next_due(account, kind);
        };
        return thread_->call<std::optional<wall_time>>(reads, std::move(work));
    }

    asio::awaitable<result<void>> record(job after, job_state from,
                                         std::string raw_answer) override {
        auto work = [after = std::move(after), from, raw_answer = std::move(raw_answer),
                     now = time_.wall_now()](store& tables) {
            return tables.record(after, from, raw_answer, now);
        };
        return thread_->call<void>(effect{1}, std::move(work));
    }

    asio::awaitable<result<operated>> operate(operation what, job_selection among, job_id after,
                                              std::size_t count_max, wall_time now,
                                              std::uint32_t uid) override {
        const auto rows = among.identities.empty() ? count_max : among.identities.size();
        auto work = [what, uid, among = std::move(among), after, count_max, now](store& tables) {
            return among.identities.empty()
                       ? tables.operate(what, uid, among, after, count_max, now)
                       : tables.operate(what, uid, among.identities, now);
        };
        return thread_->call<operated>(effect{rows}, std::move(work));
    }

    asio::awaitable<result<void>> set_pause(std::string account,
                                            std::optional<operator_pause> pause) override {
        auto work = [account = std::move(account), pause = std::move(pause)](store& tables) {
            tables.set_pause(account, pause);
            return result<void>();
        };
        return thread_->call<void>(effect{1}, std::move(work));
    }

    asio::awaitable<result<std::vector<operator_pause>>> pauses() override {
        auto work = [](store& tables) { return tables.pauses(); };
        return thread_->call<std::vector<operator_pause>>(reads, std::move(work));
    }

    asio::awaitable<result<std::vector<job>>> unpublished(std::size_t count_max) override {
        auto work = [count_max](store& tables) { return tables.unpublished(count_max); };
        return thread_->call<std::vector<job>>(reads, std::move(work));
    }

    asio::awaitable<result<void>> published(
        std::vector<std::pair<job_id, std::uint32_t>> outcomes) override {
        const auto count = outcomes.size();
        auto work = [outcomes = std::move(outcomes)](store& tables) {
            tables.published(outcomes);
            return result<void>();
        };
        return thread_->call<void>(effect{count}, std::move(work));
    }

    asio::awaitable<result<std::vector<published_outcome>>> published_outcomes(
        wall_time finished_after, job_id id_after, std::size_t count_max) override {
        auto work = [finished_after, id_after, count_max](store& tables) {
            return tables.published_outcomes(finished_after, id_after, count_max);
        };
        return thread_->call<std::vector<published_outcome>>(reads, std::move(work));
    }

    asio::awaitable<result<void>> publish_again(std::vector<job_id> jobs) override {
        const auto count = jobs.size();
        auto work = [jobs = std::move(jobs)](store& tables) {
            tables.publish_again(jobs);
            return result<void>();
        };
        return thread_->call<void>(effect{count}, std::move(work));
    }

    asio::awaitable<result<std::vector<witness>>> witnesses(std::string account, wall_time moment,
                                                            std::size_t count_max) override {
        auto work = [account = std::move(account), moment, count_max](store& tables) {
            return tables.witnesses(account, moment, count_max);
        };
        return thread_->call<std::vector<witness>>(reads, std::move(work));
    }

    asio::awaitable<result<std::vector<std::string>>> finished_batches(
        std::size_t count_max) override {
        auto work = [count_max](store& tables) { return tables.finished_batches(count_max); };
        return thread_->call<std::vector<std::string>>(reads, std::move(work));
    }

    asio::awaitable<result<batch_summary>> summary(std::string batch) override {
        auto work = [batch = std::move(batch)](store& tables) { return tables.summary(batch); };
        return thread_->call<batch_summary>(reads, std::move(work));
    }

    asio::awaitable<result<void>> reported(std::string batch) override {
        auto work = [batch = std::move(batch)](store& tables) {
            tables.reported(batch);
            return result<void>();
        };
        return thread_->call<void>(effect{1}, std::move(work));
    }

    asio::awaitable<result<std::vector<batch_summary>>> recent_batches(
        std::size_t count_max) override {
        auto work = [count_max](store& tables) { return tables.recent_batches(count_max); };
        return thread_->call<std::vector<batch_summary>>(reads, std::move(work));
    }

    asio::awaitable<result<batch_summary>> look_at_batch(std::string batch) override {
        auto work = [batch = std::move(batch)](store& tables) {
            return tables.look_at_batch(batch);
        };
        return thread_->call<batch_summary>(reads, std::move(work));
    }

    asio::awaitable<result<job_page>> jobs(job_id after, std::size_t count_max) override {
        auto work = [after, count_max](store& tables) { return tables.jobs(after, count_max); };
        return thread_->call<job_page>(reads, std::move(work));
    }

    asio::awaitable<result<std::vector<tally>>> totals() override {
        auto work = [](store& tables) { return tables.totals(); };
        return thread_->call<std::vector<tally>>(reads, std::move(work));
    }

    asio::awaitable<result<std::optional<job>>> find(std::string account,
                                                     std::string reference) override {
        auto work = [account = std::move(account), reference = std::move(reference)](
                        store& tables) { return tables.find(account, reference); };
        return thread_->call<std::optional<job>>(reads, std::move(work));
    }

    asio::awaitable<result<std::string>> answer_of(job_id id) override {
        auto work = [id](store& tables) { return tables.answer_of(id); };
        return thread_->call<std::string>(reads, std::move(work));
    }

    asio::awaitable<result<job_history>> history(job_id id) override {
        auto work = [id](store& tables) { return tables.history(id); };
        return thread_->call<job_history>(reads, std::move(work));
    }

    asio::awaitable<result<std::size_t>> erase_requests(wall_time before,
                                                        std::size_t count_max) override {
        auto work = [before, count_max](store& tables) {
            return tables.erase_requests(before, count_max);
        };
        return thread_->call<std::size_t>(effect{count_max}, std::move(work));
    }

    asio::awaitable<result<ledger_mark>> next_mark() override {
        auto work = [name = identity_](store& tables) {
            return ledger_mark{.ledger = name, .epoch = tables.next_epoch()};
        };
        return thread_->call<ledger_mark>(effect{1}, std::move(work));
    }

    ledger_counters counters() const override { return thread_->counters(); }
    bool failed() const override { return thread_->failed(); }
    bool full() const override { return thread_->full(); }
    asio::awaitable<result<void>> make_room() override { return thread_->make_room(); }
    std::string failure() const override { return thread_->failure_text(); }

private:
    static constexpr effect reads{0};

    clock& time_;
    sqlite::opened_file file_;
    sqlite::reserve spare_;
    store tables_;
    std::string identity_;
    std::optional<sqlite::commit_thread> thread_;
};

sqlite_ledger::sqlite_ledger(asio::any_io_executor executor, clock& time,
                             const sqlite_options& options)
    : time_(time),
      file_(sqlite::open_file(options)),
      spare_(options.file, options.reserve_bytes_max),
      tables_(file_.db) {
    tables_.begin(true);
    file_.db.run(sqlite::proof_schema);
    file_.db.run(sqlite::history_schema);
    tables_.doubt_submitting(time.wall_now(), options.send_window);
    tables_.forget_proofs();
    file_.db.run(sqlite::identity_schema);
    file_.db.run(sqlite::operator_schema);
    if (options.publish_all_again) {
        tables_.publish_all_again();
    }
    tables_.commit();
    identity_ = sqlite::identity(file_.db);
    spare_.keep_log_blocks();
    spare_.take();
    thread_.emplace(std::move(executor), tables_, spare_, options.commit_rows_max, options.seen);
}

sqlite_ledger::~sqlite_ledger() {
    const bool usable = !thread_->failed();
    thread_.reset();  // ends what waits
    if (!usable) {
        file_.db.leave_files_alone();
        return;
    }
    try {
        sqlite::note_orderly_end(file_.db);
    } catch (const sqlite::failure&) {
        // The next start checks and repairs.
        file_.db.leave_files_alone();
    }
}

}  // namespace

std::unique_ptr<ledger> open_sqlite_ledger(asio::any_io_executor executor, clock& time,
                                           const sqlite_options& options) {
    const auto start = [&] { return std::make_unique<sqlite_ledger>(executor, time, options); };
    try {
        try {
            return start();
        } catch (const no_room&) {
            if (!sqlite::reserve(options.file, options.reserve_bytes_max).release()) {
                throw;
            }
            return start();
        }
    } catch (const sqlite::failure& cause) {
        sqlite::refuse_for(options.file, cause);
    }
}

accepted_ledger accept_restored_ledger(clock& time, const sqlite_options& options) {
    auto unmarked = options;
    unmarked.mark.reset();
    try {
        auto file = sqlite::open_file(unmarked);
        accepted_ledger accepted;
        {
            store tables(file.db);
            tables.begin(true);
            file.db.run(sqlite::identity_schema);
            file.db.run(sqlite::operator_schema);
            file.db.run(sqlite::history_schema);
            tables.note_restored(time.wall_now());
            accepted.doubted = tables.doubt_all(time.wall_now());
            const auto seen = options.mark ? options.mark->epoch : 0;
            accepted.mark.epoch = tables.next_epoch(seen);
            tables.commit();
        }
        accepted.mark.ledger = sqlite::identity(file.db);
        sqlite::note_orderly_end(file.db);
        return accepted;
    } catch (const sqlite::failure& cause) {
        sqlite::refuse_for(options.file, cause);
    }
}

}  // namespace onboardd
