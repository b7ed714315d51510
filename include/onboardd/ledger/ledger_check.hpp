#pragma once

// Checking a ledger that stands still, and building it anew from what is good of it.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "onboardd/base/error.hpp"
#include "onboardd/ledger/ledger.hpp"

namespace onboardd {

struct ledger_fault {
    std::string kind;     // one word for programs, ledger_structure for example
    std::string subject;  // ACCOUNT/REFERENCE, "row 17", a batch, "the ledger": may hold any bytes
    std::string text;     // what is wrong, and what it means
    std::string remedy;   // what repair() does about it; empty: nothing
};

// What of a sound row contradicts itself; empty: nothing. Pure.
std::string contradiction_in(const job& row, std::uint32_t published);

// A ledger that this process owns as the daemon does. Calls block; they throw config_error when the
// ledger cannot be used at all.
class ledger_check {
public:
    ledger_check() = default;
    ledger_check(const ledger_check&) = delete;
    ledger_check& operator=(const ledger_check&) = delete;
    virtual ~ledger_check() = default;

    // Whether the calls below can work: not before repair() where the log or the file is so damaged
    // that SQLite cannot be let near it.
    [[nodiscard]] virtual bool readable() const = 0;

    // Names each fault of the log, the structure, the rows, the bodies, and the sums. Changes
    // nothing.
    virtual void examine(const std::function<void(ledger_fault)>& tell) = 0;

    // Builds the ledger anew beside the old one, from all that is sound, counts the sums again, and
    // puts it into place; the old one is kept under another name, which is returned. A job that is
    // damaged stays blocked: it becomes `created` if the provider's answer is whole and names its
    // case, else `conflict`; what is left of its row goes into the table `damaged`. One whose
    // identity cannot be read is only set aside, and named to `tell`. Where the log was damaged, or
    // pages do not fit to each other, some may be of an earlier time: then every open job is looked
    // up with the provider before anything is sent for it.
    virtual std::filesystem::path repair(wall_time now,
                                         const std::function<void(ledger_fault)>& tell) = 0;

    // Every sound job in the order of arrival, with the revision that is published.
    virtual void each_job(const std::function<void(const job&, std::uint32_t)>& use) = 0;

    // What accept() would say: nullopt if the job is new.
    virtual std::optional<admission> admission_of(const new_job& fresh) = 0;

    // errc::damaged_row if what is kept of it cannot be believed.
    virtual result<std::optional<job>> find(const std::string& account,
                                            const std::string& reference) = 0;

    // Which ledger this is and how far it is.
    virtual ledger_mark mark() = 0;

    // Batches whose report the ledger believes to be on disk.
    virtual std::vector<std::string> reported_batches() = 0;
    virtual batch_summary summary(const std::string& batch) = 0;
};

// Takes the ledger's locks. Throws already_owned if a process has them; config_error with a
// sentence for the operator if there is no ledger of this schema.
std::unique_ptr<ledger_check> own_ledger(const std::filesystem::path& file);

}  // namespace onboardd
