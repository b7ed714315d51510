#pragma once

// A ledger on a disk that can fail and a machine that can crash. What it holds is kept by the
// ledger in memory; this adds when a change is durable: writes that wait share a commit, a commit
// that the crash meets is there or not, one that fails is too, and from then on every write is
// refused. The start does what every ledger's start does: what was `submitting` is `unknown`.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "onboardd/ledger/ledger.hpp"
#include "simulate/world.hpp"

namespace onboardd::simulate {

class sim_ledger final : public ledger {
public:
    sim_ledger(world& around, milliseconds send_window);

    // The process has ended, in order or not: forgets what was not synced.
    asio::awaitable<void> restart(bool in_order);

    // What is on the disk, by identity.
    [[nodiscard]] const std::map<std::string, job>& rows() const { return rows_; }
    [[nodiscard]] const new_job* accepted(const std::string& identity) const;
    // When the intent of the job's latest attempt became durable.
    [[nodiscard]] std::optional<steady_time> intent_at(const std::string& identity) const;

    // Somebody fills the disk for so long.
    void fill(milliseconds duration) { full_until_ = world_.now() + duration; }

    // Told of each transition when it has become durable.
    std::function<void(const job& before, const job& after)> on_record;
    // The same of what an operator has changed.
    std::function<void(const job& before, const job& after)> on_operated;

    asio::awaitable<result<std::vector<admission>>> accept(std::vector<new_job> jobs) override;
    asio::awaitable<result<std::vector<claimed_job>>> claim(std::string account, work_kind kind,
                                                            std::size_t count_max,
                                                            wall_time now) override;
    asio::awaitable<void> unclaim(std::vector<job_id> jobs) override;
    asio::awaitable<result<std::optional<wall_time>>> next_due(std::string account,
                                                               work_kind kind) override;
    asio::awaitable<result<void>> record(job after, job_state from,
                                         std::string raw_answer) override;
    asio::awaitable<result<operated>> operate(operation what, job_selection among, job_id after,
                                              std::size_t count_max, wall_time now,
                                              std::uint32_t uid) override;
    asio::awaitable<result<void>> set_pause(std::string account,
                                            std::optional<operator_pause> pause) override;
    asio::awaitable<result<std::vector<operator_pause>>> pauses() override;
    asio::awaitable<result<std::vector<job>>> unpublished(std::size_t count_max) override;
    asio::awaitable<result<void>> published(
        std::vector<std::pair<job_id, std::uint32_t>> outcomes) override;
    asio::awaitable<result<std::vector<published_outcome>>> published_outcomes(
        wall_time finished_after, job_id id_after, std::size_t count_max) override;
    asio::awaitable<result<void>> publish_again(std::vector<job_id> jobs) override;
    asio::awaitable<result<std::vector<witness>>> witnesses(std::string account, wall_time moment,
                                                            std::size_t count_max) override;
    asio::awaitable<result<std::vector<std::string>>> finished_batches(
        std::size_t count_max) override;
    asio::awaitable<result<batch_summary>> summary(std::string batch) override;
    asio::awaitable<result<void>> reported(std::string batch) override;
    asio::awaitable<result<std::vector<tally>>> totals() override;
    asio::awaitable<result<std::optional<job>>> find(std::string account,
                                                     std::string reference) override;
    asio::awaitable<result<std::string>> answer_of(job_id job) override;
    asio::awaitable<result<job_history>> history(job_id job) override;
    asio::awaitable<result<std::size_t>> erase_requests(wall_time before,
                                                        std::size_t count_max) override;
    ledger_counters counters() const override { return inner_->counters(); }
    bool failed() const override { return failed_; }
    bool full() const override { return full_seen_; }
    asio::awaitable<result<void>> make_room() override;
    std::string failure() const override { return failed_ ? "a commit failed" : ""; }

private:
    // What becomes of a job that was `submitting` when the process ended.
    void doubt(job& row, wall_time now) const;
    // One commit, shared by all writes that wait for it.
    struct commit {
        steady_time at{};
        bool fails = false;
        bool lands = true;  // where it fails, or the crash meets it: whether it is there afterwards
    };

    asio::awaitable<bool> commit_turn(bool& reported_good);
    [[nodiscard]] error_code refusal() const;
    bool no_room();
    asio::awaitable<result<std::vector<admission>>> do_accept(std::vector<new_job> jobs);
    asio::awaitable<result<void>> do_record(job after, job_state from, std::string raw_answer);
    asio::awaitable<result<operated>> do_operate(operation what, job_selection among, job_id after,
                                                 std::size_t count_max, wall_time now,
                                                 std::uint32_t uid);
    asio::awaitable<void> apply_published();
    void record_later(job after, job_state from);

    world& world_;
    milliseconds send_window_;
    std::unique_ptr<ledger> inner_;
    std::map<std::string, job> rows_;
    std::map<std::string, new_job> accepted_;
    std::map<std::string, steady_time> intents_;
    std::vector<std::pair<job_id, std::uint32_t>> noted_;  // published, and not synced yet
    std::shared_ptr<commit> next_;
    bool failed_ = false;
    bool full_seen_ = false;  // since a write was refused for it
    steady_time full_until_ = steady_time::min();
};

}  // namespace onboardd::simulate
