#include "daemon/app/app.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <iostream>
#include <utility>

#include "daemon/app/look_out.hpp"
#include "daemon/app/progress.hpp"
#include "daemon/app/wiring.hpp"
#include "onboardd/admin/control.hpp"
#include "onboardd/admin/pages.hpp"
#include "onboardd/admin/reading.hpp"
#include "onboardd/admin/server.hpp"
#include "onboardd/base/blocking.hpp"
#include "onboardd/base/task_group.hpp"
#include "onboardd/base/until.hpp"
#include "onboardd/outcome/outcome.hpp"
#include "onboardd/systemd/notify.hpp"

namespace onboardd {
namespace {

// For files alone; they wait for the disk most of the time. All lanes of the publisher may, and the
// spool goes on meanwhile.
constexpr std::size_t file_threads = 20;
constexpr milliseconds stop_grace{20'000};  // for requests in flight, after SIGTERM
constexpr milliseconds status_interval{5'000};
constexpr milliseconds mark_interval{10'000};
constexpr milliseconds drain_look_interval{50};

outcome_sink make_sink(outcome_writer& writer, asio::thread_pool& files) {
    outcome_sink sink;
    sink.publish = [&](std::vector<job> rows) -> asio::awaitable<std::vector<result<void>>> {
        co_return co_await blocking(files, [&] { return writer.publish(rows); });
    };
    sink.publish_report = [&](batch_summary summary) -> asio::awaitable<result<void>> {
        co_return co_await blocking(files, [&] { return writer.publish_report(summary); });
    };
    sink.missing =
        [&](std::vector<published_outcome> known) -> asio::awaitable<std::vector<job_id>> {
        co_return co_await blocking(files, [&] { return writer.missing(known); });
    };
    return sink;
}

shortage_finder make_shortage_finder(const config& settings, asio::thread_pool& files) {
    return [&](bool was_short) -> asio::awaitable<std::vector<std::string>> {
        co_return co_await blocking(files, [&] { return find_shortages(settings, was_short); });
    };
}

sqlite_options measured_options_of(sqlite_options options, measures& seen) {
    options.seen = &seen;
    return options;
}

http::client_options measured_options_of(http::client_options options, measures& seen) {
    options.seen = &seen;
    return options;
}

// How one run ended: with an exit code, or with a new configuration to go on with.
struct run_result {
    int code = exit_done;
    std::optional<config> reloaded;
    earlier_runs runs;  // for the next one
};

// One run: everything between a start (or a reload) and its end. Members are in dependency order.
class daemon_run {
public:
    daemon_run(asio::io_context& loop, asio::signal_set& signals, const config& settings,
               const command_line& options, const std::function<std::optional<config>()>& reread,
               earlier_runs before)
        : loop_(loop),
          signals_(signals),
          options_(options),
          reread_(reread),
          files_(file_threads),
          log_(make_logger(settings.log.level, settings.log.format)),
          time_(make_system_clock()),
          random_(std::random_device{}()),
          outcomes_(settings.outcomes.directory),
          writer_(outcomes_),
          spool_(open_spool(loop_.get_executor(), files_, *time_, *log_,
                            make_job_reader(settings.accounts, settings.checks),
                            spool_options_of(settings))),
          store_(open_sqlite_ledger(loop_.get_executor(), *time_,
                                    measured_options_of(marked_options_of(settings), seen_))),
          client_(http::make_client(loop_.get_executor(), *time_, *log_,
                                    measured_options_of(client_options_of(settings), seen_))),
          engine_({loop_.get_executor(), *time_, *log_, random_, *store_, *client_, *spool_,
                   make_sink(writer_, files_), make_shortage_finder(settings, files_), &seen_},
                  engine_options_of(settings)),
          look_out_(settings, engine_, *store_, seen_, *time_, files_, std::move(before)),
          window_(
              admin::open_server(loop_.get_executor(), *time_, *log_, admin_options_of(settings))),
          work_(loop_.get_executor()),
          helpers_(loop_.get_executor(), [this] { engine_.stop(); }) {
        admin::add_pages(*window_, look_out_.view());
        admin::add_controls(*window_, make_controls());
        admin::add_reading(*window_, *store_);
    }

    run_result run() {
        std::exception_ptr failure;
        asio::co_spawn(loop_, supervise(),
                       [&failure](std::exception_ptr ended) { failure = std::move(ended); });
        loop_.restart();
        loop_.run();
        collect_late_signals();
        if (failure) {
            std::rethrow_exception(failure);
        }
        result_.runs = look_out_.all_runs();
        return std::move(result_);
    }

private:
    admin::controls make_controls() {
        admin::controls hands;
        hands.operate = [this](operation what, job_selection among, job_id after,
                               operator_identity who) {
            return engine_.operate(what, std::move(among), after, who);
        };
        hands.set_pause = [this](admin::pause_order order, operator_identity who) {
            return order.paused ? engine_.pause(std::move(order.account), who)
                                : engine_.resume(std::move(order.account), who);
        };
        return hands;
    }

    asio::awaitable<void> supervise() {
        co_await write_next_mark();
        log_->info("started", "onboardd " ONBOARDD_VERSION " is at work");
        notify_.ready();
        work_.spawn(engine_.run());
        helpers_.spawn(obey_signals());
        helpers_.spawn(tell_status());
        helpers_.spawn(feed_watchdog());
        helpers_.spawn(keep_mark());
        helpers_.spawn(look_out_.run());
        helpers_.spawn(window_->run());
        if (options_.drain) {
            helpers_.spawn(watch_drain());
        }
        std::exception_ptr failure;
        try {
            co_await work_.join();
        } catch (const boost::system::system_error& error) {
            if (error.code() != asio::error::operation_aborted) {
                failure = std::current_exception();
            }
        } catch (...) {
            failure = std::current_exception();
        }
        helpers_.cancel();
        co_await helpers_.join();
        if (failure) {
            std::rethrow_exception(failure);
        }
        if (options_.drain) {
            co_await end_drain();
        }
        co_await write_mark_if_changed();
        tell_damage();
        const auto counters = store_->counters();
        log_->info("stopped", describe_status(engine_.status()),
                   {{"commits", std::to_string(counters.commits)},
                    {"rows", std::to_string(counters.rows)}});
    }

    // A ledger that is put back from a copy is told by the mark beside the outcomes, if the copy is
    // older than that: so it is written again and again.
    asio::awaitable<void> keep_mark() {
        for (;;) {
            co_await time_->wait_for(mark_interval);
            co_await write_mark_if_changed();
        }
    }

    asio::awaitable<void> write_mark_if_changed() {
        if (store_->counters().rows != marked_rows_) {
            co_await write_next_mark();
        }
    }

    asio::awaitable<void> write_next_mark() {
        const auto rows = store_->counters().rows;
        const auto mark = co_await store_->next_mark();
        if (store_->failed()) {
            throw std::runtime_error("the ledger failed: " + store_->failure());
        }
        if (!mark) {
            co_return;  // it is full; who has work for it says so
        }
        const auto written =
            co_await blocking(files_, [&] { return write_mark(outcomes_, *mark); });
        if (written) {
            marked_rows_ = rows;
        } else if (!mark_failed_) {
            log_->error("mark_not_written",
                        "the mark beside the outcomes could not be written; it is tried again",
                        {{"reason", written.error().message()}});
        }
        mark_failed_ = written.has_error();
    }

    asio::awaitable<void> obey_signals() {
        for (;;) {
            const int signal = co_await signals_.async_wait(asio::use_awaitable);
            if (signal != SIGHUP) {
                break;
            }
            if (options_.drain) {
                continue;  // a drain ends soon; the next run has the new configuration
            }
            if ((result_.reloaded = reread_())) {
                log_->info("reloading",
                           "taking the new configuration once the requests in flight have ended");
                notify_.reloading();
                break;
            }
            log_->error("configuration_refused", "the new configuration is bad; the old one stays");
        }
        co_await stop_engine();
    }

    // Requests in flight may end within the grace time; a second signal to end cuts it short. What
    // is cut off stays `submitting` in the ledger and is looked up with the provider at the next
    // start.
    asio::awaitable<void> stop_engine() {
        if (!result_.reloaded) {
            notify_.stopping();
        }
        log_->info("stopping", "waiting for the requests in flight",
                   {{"status", describe_status(engine_.status())}});
        stopped_ = true;
        engine_.stop();
        auto hurry = wait_for_end_signal();
        co_await until(*time_, time_->now() + stop_grace, std::move(hurry));
        work_.cancel();
    }

    asio::awaitable<void> wait_for_end_signal() {
        for (;;) {
            const bool reloading = result_.reloaded.has_value();
            const int signal = co_await signals_.async_wait(asio::use_awaitable);
            note_late_signal(signal);
            if (signal != SIGHUP && !reloading) {
                co_return;
            }
        }
    }

    // A signal to end that comes during a reload turns it into an end.
    void note_late_signal(int signal) {
        if (signal != SIGHUP && result_.reloaded) {
            notify_.stopping();
            result_.reloaded.reset();
        }
    }

    // Signals that came after the last task had ended.
    void collect_late_signals() {
        std::function<void(boost::system::error_code, int)> note = [&](boost::system::error_code ec,
                                                                       int signal) {
            if (!ec) {
                note_late_signal(signal);
                signals_.async_wait(note);
            }
        };
        signals_.async_wait(note);
        loop_.restart();
        loop_.poll();
        signals_.cancel();
        loop_.restart();
        loop_.poll();
    }

    asio::awaitable<void> tell_status() {
        for (;;) {
            notify_.status(describe_status(engine_.status()));
            tell_of_clock();
            tell_damage();
            co_await time_->wait_for(status_interval);
        }
    }

    // The look also keeps the clock going: it has to see a jump soon after it.
    void tell_of_clock() {
        static_cast<void>(time_->wall_now());
        const auto jump = std::chrono::floor<std::chrono::seconds>(time_->wall_jump());
        if (jump == std::exchange(told_jump_, jump)) {
            return;
        }
        if (jump.count() != 0) {
            log_->warning("clock_jumped",
                          "the machine's clock was set; it is believed if it stays so",
                          {{"seconds", std::to_string(jump.count())}});
        } else {
            log_->info("clock_steady", "the machine's clock and ours agree again");
        }
    }

    void tell_damage() {
        const auto damaged = store_->counters().damaged;
        if (damaged > std::exchange(damage_told_, damaged)) {
            log_->error("ledger_damaged",
                        "records of the ledger do not have their checksum; they are left alone: "
                        "stop onboardd and run onboardctl fsck",
                        {{"jobs", std::to_string(damaged)}});
        }
    }

    asio::awaitable<void> feed_watchdog() {
        const auto interval = notify_.watchdog_interval();
        while (interval) {
            notify_.watchdog();
            co_await time_->wait_for(std::chrono::duration_cast<milliseconds>(*interval));
        }
    }

    // Stops the engine when every job has ended and the spool is empty, or when nothing has moved
    // for too long.
    asio::awaitable<void> watch_drain() {
        progress_display display(STDOUT_FILENO, time_->now());
        auto moved_at = time_->now();
        std::uint64_t moves = 0;
        for (;;) {
            const auto status = engine_.status();
            const auto now = time_->now();
            // Files that cannot be moved away are read again with each scan; the jobs in them are
            // known by then, and publishing them again is no progress.
            const bool only_left_files = status.open() == 0 && status.left_files != 0;
            if (std::exchange(moves, status.moves) != status.moves && !only_left_files) {
                moved_at = now;
            }
            drained_ = status.intake_idle && status.outcomes_checked && !status.outcomes_owed &&
                       status.open() == 0;
            if (drained_ || stopped_ || now - moved_at >= options_.patience) {
                display.finish(status, now);
                break;
            }
            if (status.intake_idle || status.moves != 0) {  // else there is nothing to tell yet
                display.update(status, now);
            }
            co_await time_->wait_for(drain_look_interval);
        }
        engine_.stop();
    }

    asio::awaitable<void> end_drain() {
        const auto reports = co_await engine_.write_reports();
        for (const auto& summary : reports) {
            std::cout << '\n' << render_report_text(summary);
        }
        if (const auto refused = engine_.status().refused_files; refused != 0) {
            std::cout << "\n"
                      << refused << " files or lines were refused: see rejected/ in the spool\n";
        }
        const auto status = engine_.status();
        if (status.left_files != 0) {
            std::cout << "\n"
                      << status.left_files
                      << " files could be neither taken nor moved away: see the log\n";
        }
        for (const auto& why : status.short_of_room) {
            std::cout << "\nnothing new was taken in: " << why << "\n";
        }
        std::cout << std::flush;
        std::uint64_t not_created = status.refused_files + status.of(job_state::held);
        for (const auto state : all_job_states) {
            if (is_final(state) && state != job_state::created) {
                not_created += status.reached[static_cast<std::size_t>(state)];
            }
        }
        result_.code = status.open() != 0 || !drained_ ? exit_jobs_open
                       : not_created != 0              ? exit_some_not_created
                                                       : exit_done;
    }

    asio::io_context& loop_;
    asio::signal_set& signals_;
    const command_line& options_;
    const std::function<std::optional<config>()>& reread_;
    measures seen_;
    asio::thread_pool files_;
    std::unique_ptr<logger> log_;
    std::unique_ptr<clock> time_;
    random_source random_;
    std::filesystem::path outcomes_;
    outcome_writer writer_;
    std::unique_ptr<spool> spool_;
    std::unique_ptr<ledger> store_;
    std::unique_ptr<http::client> client_;
    systemd_notifier notify_;
    engine engine_;
    look_out look_out_;
    std::unique_ptr<admin::server> window_;
    task_group work_;
    task_group helpers_;
    run_result result_;
    std::chrono::seconds told_jump_{0};
    std::uint64_t marked_rows_ = 0;  // what the ledger had counted when the mark was written
    bool mark_failed_ = false;
    std::uint64_t damage_told_ = 0;
    bool stopped_ = false;
    bool drained_ = false;  // the drain ended because nothing was left to do
};

// main() has kept some out until there is somebody to take them.
void let_signals_in() {
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

int run_daemon(config settings, const command_line& options,
               const std::function<std::optional<config>()>& reread) {
    asio::io_context loop(1);
    // One for all runs: a signal that comes between two of them waits for the next.
    asio::signal_set signals(loop, SIGTERM, SIGINT, SIGHUP);
    let_signals_in();
    std::optional<config> previous;
    earlier_runs runs;
    for (;;) {
        try {
            auto ended = daemon_run(loop, signals, settings, options, reread, runs).run();
            if (!ended.reloaded) {
                return ended.code;
            }
            runs = std::move(ended.runs);
            previous = std::exchange(settings, std::move(*ended.reloaded));
        } catch (const config_error& error) {
            if (!previous) {
                throw;
            }
            std::cerr << "onboardd: " << error.what() << "; going on with the old configuration\n";
            settings = std::move(*std::exchange(previous, std::nullopt));
        }
    }
}

}  // namespace onboardd
