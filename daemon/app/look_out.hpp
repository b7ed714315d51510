#pragma once

// What the admin server shows, gathered from the parts of one run.

#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "onboardd/admin/overview.hpp"
#include "onboardd/admin/pages.hpp"
#include "onboardd/base/measures.hpp"
#include "onboardd/config/config.hpp"
#include "onboardd/engine/engine.hpp"

namespace onboardd {

// What is shown as of the start of the process, though a reload begins a new run.
struct earlier_runs {
    std::optional<wall_time> started_at;  // nullopt: this run is the first
    state_counts reached{};
    std::uint64_t refused_files = 0;
    admin::rate_history rate;
};

class look_out {
public:
    // All but the settings and `before` outlive it.
    look_out(const config& settings, const engine& work, ledger& store, const measures& seen,
             clock& time, asio::thread_pool& files, earlier_runs before);

    // For the next run, once this one has ended.
    [[nodiscard]] earlier_runs all_runs() const;

    // For admin::add_pages(); refers to this object.
    admin::view view();

    // Notes every few seconds how many jobs have ended.
    asio::awaitable<void> run();

private:
    // With what was counted before.
    [[nodiscard]] engine_status status() const;
    asio::awaitable<admin::overview> overview();
    asio::awaitable<std::string> metrics();
    asio::awaitable<std::optional<std::string>> report(std::string name);

    std::filesystem::path spool_;
    std::filesystem::path reports_;
    const engine& work_;
    ledger& store_;
    const measures& seen_;
    clock& time_;
    asio::thread_pool& files_;
    earlier_runs before_;  // but for the rate, which goes on
    // Sums and reports are read anew at most once a second, however many look.
    std::vector<admin::batch_progress> batches_;
    std::vector<admin::report_file> listed_;
    steady_time read_at_ = steady_time::min();
};

}  // namespace onboardd
