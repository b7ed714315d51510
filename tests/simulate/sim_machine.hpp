#pragma once

// The other disks: the spool with its producer, and the outcome files.

#include <list>
#include <map>
#include <string>
#include <vector>

#include "onboardd/base/wakeup.hpp"
#include "onboardd/engine/engine.hpp"
#include "onboardd/spool/spool.hpp"
#include "simulate/world.hpp"

namespace onboardd::simulate {

class sim_spool final : public spool {
public:
    explicit sim_spool(world& around);

    // A producer renames a file into place.
    void drop(std::vector<new_job> jobs);
    // Another process begins to use it.
    void restart();
    [[nodiscard]] bool empty() const { return files_.empty(); }
    [[nodiscard]] std::uint64_t duplicates() const { return duplicates_; }

    asio::awaitable<void> run() override;
    asio::awaitable<result<portion>> take() override;
    asio::awaitable<result<void>> finish(portion done, std::vector<admission> verdicts) override;
    void abandon(portion failed) override;
    asio::awaitable<void> changed() override;
    std::size_t unsettled() const override { return 0; }
    void use(std::unique_ptr<job_reader>) override {}

private:
    struct file {
        std::uint64_t number = 0;
        std::vector<new_job> jobs;
        bool open = false;
    };

    file* opened(const portion& taken);
    void remove(std::uint64_t number);

    world& world_;
    std::list<file> files_;
    std::uint64_t last_ = 0;
    std::uint64_t duplicates_ = 0;  // moved to rejected/
    wakeup changed_;
};

// What consumers see.
class sim_outcomes {
public:
    explicit sim_outcomes(world& around) : world_(around) {}

    [[nodiscard]] outcome_sink sink();
    [[nodiscard]] const std::map<std::string, job>& files() const { return files_; }
    [[nodiscard]] const std::map<std::string, batch_summary>& reports() const { return reports_; }

    // Told of each outcome file that a consumer can see from now on.
    std::function<void(const job&)> on_outcome;

private:
    asio::awaitable<std::vector<result<void>>> publish(std::vector<job> rows);
    asio::awaitable<result<void>> publish_report(batch_summary summary);
    asio::awaitable<std::vector<job_id>> missing(std::vector<published_outcome> known);

    world& world_;
    std::map<std::string, job> files_;
    std::map<std::string, batch_summary> reports_;
};

}  // namespace onboardd::simulate
