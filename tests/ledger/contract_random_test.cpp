// Long random runs, compared with a plain recount and between ledgers.

#include <map>
#include <random>
#include <tuple>

#include "ledger/ledger_contract.hpp"

namespace onboardd::test {
namespace {

// Random transitions, and a plain recount of what the ledger then holds.
class random_run {
public:
    random_run(ledger_fixture& ledger, unsigned seed) : ledger_(ledger), random_(seed) {}

    void step() {
        if (below(4) == 0 || rows_.empty()) {
            accept();
        } else {
            move(rows_[below(rows_.size())]);
        }
        ledger_.time.advance(milliseconds(below(1000)));
    }

    const std::vector<job>& rows() const { return rows_; }

private:
    std::size_t below(std::size_t end) {
        return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
    }

    void accept() {
        auto fresh = a_job("r" + std::to_string(below(400)), 1 + static_cast<int>(below(10) == 0));
        fresh.account = "T0000000" + std::to_string(1 + below(3));
        fresh.batch = "batch-" + std::to_string(below(4));
        fresh.priority = static_cast<std::int8_t>(static_cast<int>(below(21)) - 10);
        const auto account = fresh.account;
        const auto reference = fresh.reference;
        std::vector<new_job> one;
        one.push_back(std::move(fresh));
        if (ledger_.accept(std::move(one)).at(0) == admission::accepted) {
            rows_.push_back(ledger_.found(reference, account));
        }
    }

    void move(job& row) {
        const auto from = row.state;
        row.state = all_job_states[below(std::size(all_job_states))];
        row.attempts += static_cast<std::uint32_t>(below(3));
        row.revision += static_cast<std::uint32_t>(below(2));
        row.followed = below(2) == 0;
        row.due_at = ledger_.time.wall_now() + milliseconds(below(5000));
        row.error.reset();
        row.finished_at.reset();
        if (is_final(row.state)) {
            row.finished_at = ledger_.time.wall_now();
            row.error = an_error(error_kind::refused, 0, "m" + std::to_string(below(3)));
        }
        must(ledger_.record(row, from, below(2) == 0 ? "" : "answer"));
    }

    ledger_fixture& ledger_;
    std::mt19937 random_;
    std::vector<job> rows_;
};

std::vector<tally> recount(const std::vector<job>& rows, const std::optional<std::string>& batch) {
    std::map<std::tuple<std::string, job_state, std::string>, tally> sums;
    for (const auto& row : rows) {
        if (!batch || row.batch == *batch) {
            auto reason = batch ? reason_of(row) : std::string();
            auto& sum = sums[{row.account, row.state, reason}];
            sum = {row.account, row.state, reason, sum.jobs + 1, sum.attempts + row.attempts};
        }
    }
    std::vector<tally> tallies;
    for (const auto& [key, sum] : sums) {
        tallies.push_back(sum);
    }
    return tallies;
}

TEST_P(LedgerContract, TalliesEqualARecountAfterRandomOperations) {
    for (const unsigned seed : {1U, 2U, 3U}) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        random_run operations(*this, seed);
        for (int i = 0; i < 400; ++i) {
            operations.step();
        }
        for (int i = 0; i < 4; ++i) {
            const auto batch = "batch-" + std::to_string(i);
            EXPECT_EQ(summary(batch).tallies, recount(operations.rows(), batch));
        }
        EXPECT_EQ(totals(), recount(operations.rows(), std::nullopt));
        if (GetParam() == store_kind::memory) {
            book = make_memory_ledger(loop.get_executor(), time);
            continue;
        }
        close();
        std::filesystem::remove(file());
        open();
    }
}

TEST_P(LedgerContract, TalliesAndRowsSurviveARestartInWhichSubmittingBecomesUnknown) {
    random_run operations(*this, 4);
    for (int i = 0; i < 400; ++i) {
        operations.step();
    }
    restart();
    auto rows = operations.rows();
    for (auto& row : rows) {
        if (GetParam() == store_kind::sqlite && row.state == job_state::submitting) {
            row.state = job_state::unknown;
            row.due_at = time.wall_now();
            const auto sent = row.submitted_at.value_or(time.wall_now());
            row.lost_at = std::min(time.wall_now(), sent + sqlite_options{}.send_window);
        }
        EXPECT_EQ(found(row.reference, row.account), row);
    }
    for (int i = 0; i < 4; ++i) {
        const auto batch = "batch-" + std::to_string(i);
        EXPECT_EQ(summary(batch).tallies, recount(rows, batch));
    }
    EXPECT_EQ(totals(), recount(rows, std::nullopt));
}

// The same random run on both: what is handed out, when, and what is still to publish must not
// differ.
TEST(LedgerEquivalence, MemoryAndSqliteHandOutTheSameJobsInTheSameOrder) {
    struct memory_fixture : ledger_fixture {
    } memory;
    memory.book = make_memory_ledger(memory.loop.get_executor(), memory.time);
    sqlite_fixture sqlite;
    sqlite.open();
    random_run in_memory(memory, 5);
    random_run in_sqlite(sqlite, 5);
    std::mt19937 random(6);
    for (int i = 0; i < 600; ++i) {
        in_memory.step();
        in_sqlite.step();
        ASSERT_EQ(memory.time.wall_now(), sqlite.time.wall_now());
        const auto kind = static_cast<work_kind>(1 + random() % 3);
        const auto account = "T0000000" + std::to_string(1 + random() % 3);
        const auto expected = memory.claim(kind, random() % 3, account);
        const auto claims = sqlite.claim(kind, expected.size(), account);
        ASSERT_EQ(claims.size(), expected.size());
        for (std::size_t k = 0; k < claims.size(); ++k) {
            ASSERT_EQ(claims[k].row, expected[k].row);
            ASSERT_EQ(claims[k].request, expected[k].request);
        }
        if (i % 50 == 0) {
            ASSERT_EQ(memory.unpublished(), sqlite.unpublished());
            memory.publish_all();
            sqlite.publish_all();
        }
    }
}

}  // namespace
}  // namespace onboardd::test
