#pragma once

// Sums over jobs, kept by differences: tally rows (batch, account, state, reason), batch rows, and
// the totals by account and state in memory. A commit of many transitions changes each row at most
// once.

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "daemon/ledger/sqlite_database.hpp"
#include "onboardd/ledger/job.hpp"

namespace onboardd::sqlite {

// Where one job is counted.
struct tally_place {
    std::int64_t tally = 0;
    std::int64_t batch = 0;
    std::int64_t account = 0;
    job_state state = job_state::queued;
    std::uint32_t attempts = 0;

    bool operator==(const tally_place&) const = default;
};

class tallies {
public:
    explicit tallies(database& db);

    // The tally row of this class of jobs, made when it is new.
    std::int64_t row_of(std::int64_t batch, std::int64_t account, job_state state,
                        const std::string& reason);

    void received(const tally_place& place, wall_time at);
    void moved(const tally_place& from, const tally_place& to);
    void finished(std::int64_t batch, wall_time at);

    // Writes the differences; called within the transaction, before its end.
    void flush();

    // Forgets the differences of a transaction that failed. totals() still count them.
    void drop() noexcept;

    // Forgets all that a transaction did that was rolled back.
    void reload();

    struct sum {
        std::int64_t jobs = 0;
        std::int64_t attempts = 0;
    };
    struct account_state {
        std::int64_t account = 0;
        job_state state = job_state::queued;

        // clang-tidy takes the 0 that this compares with for a null pointer.
        auto operator<=>(const account_state&) const = default;  // NOLINT(modernize-use-nullptr)
    };
    [[nodiscard]] const std::map<account_state, sum>& totals() const noexcept { return totals_; }

private:
    struct tally_key {
        std::int64_t batch = 0;
        std::int64_t account = 0;
        job_state state = job_state::queued;
        std::string reason;

        auto operator<=>(const tally_key&) const = default;  // NOLINT(modernize-use-nullptr)
    };
    struct batch_change {
        std::int64_t open = 0;
        std::optional<wall_time> first_received_at;
        std::optional<wall_time> last_finished_at;
    };

    void load_totals();
    void count(const tally_place& place, std::int64_t sign);
    std::int64_t find_or_make(const tally_key& key);

    std::map<account_state, sum> totals_;
    std::map<tally_key, std::int64_t> rows_;  // a cache of bounded size
    std::unordered_map<std::int64_t, sum> tally_changes_;
    std::unordered_map<std::int64_t, batch_change> batch_changes_;
    statement sums_;
    statement find_;
    statement count_reasons_;
    statement make_;
    statement change_tally_;
    statement change_batch_;
};

}  // namespace onboardd::sqlite
