#pragma once

// The durable record of every job. When a call reports success, the change is on disk; transitions
// that wait at the same moment share one commit. When a commit fails, the state of the disk is
// undecided: from then on every write is refused with errc::ledger_failed, and the program is to
// end and start again (the start repairs).
//
// A full disk is the exception: it decides a commit, nothing was written. The call is refused with
// errc::ledger_full, jobs stay claimed as they were, and it may be made again. New jobs are refused
// first; a reserve lets the other writes go on for a while.
//
// One interface, several stores: SQLite on one host, memory in tests, PostgreSQL for fleets.
// Nothing outside this module may know which one runs; all pass one contract test.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/error.hpp"
#include "onboardd/base/measures.hpp"
#include "onboardd/ledger/history.hpp"
#include "onboardd/ledger/job.hpp"
#include "onboardd/ledger/mark.hpp"
#include "onboardd/ledger/operate.hpp"
#include "onboardd/spool/job_file.hpp"

namespace onboardd {

// A job that was claimed for its next step, with what that step needs.
struct claimed_job {
    job row;
    std::string request;  // exact body bytes; only for work_kind::submit; empty: erased, it cannot
                          // be sent any more
    case_fingerprint fingerprint;
};

// Jobs of one batch that share account, state and reason.
struct tally {
    std::string account;
    job_state state = job_state::queued;
    std::string
        reason;  // empty, or for example "refused 400 invalid_parameter: ..."; see reason_of()
    std::uint64_t jobs = 0;
    std::uint64_t attempts = 0;

    bool operator==(const tally&) const = default;
};

// The class that a job's error belongs to in reports and tallies; at most 200 bytes.
std::string reason_of(const job& row);

// Tallies of one batch, account and state have at most so many reasons; jobs with further ones
// share `other_reasons`. A provider that puts something new into every message must not make
// tallies as many as jobs.
inline constexpr std::size_t reasons_max = 1000;
inline constexpr const char* other_reasons = "other reasons";

struct batch_summary {
    std::string batch;
    std::optional<wall_time> first_received_at;
    std::optional<wall_time> last_finished_at;
    std::vector<tally> tallies;
};

// Some jobs in the order of their arrival.
struct job_page {
    std::vector<job> rows;
    std::vector<job_id> damaged;  // rows without their checksum: for fsck
    job_id last = 0;              // where the next page begins
    bool end = false;             // there is none
};

// One of our cases, known to exist at the provider: evidence that a list is fresh, and whole.
struct witness {
    std::string case_id;       // the resource's uuid
    wall_time submitted_at{};  // when its POST had been sent
    std::string reference;     // as it was sent
};

// An outcome that is on disk as far as the ledger knows.
struct published_outcome {
    job_id id = 0;
    wall_time finished_at{};
    std::string account;
    std::string reference;
};

// Which jobs an operator means.
struct job_selection {
    // (account, reference). Not empty: these, and the members below are not looked at.
    std::vector<std::pair<std::string, std::string>> identities;

    // Else every job for which all of this is so.
    std::string account;             // empty: any
    std::string batch;               // empty: any
    std::optional<job_state> state;  // nullopt: any
};

struct operated_job {
    job after;
    job_state from = job_state::queued;
};

struct refused_job {
    std::string account;
    std::string reference;
    job_state state = job_state::queued;
    refusal why = refusal::damaged;
};

// What became of one portion of a selection.
struct operated {
    std::vector<operated_job> changed;
    std::vector<refused_job> refused;
    std::vector<std::pair<std::string, std::string>> missing;  // identities without a job
    std::uint64_t unchanged = 0;  // jobs that were as they are wanted already
    job_id last = 0;              // where the next portion begins
    bool end = true;              // there is none
};

// Jobs that one portion of operate() looks at: so many that a million takes some hundred portions,
// so few that a portion keeps nobody waiting.
inline constexpr std::size_t operate_portion_max = 2'000;

// An account that an operator has paused: no request is made for its jobs.
struct operator_pause {
    std::string account;
    wall_time since{};
    std::uint32_t uid = 0;  // of the operator

    bool operator==(const operator_pause&) const = default;
};

struct ledger_counters {
    std::uint64_t commits = 0;
    std::uint64_t rows = 0;  // transitions and acceptances
    // Jobs that were met and do not have their checksum. They are left alone, and nothing is sent
    // for them, until a person runs fsck.
    std::uint64_t damaged = 0;
};

class ledger {
public:
    ledger() = default;
    ledger(const ledger&) = delete;
    ledger& operator=(const ledger&) = delete;
    virtual ~ledger() = default;

    // Takes new jobs in as `queued`, due at not_before or at once. One verdict for each, in order;
    // a job that repeats an earlier one of the same call is `known` or `duplicate_reference` too. A
    // final job that is `known` becomes due for publishing again.
    virtual asio::awaitable<result<std::vector<admission>>> accept(std::vector<new_job> jobs) = 0;

    // Claims up to `count_max` jobs of `account` that wait for `kind` and are due: higher priority
    // first, then earlier due time, then order of arrival. A claimed job is not handed out again
    // until its next record() or unclaim().
    virtual asio::awaitable<result<std::vector<claimed_job>>> claim(std::string account,
                                                                    work_kind kind,
                                                                    std::size_t count_max,
                                                                    wall_time now) = 0;

    // Gives claimed jobs back unchanged.
    virtual asio::awaitable<void> unclaim(std::vector<job_id> jobs) = 0;

    // When the next job of `account` that waits for `kind` and is not claimed becomes due. nullopt:
    // none waits.
    virtual asio::awaitable<result<std::optional<wall_time>>> next_due(std::string account,
                                                                       work_kind kind) = 0;

    // Writes the whole row of `after`, provided that the job is still in state `from`; else
    // errc::stale_job. A `raw_answer` that is not empty is kept beside it in place of an earlier
    // one. The job is no longer claimed (one that is `submitting` waits for nothing and is not
    // handed out either). Identity, batch and received_at never change: those of `after` are not
    // looked at. What was claimed and has been changed by operate() since is refused with
    // errc::stale_job as well, and stays claimed until unclaim().
    virtual asio::awaitable<result<void>> record(job after, job_state from,
                                                 std::string raw_answer = {}) = 0;

    // Does what operate() of operate.hpp decides to the jobs of `among` behind `after` (0: from the
    // first), in the order of arrival: to `count_max` of them at most, and operate_portion_max are
    // looked at. All identities of a selection are one portion. One commit for the portion. `uid`
    // is the operator's, for the histories.
    virtual asio::awaitable<result<operated>> operate(operation what, job_selection among,
                                                      job_id after, std::size_t count_max,
                                                      wall_time now, std::uint32_t uid) = 0;

    // Remembers that an operator has paused this account; `pause` nullopt: forgets it.
    virtual asio::awaitable<result<void>> set_pause(std::string account,
                                                    std::optional<operator_pause> pause) = 0;

    // By account.
    virtual asio::awaitable<result<std::vector<operator_pause>>> pauses() = 0;

    // Jobs whose outcome (see has_outcome()) has a revision that is not on disk yet, oldest first,
    // at most `count_max`.
    virtual asio::awaitable<result<std::vector<job>>> unpublished(std::size_t count_max) = 0;

    // The outcome files with these revisions are on disk. May ride with the next commit.
    virtual asio::awaitable<result<void>> published(
        std::vector<std::pair<job_id, std::uint32_t>> outcomes) = 0;

    // Outcomes that were published, of jobs that have ended and whose request is not erased yet, in
    // the order of (finished_at, id): those after this place, at most `count_max`.
    virtual asio::awaitable<result<std::vector<published_outcome>>> published_outcomes(
        wall_time finished_after, job_id id_after, std::size_t count_max) = 0;

    // The outcomes of these jobs are not on disk after all: they become due for publishing again.
    virtual asio::awaitable<result<void>> publish_again(std::vector<job_id> jobs) = 0;

    // Our cases of `account`, of jobs that are `accepted` or `created`: those with the latest
    // submission times after `moment`, and those with the latest until then; newest first, at most
    // `count_max` of either kind.
    virtual asio::awaitable<result<std::vector<witness>>> witnesses(std::string account,
                                                                    wall_time moment,
                                                                    std::size_t count_max) = 0;

    // Batches without an open job whose report is not written yet, and batches with one by name.
    virtual asio::awaitable<result<std::vector<std::string>>> finished_batches(
        std::size_t count_max) = 0;
    virtual asio::awaitable<result<batch_summary>> summary(std::string batch) = 0;
    // The report of the batch was written from the latest summary() of it; if the batch has changed
    // since, it stays due.
    virtual asio::awaitable<result<void>> reported(std::string batch) = 0;

    // Batches for people to look at, those with open jobs first, then the newest; at most
    // `count_max`, of the newest thousand. Nothing to do with reports: reported() goes by summary()
    // alone. A store for tests may know none.
    virtual asio::awaitable<result<std::vector<batch_summary>>> recent_batches(std::size_t) {
        co_return std::vector<batch_summary>();
    }

    // One batch for people to look at; without tallies if there is none of this name. Nothing to do
    // with reports, as above.
    virtual asio::awaitable<result<batch_summary>> look_at_batch(std::string batch) {
        batch_summary none;
        none.batch = std::move(batch);
        co_return none;
    }

    // The jobs behind `after` (0: from the first) for people to look at, `count_max` rows at most.
    virtual asio::awaitable<result<job_page>> jobs(job_id after, std::size_t) {
        job_page none;
        none.last = after;
        none.end = true;
        co_return none;
    }

    // The whole ledger by account and state; reasons are left empty. Cost does not grow with the
    // number of jobs.
    virtual asio::awaitable<result<std::vector<tally>>> totals() = 0;

    // One job by identity; errc::damaged_row if what is kept of it cannot be believed.
    virtual asio::awaitable<result<std::optional<job>>> find(std::string account,
                                                             std::string reference) = 0;

    // The raw answer that was recorded last; empty: none, or erased. errc::damaged_row as above.
    virtual asio::awaitable<result<std::string>> answer_of(job_id job) = 0;

    // What record(), operate() and the start kept of its past; see history.hpp. None: erased, or
    // there was nothing to keep.
    virtual asio::awaitable<result<job_history>> history(job_id job) = 0;

    // Erases request and answer bytes, and the histories, of jobs that reached a final state before
    // `before`; returns how many, at most `count_max` a call. Once it returns less than that, the
    // bytes are gone from the ledger's files too.
    virtual asio::awaitable<result<std::size_t>> erase_requests(wall_time before,
                                                                std::size_t count_max) = 0;

    // Counts the epoch up, durably. The mark that it returns is then written beside the outcomes:
    // in this order, so that a crash in between leaves the ledger ahead.
    virtual asio::awaitable<result<ledger_mark>> next_mark() { co_return ledger_mark{}; }

    [[nodiscard]] virtual ledger_counters counters() const = 0;

    // Set once a commit failed: writes are refused.
    [[nodiscard]] virtual bool failed() const = 0;

    // Set once there was no room on the disk, until make_room() has found some.
    [[nodiscard]] virtual bool full() const { return false; }

    // Looks whether there is room again, and takes the reserve back. errc::ledger_full: there is
    // not enough yet.
    virtual asio::awaitable<result<void>> make_room() { co_return result<void>(); }

    // What failed, in words for the operator; empty if nothing did.
    [[nodiscard]] virtual std::string failure() const = 0;
};

struct sqlite_options {
    std::filesystem::path file;
    milliseconds send_window{
        10'000};  // the last byte of a request leaves at most this long after its intent

    // The mark that stands beside the outcomes; nullopt: there is none.
    std::optional<ledger_mark> mark;

    // The outcomes are gone, and so are the reports: all become due for publishing again.
    bool publish_all_again = false;

    // Room that is kept on the ledger's disk for the day when there is none left, once in a file
    // beside the ledger and once for its log; never more than a sixteenth of the disk each.
    std::uint64_t reserve_bytes_max = 16 * 1024 * 1024;

    // Changes performance.
    std::size_t commit_rows_max = 256;
    std::size_t cache_bytes_max = 16 * 1024 * 1024;

    measures* seen = nullptr;  // where commits are counted and timed; null: nowhere
};

// Opens, repairs and checks the ledger, in this order (reliability rule "start after anything"):
// lock, structural check, wal_checkpoint(TRUNCATE), comparison with the mark, one committed write
// (the epoch), every `submitting` to `unknown`, every `absent_since` forgotten. A ledger that is
// behind the mark, or not the one that the mark names, is refused and left as it is. The check
// costs little after an orderly stop or a crash of the process; after a crash of the host every job
// row is checked too. Throws already_owned if another process has the lock, config_error with a
// sentence for the operator if the file cannot be used, no_room if its disk is full. Blocking: call
// it before the loop runs. `executor` is the loop that the calls resume on.
std::unique_ptr<ledger> open_sqlite_ledger(asio::any_io_executor executor, clock& time,
                                           const sqlite_options& options);

// For a ledger that is refused for its mark, on the operator's word: from now on it is the truth.
// Every job in it that may have been sent since (`queued`, `deferred`, `submitting`, `unknown`)
// becomes `unknown`, lost now: it is looked up with the provider, and settles, before anything is
// sent. Final and held jobs stay as they are, and are looked up before anything is sent should an
// operator release or retry them. The caller then writes `mark` beside the outcomes
// (write_mark()); until it has, the ledger is refused as before, and all this can be done again.
// Blocking, and throws, as open_sqlite_ledger(). Jobs that only the outcomes know are not brought
// back: compare the two first.
struct accepted_ledger {
    ledger_mark mark;
    std::size_t doubted = 0;  // jobs that became `unknown`
};
accepted_ledger accept_restored_ledger(clock& time, const sqlite_options& options);

// Keeps everything in memory: for tests.
std::unique_ptr<ledger> make_memory_ledger(asio::any_io_executor executor, clock& time);

}  // namespace onboardd
