#pragma once

#include <memory>
#include <utility>

#include "onboardd/ledger/ledger.hpp"

namespace onboardd::test {

// A ledger on a disk that is full while the test says so: writes are refused and change nothing.
class full_ledger final : public ledger {
public:
    explicit full_ledger(std::unique_ptr<ledger> real) : real_(std::move(real)) {}

    bool is_full = false;
    int refused = 0;

    asio::awaitable<result<std::vector<admission>>> accept(std::vector<new_job> jobs) override {
        if (refuses()) {
            co_return errc::ledger_full;
        }
        co_return co_await real_->accept(std::move(jobs));
    }
    asio::awaitable<result<void>> record(job after, job_state from,
                                         std::string raw_answer) override {
        if (refuses()) {
            co_return errc::ledger_full;
        }
        co_return co_await real_->record(std::move(after), from, std::move(raw_answer));
    }
    asio::awaitable<result<void>> published(
        std::vector<std::pair<job_id, std::uint32_t>> outcomes) override {
        if (refuses()) {
            co_return errc::ledger_full;
        }
        co_return co_await real_->published(std::move(outcomes));
    }
    asio::awaitable<result<void>> reported(std::string batch) override {
        if (refuses()) {
            co_return errc::ledger_full;
        }
        co_return co_await real_->reported(std::move(batch));
    }
    asio::awaitable<result<std::size_t>> erase_requests(wall_time before,
                                                        std::size_t count_max) override {
        if (refuses()) {
            co_return errc::ledger_full;
        }
        co_return co_await real_->erase_requests(before, count_max);
    }
    bool full() const override { return is_full && refused > 0; }
    asio::awaitable<result<void>> make_room() override {
        co_return is_full ? result<void>(errc::ledger_full) : result<void>();
    }

    asio::awaitable<result<std::vector<claimed_job>>> claim(std::string account, work_kind kind,
                                                            std::size_t count_max,
                                                            wall_time now) override {
        return real_->claim(std::move(account), kind, count_max, now);
    }
    asio::awaitable<void> unclaim(std::vector<job_id> jobs) override {
        return real_->unclaim(std::move(jobs));
    }
    asio::awaitable<result<std::optional<wall_time>>> next_due(std::string account,
                                                               work_kind kind) override {
        return real_->next_due(std::move(account), kind);
    }
    asio::awaitable<result<operated>> operate(operation what, job_selection among, job_id after,
                                              std::size_t count_max, wall_time now,
                                              std::uint32_t uid) override {
        if (refuses()) {
            co_return errc::ledger_full;
        }
        co_return co_await real_->operate(what, std::move(among), after, count_max, now, uid);
    }
    asio::awaitable<result<void>> set_pause(std::string account,
                                            std::optional<operator_pause> pause) override {
        if (refuses()) {
            co_return errc::ledger_full;
        }
        co_return co_await real_->set_pause(std::move(account), std::move(pause));
    }
    asio::awaitable<result<std::vector<operator_pause>>> pauses() override {
        return real_->pauses();
    }
    asio::awaitable<result<std::vector<job>>> unpublished(std::size_t count_max) override {
        return real_->unpublished(count_max);
    }
    asio::awaitable<result<std::vector<published_outcome>>> published_outcomes(
        wall_time finished_after, job_id id_after, std::size_t count_max) override {
        return real_->published_outcomes(finished_after, id_after, count_max);
    }
    asio::awaitable<result<void>> publish_again(std::vector<job_id> jobs) override {
        if (refuses()) {
            co_return errc::ledger_full;
        }
        co_return co_await real_->publish_again(std::move(jobs));
    }
    asio::awaitable<result<std::vector<witness>>> witnesses(std::string account, wall_time moment,
                                                            std::size_t count_max) override {
        return real_->witnesses(std::move(account), moment, count_max);
    }
    asio::awaitable<result<std::vector<std::string>>> finished_batches(
        std::size_t count_max) override {
        return real_->finished_batches(count_max);
    }
    asio::awaitable<result<batch_summary>> summary(std::string batch) override {
        return real_->summary(std::move(batch));
    }
    asio::awaitable<result<std::vector<tally>>> totals() override { return real_->totals(); }
    asio::awaitable<result<std::optional<job>>> find(std::string account,
                                                     std::string reference) override {
        return real_->find(std::move(account), std::move(reference));
    }
    asio::awaitable<result<std::string>> answer_of(job_id job) override {
        return real_->answer_of(job);
    }
    asio::awaitable<result<job_history>> history(job_id job) override {
        return real_->history(job);
    }
    ledger_counters counters() const override { return real_->counters(); }
    bool failed() const override { return real_->failed(); }
    std::string failure() const override { return real_->failure(); }

private:
    bool refuses() {
        refused += is_full ? 1 : 0;
        return is_full;
    }

    std::unique_ptr<ledger> real_;
};

}  // namespace onboardd::test
