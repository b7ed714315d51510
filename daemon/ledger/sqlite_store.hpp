#pragma once

// The ledger's operations on the tables, each within a transaction of the caller. Used by one
// thread at a time; every failure of SQLite is thrown as sqlite::failure and leaves the transaction
// undecided.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "daemon/ledger/sqlite_database.hpp"
#include "daemon/ledger/sqlite_history.hpp"
#include "daemon/ledger/sqlite_tallies.hpp"
#include "onboardd/ledger/ledger.hpp"

namespace onboardd::sqlite {

// Names that rows refer to by a small integer.
class name_table {
public:
    // `table` is a constant of ours: account or batch.
    name_table(database& db, const std::string& table);

    std::optional<std::int64_t> find(const std::string& name);
    std::int64_t find_or_make(const std::string& name);
    const std::string& name_of(std::int64_t id);  // valid until the next call

    // Forgets what it knows of the table: names that were made may be gone with their transaction.
    void forget() noexcept;

private:
    void remember(std::int64_t id, const std::string& name);

    std::unordered_map<std::string, std::int64_t> ids_;
    std::unordered_map<std::int64_t, std::string> names_;
    statement find_;
    statement make_;
    statement name_;
};

class store {
public:
    explicit store(database& db);
    store(const store&) = delete;
    store& operator=(const store&) = delete;
    ~store();

    // A transaction; one that only reads sees one state of the tables throughout.
    void begin(bool writes);
    void commit();
    void give_up() noexcept;  // after a failure: releases the transaction, if there is one

    // After failure::found_no_room(): takes the transaction back, here and on the disk. Everything
    // is as it was before begin(), and the next transaction may follow.
    void roll_back();

    // Transitions and acceptances so far.
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }

    // Jobs that were met without their checksum.
    [[nodiscard]] std::uint64_t damaged() const noexcept { return damaged_.size(); }

    // What is better done after the callers have gone on: moves the log into the file when it has
    // grown.
    void tidy_up();

    // Moves the log into the file now, so that the next transactions write over it.
    void move_log();

    // Whether the log was cut to nothing since the last time that this was asked: what was kept
    // for it on the disk is gone too.
    bool log_was_emptied() noexcept { return std::exchange(log_was_emptied_, false); }

    std::vector<admission> accept(const std::vector<new_job>& jobs, wall_time now);
    // What accept() would say of it; nullopt: it is new.
    std::optional<admission> admission_of(const new_job& fresh);
    std::vector<claimed_job> claim(const std::string& account, work_kind kind,
                                   std::size_t count_max, wall_time now);
    void unclaim(const std::vector<job_id>& jobs);
    std::optional<wall_time> next_due(const std::string& account, work_kind kind);
    result<void> record(const job& after, job_state from, const std::string& raw_answer,
                        wall_time now);
    operated operate(operation what, std::uint32_t uid,
                     const std::vector<std::pair<std::string, std::string>>& identities,
                     wall_time now);
    operated operate(operation what, std::uint32_t uid, const job_selection& among, job_id after,
                     std::size_t count_max, wall_time now);
    void set_pause(const std::string& account, const std::optional<operator_pause>& pause);
    std::vector<operator_pause> pauses();
    void note_restored(wall_time at);
    std::vector<job> unpublished(std::size_t count_max);
    void published(const std::vector<std::pair<job_id, std::uint32_t>>& outcomes);
    std::vector<published_outcome> published_outcomes(wall_time finished_after, job_id id_after,
                                                      std::size_t count_max);
    void publish_again(const std::vector<job_id>& jobs);
    std::vector<witness> witnesses(const std::string& account, wall_time moment,
                                   std::size_t count_max);
    std::vector<std::string> finished_batches(std::size_t count_max);
    batch_summary summary(const std::string& batch);
    // `changed`, where it is wanted: how often the summary has, if there is such a batch.
    batch_summary look_at_batch(const std::string& batch,
                                std::optional<std::int64_t>* changed = nullptr);
    std::vector<batch_summary> recent_batches(std::size_t count_max);
    void reported(const std::string& batch);
    std::vector<tally> totals();
    job_page jobs(job_id after, std::size_t count_max);
    result<std::optional<job>> find(const std::string& account, const std::string& reference);
    result<std::string> answer_of(job_id id);
    job_history history(job_id id);
    std::size_t erase_requests(wall_time before, std::size_t count_max);

    // One row of job_columns. nullopt: it does not have its checksums. That is noted, and it is
    // never believed.
    std::optional<job> row(const query& rows);

    // Every `submitting` becomes `unknown`, due at `now`: the first act of a new owner. Returns how
    // many.
    std::size_t doubt_submitting(wall_time now, milliseconds send_window);

    // What the last process read of the provider's list proves nothing to this one: how old it is,
    // cannot be told if the clock was set meanwhile. Returns how many jobs rested on it.
    std::size_t forget_proofs();

    // As doubt_submitting() with all that may have been sent by somebody else since this ledger was
    // copied.
    std::size_t doubt_all(wall_time now);

    // Every outcome and every report becomes due for publishing again.
    void publish_all_again();

    // Counts the epoch up. At least to `past`, and one more.
    std::int64_t next_epoch(std::int64_t past = 0);

private:
    // What a transition must know of the row that it replaces.
    struct stored_place {
        tally_place counted;
        std::optional<wall_time> erase_at;
        std::optional<wall_time> finished_at;
        std::int64_t origin_sum = 0;
    };
    struct change_of_claim {
        job_id id;
        bool claimed;  // or released
    };

    std::vector<tally> tallies_of(std::int64_t batch);
    admission accept_one(const new_job& fresh, wall_time now);
    admission compare_known(std::int64_t account, const new_job& fresh);
    admission compare(const query& found, const new_job& fresh);
    std::vector<std::int64_t> priorities(std::int64_t account, work_kind kind);
    std::optional<claimed_job> claimed(job_id id, work_kind kind, const std::string& account);
    std::optional<stored_place> place_of(job_id id);
    static stored_place place_in(const query& rows);
    void write(const job& after, const stored_place& before, const std::string& raw_answer);
    std::vector<job> select_jobs(const job_selection& among, std::size_t count, operated& done);
    // One operator's command.
    struct order {
        operation what;
        std::uint32_t uid;
        std::optional<wall_time> restored;
        wall_time now;
    };
    void operate_one(const order& given, const job& row, operated& done);
    bool sound(const query& rows);
    std::optional<job> by_id(job_id id);

    // Changes the jobs whose ids were found, but for damaged ones. Returns how many. `change` gives
    // the step of their past to be kept, if any.
    template <class Change>
    std::size_t change_each(query& found, Change change);
    void keep(job_id id, const std::optional<job_step>& step);
    bool take_claim(job_id id);  // false: it is claimed already
    void release_claim(job_id id);
    void empty_log();

    database& db_;
    name_table accounts_;
    name_table batches_;
    tallies tallies_;
    history_table history_;
    std::unordered_set<job_id> claimed_;
    // Of jobs that were claimed or are `submitting`: only this process changes them, so it need not
    // read them again before it does.
    std::unordered_map<job_id, stored_place> places_;
    std::vector<change_of_claim> claim_changes_;  // of this transaction
    // Claimed, and changed by operate() since. One that is taken back with its transaction stays
    // here: its holder merely claims it anew.
    std::unordered_set<job_id> revoked_;
    std::unordered_set<job_id> damaged_;  // those met so far
    std::unordered_map<std::string, std::int64_t>
        summarized_;             // batch: `changed` as of its latest summary
    bool erased_ = false;        // something, since the log was last emptied
    bool log_is_to_go_ = false;  // it may still hold what was erased
    bool log_was_emptied_ = false;
    int log_pages_ = 0;
    int log_is_moved_at_;  // pages
    std::uint64_t rows_ = 0;
    std::uint64_t rows_before_ = 0;  // this transaction

    statement begin_read_;
    statement begin_write_;
    statement commit_;
    statement insert_;
    statement insert_request_;
    statement known_;
    statement publish_again_;
    statement lower_priority_;
    statement due_;
    statement next_;
    statement by_id_;
    statement page_;
    statement request_;
    statement update_;
    statement put_answer_;
    statement unpublished_;
    statement published_;
    statement published_outcomes_;
    statement witnesses_after_;
    statement witnesses_until_;
    statement finished_batches_;
    statement batch_;
    statement recent_batches_;
    statement batch_tallies_;
    statement reported_;
    statement by_identity_;
    statement answer_;
    statement erasable_;
    statement erased_mark_;
    statement erase_request_;
    statement erase_answer_;
    statement in_flight_;
    statement proofs_;
    statement next_epoch_;
};

}  // namespace onboardd::sqlite
