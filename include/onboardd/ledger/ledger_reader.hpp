#pragma once

// Looking into the ledger from outside, while the daemon runs or stands still. It takes no lock
// that the owner wants, changes nothing, and each call reads for a moment only: a reader that
// lingers keeps the owner from tidying up its log.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "onboardd/base/error.hpp"
#include "onboardd/ledger/ledger.hpp"

namespace onboardd {

// Calls block. They throw std::runtime_error with a sentence for the operator if the ledger cannot
// be read any more.
class ledger_reader {
public:
    ledger_reader() = default;
    ledger_reader(const ledger_reader&) = delete;
    ledger_reader& operator=(const ledger_reader&) = delete;
    virtual ~ledger_reader() = default;

    // The jobs behind `after` (0: from the first), `count_max` rows at most.
    virtual job_page jobs(job_id after, std::size_t count_max) = 0;

    // One job by identity; errc::damaged_row if what is kept of it cannot be believed.
    virtual result<std::optional<job>> find(const std::string& account,
                                            const std::string& reference) = 0;

    virtual job_history history(job_id job) = 0;

    // Every account that the ledger has jobs of, by name.
    virtual std::vector<std::string> accounts() = 0;

    // The whole ledger by account and state; reasons are left empty.
    virtual std::vector<tally> totals() = 0;

    // The accounts that an operator has paused, by name.
    virtual std::vector<operator_pause> pauses() = 0;

    // Without tallies if there is no such batch.
    virtual batch_summary summary(const std::string& batch) = 0;

    // Those with open jobs first, then the newest, `count_max` at most.
    virtual std::vector<batch_summary> recent_batches(std::size_t count_max) = 0;
};

// Throws config_error with a sentence for the operator: no such file, no ledger, one of another
// schema, no permission.
std::unique_ptr<ledger_reader> open_ledger_reader(const std::filesystem::path& file);

}  // namespace onboardd
