#pragma once

// What the contract tests share. Every ledger passes them, whatever it is made of.

#include "ledger/ledger_fixture.hpp"

namespace onboardd::test {

using namespace std::chrono_literals;

enum class store_kind { memory, sqlite };

inline const auto every_store = testing::Values(store_kind::memory, store_kind::sqlite);

inline std::string name_of_store(const testing::TestParamInfo<store_kind>& one) {
    return one.param == store_kind::memory ? "Memory" : "Sqlite";
}

class LedgerContract : public sqlite_fixture, public testing::TestWithParam<store_kind> {
public:
    using names = std::vector<std::string>;

protected:
    LedgerContract() {
        if (GetParam() == store_kind::sqlite) {
            open();
        } else {
            book = make_memory_ledger(loop.get_executor(), time);
        }
    }

    // What is on disk is what is in memory: asked again after a restart where there is a disk.
    void restart() {
        if (GetParam() == store_kind::sqlite) {
            reopen();
        }
    }

    std::vector<std::string> references(const std::vector<claimed_job>& claims) {
        std::vector<std::string> found;
        for (const auto& claim : claims) {
            found.push_back(claim.row.reference);
        }
        return found;
    }

    std::optional<wall_time> next_due(work_kind kind = work_kind::submit) {
        std::optional<wall_time> due;
        run([&]() -> asio::awaitable<void> {
            due = must(co_await book->next_due("T00000001", kind));
        });
        return due;
    }

    batch_summary summary(const std::string& batch = "default") {
        batch_summary found;
        run([&]() -> asio::awaitable<void> { found = must(co_await book->summary(batch)); });
        return found;
    }

    std::vector<tally> totals() {
        std::vector<tally> found;
        run([&]() -> asio::awaitable<void> { found = must(co_await book->totals()); });
        return found;
    }

    std::vector<std::string> finished_batches() {
        std::vector<std::string> found;
        run([&]() -> asio::awaitable<void> { found = must(co_await book->finished_batches(10)); });
        return found;
    }

    void reported(const std::string& batch) {
        run([&]() -> asio::awaitable<void> { must(co_await book->reported(batch)); });
    }

    std::string answer_of(job_id id) {
        std::string answer;
        run([&]() -> asio::awaitable<void> { answer = must(co_await book->answer_of(id)); });
        return answer;
    }

    std::size_t erase(wall_time before, std::size_t count_max = 100) {
        std::size_t count = 0;
        run([&]() -> asio::awaitable<void> {
            count = must(co_await book->erase_requests(before, count_max));
        });
        return count;
    }

    std::vector<std::string> witnesses(wall_time after, std::size_t count_max = 100) {
        std::vector<std::string> ids;
        run([&]() -> asio::awaitable<void> {
            auto found = must(co_await book->witnesses("T00000001", after, count_max));
            for (const auto& one : found) {
                ids.push_back(one.case_id);
            }
        });
        return ids;
    }

    job reject(job row, const std::string& message) {
        const auto from = row.state;
        row.state = job_state::rejected;
        row.finished_at = time.wall_now();
        row.error = an_error(error_kind::refused, 400, message);
        row.revision += 1;
        must(record(row, from));
        return row;
    }
};

}  // namespace onboardd::test
