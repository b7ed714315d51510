#pragma once

// The front door: files that producers drop into incoming/. Finds them (inotify wakes it, a rescan
// finds what inotify missed), reads each whole through a safe open, validates, and gives them out
// in portions. A file goes only when the caller says that the ledger holds its jobs. What is not a
// job is moved untouched to rejected/ beside its reason.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/error.hpp"
#include "onboardd/base/log.hpp"
#include "onboardd/spool/job_file.hpp"

namespace onboardd {

// Jobs read from one or more files, to be accepted together.
struct portion {
    struct origin;  // which file or line each job came from; private to the spool
    std::vector<new_job> jobs;
    std::shared_ptr<origin> from;
    std::uint64_t refused =
        0;  // files and lines found bad while this portion was read; already in rejected/
};

class spool {
public:
    spool() = default;
    spool(const spool&) = delete;
    spool& operator=(const spool&) = delete;
    virtual ~spool() = default;

    // Watches incoming/ and its batch directories until cancelled.
    virtual asio::awaitable<void> run() = 0;

    // The next portion: at most `portion_jobs_max` jobs. An empty one (no jobs, refused == 0) means
    // that this scan is complete and nothing eligible is left. Fails if incoming/ cannot be read;
    // the next call tries again. At most one call at a time; several portions may be open (taken,
    // not finished).
    virtual asio::awaitable<result<portion>> take() = 0;

    // The ledger has the portion: its files go (a .jsonl file with its last portion); duplicates go
    // to rejected/ with kind duplicate_reference. `verdicts` has one entry for each job. On failure
    // files stay and are read again later.
    virtual asio::awaitable<result<void>> finish(portion done, std::vector<admission> verdicts) = 0;

    // The ledger could not take the portion: its files are left and seen again by a later scan.
    virtual void abandon(portion failed) = 0;

    // Returns when there may be something to take: an inotify event (after `settle`), the rescan
    // interval, or files seen by the last scan that were too young.
    virtual asio::awaitable<void> changed() = 0;

    // Files seen by the last complete scan that were left because they changed within `settle`.
    [[nodiscard]] virtual std::size_t unsettled() const = 0;

    // Entries seen by the last complete scan that could be neither taken nor moved away, because
    // the disk is full or the rights are wrong, for example. They are tried again.
    [[nodiscard]] virtual std::size_t left() const { return 0; }

    // New rules from a reloaded configuration; portions read from now on use them.
    virtual void use(std::unique_ptr<job_reader> reader) = 0;
};

struct spool_options {
    // Changes behaviour.
    std::filesystem::path directory;  // holds incoming/ and rejected/; made, 0750, where missing
    milliseconds settle{1'000};
    milliseconds rescan{60'000};
    std::uint64_t file_bytes_max = 1024 * 1024;

    // Changes performance.
    std::size_t portion_jobs_max = 128;
};

// Throws config_error if the directories cannot be made or used, no_room if their disk is full,
// already_owned if another process uses the spool.
std::unique_ptr<spool> open_spool(const asio::any_io_executor& executor, asio::thread_pool& workers,
                                  clock& time, logger& log, std::unique_ptr<job_reader> reader,
                                  spool_options options);

}  // namespace onboardd
