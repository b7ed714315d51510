#include "daemon/ledger/sqlite_store.hpp"

#include <algorithm>

#include "daemon/ledger/checksum.hpp"
#include "daemon/ledger/sqlite_row.hpp"

namespace onboardd::sqlite {
namespace {

constexpr std::size_t cached_names_max = 4096;
constexpr std::int64_t above_all_priorities = 128;

// The write-ahead log is moved into the file when it has this many pages: often enough to keep it
// small, seldom enough that pages which change with every commit are moved once for many commits.
constexpr int log_pages_max = 4000;
// When that found no room, it is tried again after so many more.
constexpr int more_log_pages = 500;

std::string select(const std::string& rest) {
    return std::string("SELECT ") + job_columns + " FROM job " + rest;
}

}  // namespace

name_table::name_table(database& db, const std::string& table)
    : find_(db, "SELECT id FROM " + table + " WHERE name = ?"),
      make_(db, "INSERT INTO " + table + " (name) VALUES (?) RETURNING id"),
      name_(db, "SELECT name FROM " + table + " WHERE id = ?") {}

std::optional<std::int64_t> name_table::find(const std::string& name) {
    if (const auto known = ids_.find(name); known != ids_.end()) {
        return known->second;
    }
    query found(find_, name);
    if (!found.next()) {
        return std::nullopt;
    }
    const auto id = found.integer(0);
    remember(id, name);
    return id;
}

std::int64_t name_table::find_or_make(const std::string& name) {
    if (const auto id = find(name)) {
        return *id;
    }
    query made(make_, name);
    made.next();
    const auto id = made.integer(0);
    remember(id, name);
    return id;
}

const std::string& name_table::name_of(std::int64_t id) {
    if (const auto known = names_.find(id); known != names_.end()) {
        return known->second;
    }
    query found(name_, id);
    if (!found.next()) {
        fail_corrupt("a job names an account or a batch that is not there");
    }
    remember(id, found.text(0));
    return names_.at(id);
}

void name_table::forget() noexcept {
    ids_.clear();
    names_.clear();
}

void name_table::remember(std::int64_t id, const std::string& name) {
    if (names_.size() >= cached_names_max) {
        forget();
    }
    ids_.emplace(name, id);
    names_.emplace(id, name);
}

store::store(database& db)
    : db_(db),
      accounts_(db, "account"),
      batches_(db, "batch"),
      tallies_(db),
      history_(db),
      log_is_moved_at_(log_pages_max),
      begin_read_(db, "BEGIN"),
      begin_write_(db, "BEGIN IMMEDIATE"),
      commit_(db, "COMMIT"),
      insert_(db, insert_job),
      insert_request_(db, "INSERT INTO request (job, body, sum) VALUES (?, ?, ?)"),
      known_(db, select("WHERE account = ? AND reference = ?")),
      publish_again_(db, "UPDATE job SET published = 0 WHERE id = ? AND published > 0"),
      lower_priority_(
          db,
          "SELECT priority FROM job INDEXED BY due WHERE work <> 0 AND account = ? AND work = ?"
          " AND priority < ? ORDER BY priority DESC LIMIT 1"),
      due_(db,
           "SELECT id FROM job INDEXED BY due WHERE work <> 0 AND account = ? AND work = ? AND "
           "priority = ?"
           " AND due_at <= ? ORDER BY due_at, id"),
      next_(db,
            "SELECT id, due_at FROM job INDEXED BY due WHERE work <> 0 AND account = ? AND work = "
            "? AND priority = ?"
            " ORDER BY due_at, id"),
      by_id_(db, select("WHERE id = ?")),
      page_(db, select("WHERE id > ? ORDER BY id LIMIT ?")),
      request_(db, "SELECT body, sum FROM request WHERE job = ?"),
      update_(db, update_job),
      put_answer_(db,
                  "INSERT INTO answer (job, body, sum) VALUES (?, ?, ?)"
                  " ON CONFLICT (job) DO UPDATE SET body = excluded.body, sum = excluded.sum"),
      unpublished_(db, select("INDEXED BY unpublished WHERE published < revision ORDER BY id")),
      published_(db, "UPDATE job SET published = ?2 WHERE id = ?1 AND published < ?2"),
      published_outcomes_(
          db,
          "SELECT id, erase_at, account, reference FROM job INDEXED BY erasable WHERE erase_at IS "
          "NOT NULL AND (erase_at, id) > (?, ?) AND revision > 0 AND published >= revision"
          " ORDER BY erase_at, id LIMIT ?"),
      witnesses_after_(db, select("INDEXED BY witness WHERE case_uuid <> '' AND account = ?"
                                  " AND submitted_at > ? ORDER BY submitted_at DESC, id DESC")),
      witnesses_until_(db, select("INDEXED BY witness WHERE case_uuid <> '' AND account = ?"
                                  " AND submitted_at <= ? ORDER BY submitted_at DESC, id DESC")),
      finished_batches_(
          db,
          "SELECT name FROM batch INDEXED BY report_due WHERE open = 0 AND reported < changed"
          " ORDER BY id LIMIT ?"),
      batch_(db,
             "SELECT id, changed, first_received_at, last_finished_at FROM batch WHERE name = ?"),
      recent_batches_(
          db,
          "SELECT id, name, first_received_at, last_finished_at FROM batch"
          " WHERE id > (SELECT max(id) FROM batch) - 1000 ORDER BY (open > 0) DESC, id DESC"
          " LIMIT ?"),
      batch_tallies_(
          db,
          "SELECT account, state, reason, jobs, attempts FROM tally WHERE batch = ? AND jobs > 0"),
      reported_(db, "UPDATE batch SET reported = ?2 WHERE id = ?1 AND changed = ?2"),
      by_identity_(db, select("WHERE account = ? AND reference = ?")),
      answer_(db,
              "SELECT answer.body, answer.sum, job.origin_sum FROM answer JOIN job"
              " ON job.id = answer.job WHERE answer.job = ?"),
      erasable_(db,
                "SELECT id FROM job INDEXED BY erasable WHERE erase_at IS NOT NULL AND erase_at < ?"
                " ORDER BY erase_at LIMIT ?"),
      erased_mark_(db, "UPDATE job SET erase_at = NULL WHERE id = ?"),
      erase_request_(db, "DELETE FROM request WHERE job = ?"),
      erase_answer_(db, "DELETE FROM answer WHERE job = ?"),
      in_flight_(db, "SELECT id FROM job INDEXED BY in_flight WHERE state = 2 ORDER BY id"),
      proofs_(db, "SELECT id FROM job WHERE absent_since IS NOT NULL ORDER BY id"),
      next_epoch_(db, "UPDATE meta SET epoch = max(epoch, ?) + 1 RETURNING epoch") {
    // This takes the place of SQLite's automatic checkpoint, which would make the callers wait.
    const auto note = [](void* self, sqlite3*, const char*, int pages) {
        static_cast<store*>(self)->log_pages_ = pages;
        return SQLITE_OK;
    };
    sqlite3_wal_hook(db.handle(), note, this);
}

store::~store() {
    sqlite3_wal_hook(db_.handle(), nullptr, nullptr);
}

void store::begin(bool writes) {
    claim_changes_.clear();
    rows_before_ = rows_;
    (writes ? begin_write_ : begin_read_).run();
}

void store::commit() {
    tallies_.flush();  // nothing, if nothing was written
    commit_.run();
}

void store::give_up() noexcept {
    // It drops what is in memory; the disk stays as undecided as it is.
    tallies_.drop();
    sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void store::roll_back() {
    // A failed statement has rolled back already where it had to.
    if (sqlite3_get_autocommit(db_.handle()) == 0) {
        db_.run("ROLLBACK");
    }
    for (auto change = claim_changes_.rbegin(); change != claim_changes_.rend(); ++change) {
        if (change->claimed) {
            claimed_.erase(change->id);
        } else {
            claimed_.insert(change->id);
        }
    }
    claim_changes_.clear();
    places_.clear();
    rows_ = rows_before_;
    accounts_.forget();
    batches_.forget();
    tallies_.reload();
}

void store::tidy_up() {
    if (log_is_to_go_) {
        log_is_to_go_ = false;
        empty_log();
    } else if (log_pages_ >= log_is_moved_at_) {
        move_log();
    }
}

// Somebody who reads the ledger just now keeps the log alive; nobody waits for that. The next
// erase_requests() tries again.
void store::empty_log() {
    struct no_waiting {
        sqlite3* db;
        explicit no_waiting(sqlite3* handle) : db(handle) { sqlite3_busy_timeout(db, 0); }
        ~no_waiting() { sqlite3_busy_timeout(db, database::busy_wait_milliseconds); }
    };
    const no_waiting now(db_.handle());
    erased_ = db_.integer("PRAGMA wal_checkpoint(TRUNCATE)") != 0;
    log_was_emptied_ = !erased_;
}

void store::move_log() {
    // A full disk leaves all of it in the log, where it is as safe.
    log_is_moved_at_ = log_pages_ + more_log_pages;
    db_.run("PRAGMA wal_checkpoint(PASSIVE)");
    log_is_moved_at_ = log_pages_max;
    log_pages_ = 0;
}

std::vector<admission> store::accept(const std::vector<new_job>& jobs, wall_time now) {
    std::vector<admission> verdicts;
    verdicts.reserve(jobs.size());
    for (const auto& fresh : jobs) {
        verdicts.push_back(accept_one(fresh, now));
    }
    return verdicts;
}

admission store::accept_one(const new_job& fresh, wall_time now) {
    const auto account = accounts_.find_or_make(fresh.account);
    const auto batch = batches_.find_or_make(fresh.batch);
    const tally_place place{.tally = tallies_.row_of(batch, account, job_state::queued, {}),
                            .batch = batch,
                            .account = account,
                            .state = job_state::queued,
                            .attempts = 0};
    const std::string_view content(reinterpret_cast<const char*>(fresh.content.data()),
                                   fresh.content.size());
    const auto fingerprint = pack(fresh.fingerprint);
    const job_origin origin{.account = account,
                            .batch = batch,
                            .account_name = fresh.account,
                            .batch_name = fresh.batch,
                            .received_at = now,
                            .reference = fresh.reference,
                            .content = content,
                            .fingerprint = fingerprint};
    job row;
    row.priority = fresh.priority;
    row.not_before = fresh.not_before;
    row.expires_at = fresh.expires_at;
    row.due_at = std::max(fresh.not_before.value_or(now), now);
    insert_row(insert_, row, place.tally, origin);
    if (sqlite3_changes(db_.handle()) == 0) {
        return compare_known(account, fresh);
    }
    insert_request_.run(sqlite3_last_insert_rowid(db_.handle()), bytes_view{fresh.request},
                        checksum_of_body(sum_of(origin), fresh.request));
    tallies_.received(place, now);
    ++rows_;
    return admission::accepted;
}

admission store::compare_known(std::int64_t account, const new_job& fresh) {
    query found(known_, account, fresh.reference);
    if (!found.next()) {
        fail_corrupt("the index of identities and the jobs disagree");
    }
    const auto verdict = compare(found, fresh);
    if (verdict == admission::known) {
        publish_again_.run(found.integer(id_column));
    }
    return verdict;
}

admission store::compare(const query& found, const new_job& fresh) {
    if (!sound(found)) {
        return admission::duplicate_reference;  // who can tell what the content was?
    }
    const auto stored = found.bytes(content_column);
    return std::ranges::equal(stored, fresh.content, {},
                              [](char c) { return static_cast<std::uint8_t>(c); })
               ? admission::known
               : admission::duplicate_reference;
}

std::optional<admission> store::admission_of(const new_job& fresh) {
    const auto account = accounts_.find(fresh.account);
    if (!account) {
        return std::nullopt;
    }
    query found(known_, *account, fresh.reference);
    return found.next() ? std::optional(compare(found, fresh)) : std::nullopt;
}

// Index skip: one seek for each priority that is present, however many jobs have it.
std::vector<std::int64_t> store::priorities(std::int64_t account, work_kind kind) {
    std::vector<std::int64_t> present;
    for (auto below = above_all_priorities;;) {
        query lower(lower_priority_, account, static_cast<int>(kind), below);
        if (!lower.next()) {
            return present;
        }
        const auto found = lower.integer(0);
        if (found >= below) {  // an index out of order could lead round in a circle
            fail_corrupt("the index of due jobs is not in order");
        }
        below = found;
        present.push_back(below);
    }
}

std::vector<claimed_job> store::claim(const std::string& account, work_kind kind,
                                      std::size_t count_max, wall_time now) {
    std::vector<claimed_job> claims;
    const auto account_id = accounts_.find(account);
    if (!account_id || kind == work_kind::none) {
        return claims;
    }
    for (const auto priority : priorities(*account_id, kind)) {
        query due(due_, *account_id, static_cast<int>(kind), priority, now);
        while (claims.size() < count_max && due.next()) {
            // Those in flight are few and still in the index: they are stepped over.
            // One that is damaged stays claimed, so that it is not met again and again.
            if (const auto id = due.integer(0); take_claim(id)) {
                if (auto claim = claimed(id, kind, account)) {
                    claims.push_back(std::move(*claim));
                }
            }
        }
    }
    return claims;
}

std::optional<claimed_job> store::claimed(job_id id, work_kind kind, const std::string& account) {
    query rows(by_id_, id);
    if (!rows.next()) {
        fail_corrupt("the index of due jobs and the jobs disagree");
    }
    auto found = row(rows);
    // The row itself has the last word on what it waits for: a damaged `work` or index must not
    // have a case that exists opened again.
    if (!found || work_of(*found) != kind || found->account != account) {
        damaged_.insert(id);
        return std::nullopt;
    }
    claimed_job claim;
    claim.row = std::move(*found);
    claim.fingerprint = unpack(rows.bytes(fingerprint_column));
    if (kind == work_kind::submit) {
        query requests(request_, id);
        claim.request = requests.next() ? requests.text(0) : std::string();
        const auto origin = rows.integer(origin_sum_column);
        if (!claim.request.empty() &&
            requests.integer(1) != checksum_of_body(origin, claim.request)) {
            damaged_.insert(id);
            return std::nullopt;
        }
    }
    places_.insert_or_assign(id, place_in(rows));
    return claim;
}

void store::unclaim(const std::vector<job_id>& jobs) {
    for (const auto id : jobs) {
        release_claim(id);
        revoked_.erase(id);
        places_.erase(id);
    }
}

bool store::take_claim(job_id id) {
    const bool taken = claimed_.insert(id).second;
    if (taken) {
        claim_changes_.push_back({id, true});
    }
    return taken;
}

void store::release_claim(job_id id) {
    if (claimed_.erase(id) != 0) {
        claim_changes_.push_back({id, false});
    }
}

std::optional<wall_time> store::next_due(const std::string& account, work_kind kind) {
    std::optional<wall_time> earliest;
    const auto account_id = accounts_.find(account);
    if (!account_id || kind == work_kind::none) {
        return earliest;
    }
    for (const auto priority : priorities(*account_id, kind)) {
        query next(next_, *account_id, static_cast<int>(kind), priority);
        while (next.next()) {
            if (!claimed_.contains(next.integer(0))) {
                earliest = std::min(earliest.value_or(next.time(1)), next.time(1));
                break;
            }
        }
    }
    return earliest;
}

}  // namespace onboardd::sqlite
