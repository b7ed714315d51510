// What the SQLite ledger costs: CPU of the whole process for each job or transition, wall time,
// commits. Not a test.
//
//   ledger_bench --benchmark_filter=life
//
// The ledger lies in $LEDGER_BENCH_DIRECTORY, or in the directory for temporary files.

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <random>
#include <stdexcept>

#include "onboardd/ledger/ledger.hpp"

namespace onboardd {
namespace {

using std::chrono::microseconds;

double cpu_microseconds() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto in_microseconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
    };
    return in_microseconds(used.ru_utime) + in_microseconds(used.ru_stime);
}

template <class T>
T must(result<T> answer) {
    if (answer.has_error()) {
        throw std::runtime_error(answer.error().message());
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*answer);
    }
}

class bench_ledger {
public:
    bench_ledger() {
        const char* const chosen = getenv("LEDGER_BENCH_DIRECTORY");
        const auto parent = chosen != nullptr ? std::filesystem::path(chosen)
                                              : std::filesystem::temp_directory_path();
        auto pattern = (parent / "ledger-bench-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) {
            throw std::runtime_error("no directory");
        }
        directory_ = pattern;
        open();
    }
    ~bench_ledger() {
        book.reset();
        std::filesystem::remove_all(directory_);
    }

    void open() {
        sqlite_options options;
        options.file = directory_ / "ledger.db";
        book = open_sqlite_ledger(loop.get_executor(), *time, options);
    }
    void close() { book.reset(); }

    // Runs `count` coroutines made by `make(i)` at once, to the end of all.
    template <class Make>
    void all(std::size_t count, Make make) {
        std::size_t done = 0;
        for (std::size_t i = 0; i < count; ++i) {
            asio::co_spawn(loop, make(i), [&done](const std::exception_ptr& failure) {
                if (failure) {
                    std::rethrow_exception(failure);
                }
                ++done;
            });
        }
        loop.restart();
        loop.run();
        if (done != count) {
            throw std::logic_error("a call did not end");
        }
    }

    void accept(std::vector<new_job> jobs) {
        all(1, [&](std::size_t) -> asio::awaitable<void> {
            must(co_await book->accept(std::move(jobs)));
        });
    }

    std::vector<claimed_job> claim(std::size_t count) {
        std::vector<claimed_job> claims;
        all(1, [&](std::size_t) -> asio::awaitable<void> {
            claims =
                must(co_await book->claim("T00000001", work_kind::submit, count, time->wall_now()));
        });
        return claims;
    }

    void record_all(std::vector<job>& rows, job_state from, const std::string& answer) {
        all(rows.size(), [&](std::size_t i) -> asio::awaitable<void> {
            must(co_await book->record(rows[i], from, answer));
        });
    }

    void publish(const std::vector<job>& rows) {
        std::vector<std::pair<job_id, std::uint32_t>> outcomes;
        for (const auto& row : rows) {
            outcomes.emplace_back(row.id, row.revision);
        }
        all(1, [&](std::size_t) -> asio::awaitable<void> {
            must(co_await book->published(std::move(outcomes)));
        });
    }

    asio::io_context loop;
    std::unique_ptr<clock> time = make_system_clock();
    std::unique_ptr<ledger> book;

private:
    std::filesystem::path directory_;
};

// References in an order that has nothing to do with their sorting.
class shuffled_references {
public:
    std::string next() {
        char text[40];
        std::snprintf(text, sizeof text, "seller-%08llx",
                      static_cast<unsigned long long>(random_() & 0xffffffffU));
        return std::string(text) + std::to_string(count_++);
    }

private:
    std::mt19937_64 random_{1};
    std::uint64_t count_ = 0;
};

std::vector<new_job> fresh_jobs(shuffled_references& references, std::size_t count) {
    std::vector<new_job> jobs(count);
    for (auto& fresh : jobs) {
        fresh.account = "T00000001";
        fresh.reference = references.next();
        fresh.batch = "2026-11-22";
        fresh.request = std::string(1000, 'r');
        fresh.content.fill(7);
        fresh.fingerprint = {.organization_number = "910909088", .products = {"payout"}};
    }
    return jobs;
}

void fill(bench_ledger& ledger, shuffled_references& references, std::size_t count) {
    for (std::size_t done = 0; done < count; done += std::min<std::size_t>(256, count - done)) {
        ledger.accept(fresh_jobs(references, std::min<std::size_t>(256, count - done)));
    }
}

std::vector<job> rows_of(std::vector<claimed_job> claims, std::size_t expected) {
    if (claims.size() != expected) {
        throw std::logic_error("too few jobs were due");
    }
    std::vector<job> rows;
    for (auto& claim : claims) {
        rows.push_back(std::move(claim.row));
    }
    return rows;
}

void to_submitting(std::vector<job>& rows, wall_time now) {
    for (auto& row : rows) {
        row.state = job_state::submitting;
        row.submitted_at = now;
        row.attempts = 1;
    }
}

void to_created(std::vector<job>& rows, wall_time now) {
    for (auto& row : rows) {
        row.state = job_state::created;
        row.finished_at = now;
        row.revision = 1;
        row.the_case = {
            .id = "3c90c3cc-0d44-4b50-8888-8dd25736052a",
            .case_id = "c-881",
            .contract_url = "https://example.com/contracts/3c90c3cc-0d44-4b50-8888-8dd25736052a",
            .case_status = "WAITING_FOR_DECLARATION",
            .created_at = "2026-11-22T01:04:05Z"};
    }
}

struct meter {
    explicit meter(const ledger& book)
        : book_(book), cpu(cpu_microseconds()), before(book.counters()) {}

    void report(benchmark::State& state, double jobs) const {
        const auto after = book_.counters();
        state.counters["cpu_us_per_job"] = (cpu_microseconds() - cpu) / jobs;
        state.counters["jobs_per_second"] = benchmark::Counter(jobs, benchmark::Counter::kIsRate);
        state.counters["commits"] = static_cast<double>(after.commits - before.commits);
    }

    const ledger& book_;
    double cpu;
    ledger_counters before;
};

// The whole life of a job, in groups: accept, submitting, created with its answer, published. On
// top of a backlog of the given number of jobs.
void life(benchmark::State& state) {
    const auto group = static_cast<std::size_t>(state.range(0));
    bench_ledger ledger;
    shuffled_references references;
    fill(ledger, references, static_cast<std::size_t>(state.range(1)));
    const std::string answer(1700, 'a');
    const meter used(*ledger.book);
    double jobs = 0;
    for ([[maybe_unused]] auto _ : state) {
        ledger.accept(fresh_jobs(references, group));
        auto rows = rows_of(ledger.claim(group), group);
        to_submitting(rows, ledger.time->wall_now());
        ledger.record_all(rows, job_state::queued, {});
        to_created(rows, ledger.time->wall_now());
        ledger.record_all(rows, job_state::submitting, answer);
        ledger.publish(rows);
        jobs += static_cast<double>(group);
    }
    used.report(state, jobs);
}
// With fixed counts, because the library would fill the ledger again for each guess of its own.
BENCHMARK(life)
    ->ArgNames({"group", "backlog"})
    ->Args({64, 1000})
    ->Args({256, 1000})
    ->Args({64, 100000})
    ->Args({64, 1000000})
    ->UseRealTime()
    ->Iterations(400);
BENCHMARK(life)->ArgNames({"group", "backlog"})->Args({1, 1000})->UseRealTime()->Iterations(2000);

// Durable transitions alone: queued to submitting and back, `group` of them at once.
void transitions(benchmark::State& state) {
    const auto group = static_cast<std::size_t>(state.range(0));
    bench_ledger ledger;
    shuffled_references references;
    fill(ledger, references, static_cast<std::size_t>(state.range(1)));
    auto rows = rows_of(ledger.claim(group), group);
    const meter used(*ledger.book);
    double moved = 0;
    for ([[maybe_unused]] auto _ : state) {
        to_submitting(rows, ledger.time->wall_now());
        ledger.record_all(rows, job_state::queued, {});
        for (auto& row : rows) {
            row.state = job_state::queued;
        }
        ledger.record_all(rows, job_state::submitting, {});
        moved += 2 * static_cast<double>(group);
    }
    used.report(state, moved);
}
BENCHMARK(transitions)
    ->ArgNames({"group", "backlog"})
    ->Args({1, 1000})
    ->Args({64, 1000})
    ->Args({256, 1000})
    ->Args({64, 1000000})
    ->UseRealTime()
    ->Iterations(1000);

// Accepting alone, into a ledger of the given size: what the index of identities costs.
void acceptance(benchmark::State& state) {
    bench_ledger ledger;
    shuffled_references references;
    fill(ledger, references, static_cast<std::size_t>(state.range(0)));
    const meter used(*ledger.book);
    double jobs = 0;
    for ([[maybe_unused]] auto _ : state) {
        ledger.accept(fresh_jobs(references, 64));
        jobs += 64;
    }
    used.report(state, jobs);
}
BENCHMARK(acceptance)
    ->ArgName("backlog")
    ->Arg(1000)
    ->Arg(100000)
    ->Arg(1000000)
    ->UseRealTime()
    ->Iterations(400);

// What a claim costs when many jobs of a higher priority are not due yet.
void claim_behind(benchmark::State& state) {
    bench_ledger ledger;
    shuffled_references references;
    for (std::int64_t done = 0; done < state.range(0); done += 250) {
        auto jobs = fresh_jobs(references, 250);
        for (auto& fresh : jobs) {
            fresh.priority = 10;
            fresh.not_before = ledger.time->wall_now() + std::chrono::hours(10);
        }
        ledger.accept(std::move(jobs));
    }
    fill(ledger, references, 64);
    for ([[maybe_unused]] auto _ : state) {
        auto rows = rows_of(ledger.claim(64), 64);
        std::vector<job_id> back;
        for (const auto& row : rows) {
            back.push_back(row.id);
        }
        ledger.all(1, [&](std::size_t) -> asio::awaitable<void> {
            co_await ledger.book->unclaim(std::move(back));
        });
    }
}
BENCHMARK(claim_behind)->ArgName("not_due")->Arg(1000)->Arg(100000)->UseRealTime()->Iterations(500);

// Opening a ledger with so many open jobs: after an orderly stop.
void start(benchmark::State& state) {
    bench_ledger ledger;
    shuffled_references references;
    fill(ledger, references, static_cast<std::size_t>(state.range(0)));
    for ([[maybe_unused]] auto _ : state) {
        state.PauseTiming();
        ledger.close();
        state.ResumeTiming();
        ledger.open();
    }
}
BENCHMARK(start)->ArgName("jobs")->Arg(1000)->Arg(1000000)->UseRealTime()->Iterations(5);

}  // namespace
}  // namespace onboardd

BENCHMARK_MAIN();
