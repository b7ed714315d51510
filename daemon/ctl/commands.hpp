#pragma once

// The commands of onboardctl. Each returns the exit status; a config_error, already_owned or other
// exception is turned into one by main().

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ctl/output.hpp"
#include "onboardd/config/config.hpp"
#include "onboardd/ledger/job.hpp"

namespace onboardd::ctl {

enum exit_status : int {
    done = 0,
    failed = 1,  // also: damage is left, or no such job
    usage = 2,
    // audit: findings; check, submit and import: something is no job; hold, release, retry and
    // cancel: it does not fit the state of some job
    found_some = 3,
    busy = 75,       // the daemon runs
    forbidden = 77,  // this user may not speak with the daemon
    bad_config = 78,
};

struct list_options {
    std::optional<job_state> state;
    std::string account;  // empty: any
    std::string batch;
    std::uint64_t count_max = 0;  // 0: all
};

int list_jobs(const config& settings, const list_options& options, output& to);
int show_job(const config& settings, const std::string& reference, output& to);
int report_batch(const config& settings, const std::string& batch, output& to);

int check_files(const config& settings, const std::vector<std::filesystem::path>& files,
                output& to);

struct submit_options {
    std::vector<std::filesystem::path> files;  // "-": standard input
    std::string batch;                         // a directory in incoming/; empty: incoming/ itself
};
int submit_files(const config& settings, const submit_options& options, output& to);

struct import_options {
    std::filesystem::path sheet;
    std::filesystem::path map;
    std::string batch;      // empty: the sheet's name without its ending
    bool dry_run = false;   // only says what would be handed off
    bool skip_bad = false;  // hands off what is good
};
int import_sheet(const config& settings, const import_options& options, output& to);

struct fsck_options {
    bool repair = false;
    bool accept_restored = false;  // the operator says that a copy from before is the truth now
};
int fsck(const config& settings, const fsck_options& options, output& to);

// `accounts` empty: all that are configured.
int audit(const config& settings, const std::vector<std::string>& accounts, output& to);

}  // namespace onboardd::ctl
