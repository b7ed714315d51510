// What an outcome costs. Files go below ONBOARDD_BENCH_DIRECTORY, or the current directory: use the
// file system that the outcomes will be on, not a tmpfs. "cpu_us" is the process's whole CPU time,
// user and system, for each outcome.

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "onboardd/outcome/outcome.hpp"

namespace {

using namespace onboardd;

double cpu_seconds() {
    rusage used = {};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

job a_job(int account, std::int64_t number) {
    job row;
    row.account = "T" + std::to_string(10'000'000 + account);
    row.reference = "seller-" + std::to_string(number);
    row.batch = "2026-11-22";
    row.state = job_state::created;
    row.received_at = wall_time(milliseconds(1'795'309'445'120));
    row.submitted_at = row.received_at + milliseconds(300);
    row.finished_at = row.received_at + milliseconds(450);
    row.attempts = 1;
    row.revision = 1;
    row.the_case = {"3c90c3cc-0d44-4b50-8888-8dd25736052a", "c-881",
                    "https://onboarding.example.com/contract/3c90c3cc-0d44-4b50-8888-8dd25736052a",
                    "WAITING_FOR_DECLARATION", "2026-11-22T01:04:05Z"};
    return row;
}

void render(benchmark::State& state) {
    const auto row = a_job(0, 1);
    for ([[maybe_unused]] auto _ : state) {
        benchmark::DoNotOptimize(render_outcome(row));
    }
}
BENCHMARK(render);

// Publishes `batches` batches of `rows_each` new outcomes into one account.
void publish_batches(outcome_writer& writer, int account, std::int64_t rows_each,
                     std::int64_t batches, std::atomic<std::int64_t>& next,
                     std::atomic<bool>& failed) {
    for (std::int64_t batch = 0; batch < batches; ++batch) {
        std::vector<job> rows;
        for (std::int64_t i = 0; i < rows_each; ++i) {
            rows.push_back(a_job(account, next++));
        }
        for (const auto& written : writer.publish(rows)) {
            failed = failed || written.has_error();
        }
    }
}

void publish(benchmark::State& state) {
    const char* const chosen = std::getenv("ONBOARDD_BENCH_DIRECTORY");
    const std::filesystem::path folder =
        std::filesystem::path(chosen != nullptr ? chosen : ".") / "outcome-bench";
    outcome_writer writer(folder);
    static std::atomic<std::int64_t> next =
        0;  // every outcome is a new file, also in the next repetition
    std::atomic<bool> failed = false;
    const auto threads = state.range(1);
    const auto batches = std::max<std::int64_t>(1, 1024 / state.range(0) / threads);
    const auto begin = cpu_seconds();
    for ([[maybe_unused]] auto _ : state) {
        std::vector<std::thread> workers;
        for (int account = 0; account < threads; ++account) {
            workers.emplace_back([&, account] {
                publish_batches(writer, account, state.range(0), batches, next, failed);
            });
        }
        for (auto& worker : workers) {
            worker.join();
        }
    }
    const auto outcomes = state.iterations() * batches * threads * state.range(0);
    state.SetItemsProcessed(outcomes);
    state.counters["cpu_us"] = (cpu_seconds() - begin) * 1e6 / static_cast<double>(outcomes);
    if (failed) {
        state.SkipWithError("an outcome could not be written");
    }
}
BENCHMARK(publish)
    ->ArgNames({"batch", "threads"})
    ->ArgsProduct({{1, 16, 64, 128}, {1, 4}})
    ->UseRealTime()
    ->Iterations(2)
    ->Repetitions(3)
    ->ReportAggregatesOnly()
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
