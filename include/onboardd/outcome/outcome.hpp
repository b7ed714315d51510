#pragma once

// Outcome files and run reports: views of the ledger, made again from it at any time.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "onboardd/base/error.hpp"
#include "onboardd/ledger/ledger.hpp"

namespace onboardd {

// The bytes of <outcomes>/<account>/<reference>.json for `row` (schema onboardd/outcome/1):
// deterministic, so that writing again gives the same file.
std::string render_outcome(const job& row);

// The run report of a batch, as JSON (schema onboardd/report/1) and as text for people.
std::string render_report_json(const batch_summary& summary);
std::string render_report_text(const batch_summary& summary);

// The mark of the ledger that writes outcomes into `directory`, in its file `.ledger`; nullopt:
// there is none. Throws config_error if it cannot be read or is damaged: then nobody knows whether
// the ledger is the right one.
std::optional<ledger_mark> read_mark(const std::filesystem::path& directory);

// Writes it whole: temporary name, fsync, rename, fsync of the directory. Blocking.
result<void> write_mark(const std::filesystem::path& directory, const ledger_mark& mark);

// Whether there is nothing in `directory` but what this program makes there by itself.
bool has_no_outcomes(const std::filesystem::path& directory);

class outcome_writer {
public:
    // Makes the directory, 0750. Throws config_error if it cannot be used, no_room if its disk is
    // full. Removes temporary files that a crash left.
    explicit outcome_writer(const std::filesystem::path& directory);
    outcome_writer(const outcome_writer&) = delete;
    outcome_writer& operator=(const outcome_writer&) = delete;
    ~outcome_writer();

    // Writes the outcome of each row: temporary name in the same directory (O_EXCL, 0640), fsync
    // (or one syncfs for many), rename, then one fsync for each directory. A reader sees the old
    // file, the new one, or none, never a part. One result for each row: after success it survives
    // a power cut. Blocking; safe to call from several threads, but not for the same job at the
    // same time: which of two revisions comes last would be left to chance. A row whose account or
    // reference is not as the contract has them fails with invalid_argument and touches nothing.
    std::vector<result<void>> publish(std::span<const job> rows);

    // Which of these outcomes have no file, or an empty one. Blocking; one that cannot be looked at
    // counts as there.
    std::vector<job_id> missing(std::span<const published_outcome> outcomes);

    // Writes reports/<batch>.json and .txt in the same way. The name is made safe for a path first.
    result<void> publish_report(const batch_summary& summary);

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace onboardd
