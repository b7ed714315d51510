#include "simulate/sim_machine.hpp"

#include <algorithm>
#include <utility>

#include "simulate/sim_provider.hpp"

namespace onboardd::simulate {
namespace {

// The spool's own mark on a portion: the file's number. Its type is private to the real spool, so
// only the address of a number travels as one.
std::shared_ptr<portion::origin> mark(std::uint64_t number) {
    auto owner = std::make_shared<std::uint64_t>(number);
    return {owner, reinterpret_cast<portion::origin*>(owner.get())};
}

std::uint64_t number_of(const portion& taken) {
    return *reinterpret_cast<const std::uint64_t*>(taken.from.get());
}

}  // namespace

sim_spool::sim_spool(world& around) : world_(around), changed_(around.loop.get_executor()) {}

void sim_spool::drop(std::vector<new_job> jobs) {
    world_.note("dropped", jobs.front().reference, static_cast<int>(jobs.size()));
    files_.push_back({++last_, std::move(jobs), false});
    changed_.set();
}

void sim_spool::restart() {
    for (auto& one : files_) {
        one.open = false;
    }
}

asio::awaitable<void> sim_spool::run() {
    for (;;) {
        co_await world_.time.wait_for(std::chrono::hours(24 * 365));
    }
}

asio::awaitable<result<portion>> sim_spool::take() {
    world_.refuse_the_dead();
    co_await world_.work_for(world_.time_between(0ms, 10ms));
    if (world_.fault(world_.plan.spool_failure)) {
        co_return make_error_code(boost::system::errc::io_error);
    }
    portion taken;
    const auto next = std::ranges::find(files_, false, &file::open);
    if (next != files_.end()) {
        next->open = true;
        taken.jobs = next->jobs;
        taken.from = mark(next->number);
        if (world_.plan.planted == mistake::remove_file_early) {
            files_.erase(next);
        }
    }
    co_return taken;
}

sim_spool::file* sim_spool::opened(const portion& taken) {
    const auto found = std::ranges::find(files_, number_of(taken), &file::number);
    return found == files_.end() ? nullptr : &*found;
}

void sim_spool::remove(std::uint64_t number) {
    files_.remove_if([number](const file& one) { return one.number == number; });
}

asio::awaitable<result<void>> sim_spool::finish(portion done, std::vector<admission> verdicts) {
    world_.refuse_the_dead();
    co_await world_.work_for(world_.time_between(0ms, 10ms));
    const bool crashed = world_.dead();
    const bool fails = world_.fault(world_.plan.spool_failure);
    const bool happens = !(crashed || fails) || world_.number(0, 1) == 1;
    if (happens) {
        remove(number_of(done));
        duplicates_ += static_cast<std::uint64_t>(
            std::ranges::count(verdicts, admission::duplicate_reference));
    } else if (auto* one = opened(done); one != nullptr) {
        one->open = false;
    }
    if (fails || crashed) {
        co_return make_error_code(boost::system::errc::io_error);
    }
    co_return result<void>();
}

void sim_spool::abandon(portion failed) {
    if (auto* one = opened(failed); one != nullptr) {
        one->open = false;
    }
}

asio::awaitable<void> sim_spool::changed() {
    world_.refuse_the_dead();
    co_await changed_.wait_until(world_.time, world_.now() + 10min);
}

outcome_sink sim_outcomes::sink() {
    outcome_sink made;
    made.publish = [this](std::vector<job> rows) { return publish(std::move(rows)); };
    made.publish_report = [this](batch_summary summary) {
        return publish_report(std::move(summary));
    };
    made.missing = [this](std::vector<published_outcome> known) {
        return missing(std::move(known));
    };
    return made;
}

asio::awaitable<std::vector<job_id>> sim_outcomes::missing(std::vector<published_outcome> known) {
    co_await world_.work_for(world_.time_between(0ms, 10ms));
    std::vector<job_id> gone;
    for (const auto& one : known) {
        if (!files_.contains(identity_of(one.account, one.reference))) {
            gone.push_back(one.id);
        }
    }
    co_return gone;
}

asio::awaitable<std::vector<result<void>>> sim_outcomes::publish(std::vector<job> rows) {
    const bool called_dead = world_.dead();
    co_await world_.work_for(world_.time_between(1ms, 20ms));
    std::vector<result<void>> results;
    for (auto& row : rows) {
        // A crash leaves some of the files renamed, and nobody is told.
        const bool lost = called_dead || (world_.dead() && world_.number(0, 1) == 0);
        if (lost || world_.fault(world_.plan.outcome_failure)) {
            results.emplace_back(make_error_code(boost::system::errc::no_space_on_device));
            continue;
        }
        const auto identity = identity_of(row.account, row.reference);
        world_.note("outcome", identity, row.revision);
        on_outcome(row);
        files_[identity] = std::move(row);
        results.emplace_back();
    }
    co_return results;
}

asio::awaitable<result<void>> sim_outcomes::publish_report(batch_summary summary) {
    const bool called_dead = world_.dead();
    co_await world_.work_for(world_.time_between(1ms, 20ms));
    if (called_dead || world_.dead() || world_.fault(world_.plan.outcome_failure)) {
        co_return make_error_code(boost::system::errc::no_space_on_device);
    }
    auto name = summary.batch;
    reports_[name] = std::move(summary);
    co_return result<void>();
}

}  // namespace onboardd::simulate
