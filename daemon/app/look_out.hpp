#pragma once

// What the admin server shows, gathered from the parts of one run.

#include <boost/asio/thread_pool.hpp>
#include <filesystem>

#include "onboardd/admin/overview.hpp"
#include "onboardd/admin/pages.hpp"
#include "onboardd/base/measures.hpp"
#include "onboardd/config/config.hpp"
#include "onboardd/engine/engine.hpp"

namespace onboardd {

class look_out {
public:
    // All but the settings outlive it.
    look_out(const config& settings, const engine& work, ledger& store, const measures& seen,
             clock& time, asio::thread_pool& files);

    // For admin::add_pages(); refers to this object.
    admin::view view();

    // Notes every few seconds how many jobs have ended.
    asio::awaitable<void> run();

private:
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
    admin::rate_history rate_;
    // Sums and reports are read anew at most once a second, however many look.
    std::vector<admin::batch_progress> batches_;
    std::vector<admin::report_file> listed_;
    steady_time read_at_ = steady_time::min();
};

}  // namespace onboardd
