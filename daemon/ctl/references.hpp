#pragma once

// From what people type to jobs of the ledger: read from its file, or, by an operator who may not
// read that, through the running daemon.

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "daemon/ctl/output.hpp"
#include "onboardd/admin/reading.hpp"
#include "onboardd/config/config.hpp"
#include "onboardd/ledger/ledger_reader.hpp"

namespace onboardd::ctl {

// Throws not_allowed if this user may not read the ledger's file.
void expect_readable_ledger(const config& settings);

// Throws as above, and config_error if it is no ledger.
std::unique_ptr<ledger_reader> open_reader(const config& settings);

// Calls throw std::runtime_error with a sentence for the operator.
class job_book {
public:
    job_book() = default;
    job_book(const job_book&) = delete;
    job_book& operator=(const job_book&) = delete;
    virtual ~job_book() = default;

    // The jobs behind `after` (0: from the first) in the order of arrival, some hundred of them.
    virtual job_page jobs(job_id after) = 0;

    // What each REF means, in their order; found_references_max at most. With the pasts of the
    // jobs, if they are wanted.
    virtual std::vector<admin::found_jobs> find(const std::vector<std::string>& references,
                                                bool histories) = 0;

    // Without tallies if there is no such batch.
    virtual batch_summary batch(const std::string& name) = 0;
};

// Throws as open_reader(), and not_allowed if there is no daemon to be asked either.
std::unique_ptr<job_book> open_book(const config& settings);

// The references as they were named; for "-" those on `in`, one a line.
std::vector<std::string> all_references(const std::vector<std::string>& named, std::istream& in);

// Says that there were none there, most likely since what should have named them has failed.
void tell_nothing_named(output& to);

// What each of any number of references means, one after the other.
void find_each(job_book& book, const std::vector<std::string>& references, bool histories,
               const std::function<void(const std::string&, const admin::found_jobs&)>& tell);

// Says that `reference`, which may be anything, names no job.
void tell_no_job(output& to, const std::string& reference);

// Where no job fits the names that were asked for: says so if one is unknown, most likely mistyped.
// Empty: not asked for.
bool tell_unknown_name(const config& settings, const std::string& account, const std::string& batch,
                       output& to);

// Says that what the ledger holds of `subject` is damaged.
void tell_damaged(output& to, const std::string& subject);

}  // namespace onboardd::ctl
