#include "daemon/app/look_out.hpp"

#include <utility>

#include "onboardd/admin/metrics.hpp"
#include "onboardd/admin/reports.hpp"
#include "onboardd/base/blocking.hpp"
#include "onboardd/spool/spool_depth.hpp"

namespace onboardd {
namespace {

constexpr milliseconds sample_interval{5'000};
constexpr milliseconds read_interval{1'000};
constexpr std::size_t reports_shown = 10;

}  // namespace

look_out::look_out(const config& settings, const engine& work, ledger& store, const measures& seen,
                   clock& time, asio::thread_pool& files, earlier_runs before)
    : spool_(settings.spool.directory),
      reports_(settings.outcomes.directory / "reports"),
      work_(work),
      store_(store),
      seen_(seen),
      time_(time),
      files_(files),
      before_(std::move(before)) {}

engine_status look_out::status() const {
    auto now = work_.status();
    for (std::size_t i = 0; i < now.reached.size(); ++i) {
        now.reached[i] += before_.reached[i];
    }
    now.refused_files += before_.refused_files;
    now.started_at = before_.started_at.value_or(now.started_at);
    return now;
}

earlier_runs look_out::all_runs() const {
    const auto now = status();
    return {.started_at = now.started_at,
            .reached = now.reached,
            .refused_files = now.refused_files,
            .rate = before_.rate};
}

admin::view look_out::view() {
    return {.overview = [this] { return overview(); },
            .status = [this] { return work_.status(); },
            .metrics = [this] { return metrics(); },
            .report = [this](std::string name) { return report(std::move(name)); }};
}

asio::awaitable<void> look_out::run() {
    for (;;) {
        before_.rate.sample(time_.now(), time_.wall_now(), status().ended());
        co_await time_.wait_for(sample_interval);
    }
}

asio::awaitable<admin::overview> look_out::overview() {
    if (read_at_ == steady_time::min() || time_.now() - read_at_ >= read_interval) {
        read_at_ = time_.now();
        auto found = co_await store_.recent_batches(admin::batches_read_max);
        listed_ =
            co_await blocking(files_, [&] { return admin::list_reports(reports_, reports_shown); });
        batches_.clear();
        if (found.has_error()) {
            found.emplace();  // the ledger has failed: the status says so
        }
        for (const auto& batch : *found) {
            batches_.push_back(admin::condense(batch));
        }
    }
    admin::overview now;
    now.status = status();
    now.batches = batches_;
    now.rate = before_.rate;
    now.reports = listed_;
    now.now = time_.wall_now();
    co_return now;
}

asio::awaitable<std::string> look_out::metrics() {
    const auto depth = co_await blocking(files_, [&] { return look_at_spool(spool_); });
    const auto status = work_.status();
    const admin::metrics_view shown{status, seen_, store_.counters(), depth, time_.wall_now()};
    co_return admin::metrics_text(shown);
}

asio::awaitable<std::optional<std::string>> look_out::report(std::string name) {
    co_return co_await blocking(files_, [&] { return admin::read_report(reports_, name); });
}

}  // namespace onboardd
