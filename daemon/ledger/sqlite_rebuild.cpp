#include "daemon/ledger/sqlite_rebuild.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/ledger/checksum.hpp"
#include "daemon/ledger/sqlite_file.hpp"
#include "daemon/ledger/sqlite_operator.hpp"
#include "daemon/ledger/sqlite_row.hpp"
#include "daemon/ledger/sqlite_schema.hpp"
#include "daemon/ledger/sqlite_store.hpp"
#include "daemon/ledger/sqlite_survey.hpp"
#include "daemon/ledger/sqlite_tallies.hpp"
#include "daemon/ledger/sqlite_wal.hpp"
#include "onboardd/provider/cdd_case.hpp"

namespace onboardd::sqlite {
namespace {

using std::filesystem::path;

constexpr const char* damaged_table =
    "CREATE TABLE IF NOT EXISTS damaged (id INTEGER PRIMARY KEY, set_aside_at INTEGER NOT NULL,"
    " job INTEGER NOT NULL, raw TEXT NOT NULL) STRICT";

constexpr const char* conflict_text =
    "the ledger's record of this job was damaged on the disk and fsck set it aside: whether a case "
    "was opened is not known. Look for the reference with the provider; if there is none, hand the "
    "job in under a new reference";
constexpr const char* created_text =
    "its row was damaged and has been made again from the provider's answer";

// A number so far behind the one before is itself damaged.
constexpr job_id gap_max = 1'000'000;

constexpr std::uint32_t revision_believed_max = 1'000'000;

path beside(const path& file, const std::string& suffix) {
    return {file.string() + suffix};
}

// For a name: 20261122T010405Z.
std::string stamp_of(wall_time now) {
    auto text = format_rfc3339(std::chrono::floor<std::chrono::seconds>(now));
    std::erase_if(text, [](char byte) { return byte == '-' || byte == ':'; });
    return text;
}

// A statement that may fail on a damaged page costs what it was about, not the whole.
template <class Work>
bool tried(Work work) {
    try {
        work();
        return true;
    } catch (const failure& cause) {
        const int kind = cause.code() & 0xff;
        if (kind != SQLITE_CORRUPT &&
            kind != SQLITE_CONSTRAINT) {  // bytes that mean something else
            throw;
        }
        return false;
    }
}

class rebuilding {
public:
    rebuilding(database& old, database& db, wall_time now,
               const std::function<void(ledger_fault)>& tell)
        : old_(old), db_(db), now_(now), tell_(tell) {}

    void run() {
        copy_small_tables();
        tally_.emplace(db_);
        prepare();
        for (const auto end : {index_end::first, index_end::last}) {
            tried([&] { add_identities(old_, end, by_index_); });
        }
        gone_before_ = set_aside_before();
        for (const auto id : all_ids()) {
            take(id);
        }
        tally_->flush();
        // The number of a job that is gone will be another one's.
        db_.run("DELETE FROM step WHERE job NOT IN (SELECT id FROM job)");
    }

private:
    // The names, and the classes of jobs with their numbers, so that good rows stay as they are.
    // Each table is copied whole or not at all. Without a class its jobs get another one; without
    // the names no job could be told from another.
    void copy_small_tables() {
        if (!copied("account (id, name)", "SELECT id, name FROM account NOT INDEXED")) {
            copy("account (id, name)",
                 "SELECT id, name FROM account INDEXED BY sqlite_autoindex_account_1");
        }
        if (!copied("batch (id, name, changed, reported)",
                    "SELECT id, name, changed, reported FROM batch NOT INDEXED")) {
            copy("batch (id, name, changed)",
                 "SELECT id, name, 1 FROM batch INDEXED BY sqlite_autoindex_batch_1");
        }
        copied("tally (id, batch, account, state, reason)",
               "SELECT id, batch, account, state, reason FROM tally NOT INDEXED");
        copy_identity();
        copy_pauses();
        copy_histories();
        db_.run(damaged_table);
        if (old_.has_table("damaged")) {
            copied("damaged", "SELECT * FROM damaged");
        }
        accounts_ = read_names(db_, "account");
        batches_ = read_names(db_, "batch");
    }

    // By it, and by the epoch, the ledger is known beside its outcomes; the new one is the same
    // ledger.
    void copy_identity() {
        db_.run(identity_schema);
        const bool known = copied("meta", "SELECT * FROM meta") &&
                           (!old_.has_table("ledger_identity") ||
                            copied("ledger_identity", "SELECT * FROM ledger_identity"));
        if (!known) {
            tell_({"identity_lost", "the ledger",
                   "it cannot be told any more that these outcomes are its own: onboardd will "
                   "refuse it until onboardctl fsck --accept-restored",
                   ""});
        }
    }

    void copy_pauses() {
        db_.run(operator_schema);
        for (const auto& name : {std::string("operator_pause"), std::string("restored")}) {
            if (old_.has_table(name) && !copied(name, "SELECT * FROM " + name)) {
                tell_({"pauses_lost", "the ledger",
                       "which accounts operators had paused cannot be read: pause them again", ""});
            }
        }
    }

    void copy_histories() {
        db_.run(history_schema);
        if (old_.has_table("step") && !copied("step", "SELECT * FROM step")) {
            db_.run("DELETE FROM step");
            tell_({"history_lost", "the ledger",
                   "what explain tells of earlier attempts cannot be read and is gone", ""});
        }
    }

    void copy(const std::string& into, const std::string& rows) {
        statement all(old_, rows);
        std::optional<statement> put;
        for (query each(all); each.next();) {
            if (!put) {
                put.emplace(db_, "INSERT OR REPLACE INTO " + into + " VALUES (" +
                                     placeholders(each.columns()) + ")");
            }
            put->run_with(each);
        }
    }

    // All rows or none: they are read once before the first is written.
    bool copied(const std::string& into, const std::string& rows) {
        return tried([&] {
            statement all(old_, rows);
            for (query each(all); each.next();) {
            }
            copy(into, rows);
        });
    }

    static std::string placeholders(int count) {
        std::string text = "?";
        for (int i = 1; i < count; ++i) {
            text += ", ?";
        }
        return text;
    }

    void prepare() {
        read_.emplace(old_, std::string("SELECT ") + job_columns + " FROM job WHERE id = ?");
        whole_.emplace(old_, "SELECT * FROM job WHERE id = ?");
        read_request_.emplace(old_, "SELECT body, sum FROM request WHERE job = ?");
        read_answer_.emplace(old_, "SELECT body, sum FROM answer WHERE job = ?");
        put_request_.emplace(db_, "INSERT INTO request (job, body, sum) VALUES (?, ?, ?)");
        put_answer_.emplace(db_, "INSERT INTO answer (job, body, sum) VALUES (?, ?, ?)");
        insert_.emplace(db_, insert_job);
        update_.emplace(db_, update_job);
        renumber_.emplace(db_, "UPDATE job SET id = ? WHERE id = ?");
        to_be_erased_.emplace(db_, "UPDATE job SET erase_at = ?2 WHERE id = ?1");
        set_right_.emplace(db_, "UPDATE job SET published = ?2, erase_at = ?3 WHERE id = ?1");
        set_aside_.emplace(db_, "INSERT INTO damaged (set_aside_at, job, raw) VALUES (?, ?, ?)");
        batch_of_.emplace(db_, "INSERT INTO batch (name) VALUES (?) RETURNING id");
    }

    void add_ids(const std::string& select, std::set<job_id>& to) {
        for (const auto* order : {" ASC", " DESC"}) {
            tried([&] {
                statement walk(old_, select + order);
                for (query rows(walk); rows.next();) {
                    to.insert(rows.integer(0));
                }
            });
        }
    }

    // From the tables from both ends, as far as their pages can be read, and from the index.
    // Numbers are given without a gap and never again, so those in between were jobs, too: their
    // pages cannot be reached by walking.
    std::vector<job_id> all_ids() {
        std::set<job_id> ids;
        add_ids("SELECT id FROM job NOT INDEXED ORDER BY id", ids);
        add_ids("SELECT job FROM request ORDER BY job", ids);
        add_ids("SELECT job FROM answer ORDER BY job", ids);
        for (const auto& [id, known] : by_index_) {
            ids.insert(id);
        }
        std::vector<job_id> all;
        job_id last = 0;
        for (const auto id : ids) {
            for (auto between = last + 1; between < id && id - last <= gap_max; ++between) {
                all.push_back(between);
            }
            all.push_back(id);
            last = id;
        }
        return all;
    }

    // What an earlier repair knew nothing of.
    std::set<job_id> set_aside_before() {
        std::set<job_id> found;
        statement all(db_, "SELECT job FROM damaged");
        for (query rows(all); rows.next();) {
            found.insert(rows.integer(0));
        }
        return found;
    }

    void take(job_id id) {
        const bool read = tried([&] {
            query rows(*read_, id);
            if (!rows.next()) {
                lost(id);
                return;
            }
            const auto verdict = judge(rows, accounts_, batches_);
            if (verdict.sound()) {
                keep(rows, verdict);
            } else {
                replace(rows, verdict);
            }
        });
        if (!read) {
            lost(id);
        }
    }

    void keep(const query& rows, const row_verdict& verdict) {
        const auto row = read_sound(rows, verdict);
        copy_row(row.id);
        const auto published =
            std::clamp<std::int64_t>(rows.integer(published_column), 0, std::int64_t{row.revision});
        auto erase_at = rows.time_or_none(erase_column);
        if (erase_at) {
            erase_at = is_final(row.state) ? row.finished_at : std::nullopt;
        }
        const bool right = published == rows.integer(published_column) &&
                           erase_at == rows.time_or_none(erase_column);
        if (!right) {
            set_right_->run(row.id,
                            rows.integer(published_column) > std::int64_t{row.revision}
                                ? std::int64_t{0}
                                : published,
                            erase_at);
        }
        count(row, rows.integer(tally_column), rows.integer(account_column),
              rows.integer(batch_column), rows.integer(origin_sum_column), erase_at);
        const auto origin = rows.integer(origin_sum_column);
        copy_body(*read_request_, *put_request_, row.id, origin);
        copy_body(*read_answer_, *put_answer_, row.id, origin);
    }

    void copy_row(job_id id) {
        query row(*whole_, id);
        row.next();
        if (!put_) {
            put_.emplace(db_, "INSERT INTO job VALUES (" + placeholders(row.columns()) + ")");
        }
        put_->run_with(row);
    }

    // Where the row names a class that is not its own, it is sealed again with the right one.
    void count(const job& row, std::int64_t noted, std::int64_t account, std::int64_t batch,
               std::int64_t origin_sum, std::optional<wall_time> erase_at) {
        const auto right = tally_->row_of(batch, account, row.state, reason_of(row));
        if (right != noted) {
            update_row(*update_, row, right, erase_at, origin_sum);
        }
        tally_->received({.tally = right,
                          .batch = batch,
                          .account = account,
                          .state = row.state,
                          .attempts = row.attempts},
                         row.received_at);
        if (row.finished_at) {
            tally_->finished(batch, *row.finished_at);
        }
    }

    static std::optional<std::string> sound_body(statement& read, job_id id, std::int64_t origin) {
        std::optional<std::string> body;
        tried([&] {
            query rows(read, id);
            if (rows.next() && rows.integer(1) == checksum_of_body(origin, rows.bytes(0))) {
                body = rows.text(0);
            }
        });
        return body;
    }

    static void copy_body(statement& read, statement& put, job_id id, std::int64_t origin) {
        if (const auto body = sound_body(read, id, origin)) {
            put.run(id, bytes_view{*body}, checksum_of_body(origin, *body));
        }
    }

    // The row is there and cannot be believed, or only its origin can.
    void replace(const query& rows, const row_verdict& verdict) {
        const auto id = rows.integer(id_column);
        set_aside_->run(now_, id, raw_text(rows));
        if (!verdict.origin_sound) {
            lost(id);
            return;
        }
        job row;
        row.id = id;
        row.account = verdict.account;
        row.batch = verdict.batch;
        row.reference = rows.text(reference_column);
        row.received_at = rows.time(received_column);
        row.revision = next_revision(rows.integer(revision_column));
        const auto origin = rows.integer(origin_sum_column);
        const auto answer = sound_body(*read_answer_, id, origin);
        const auto told = end_blocked(row, answer);
        const bool inserted =
            insert(row, rows.bytes(content_column), rows.bytes(fingerprint_column), told);
        if (inserted && answer) {
            put_answer_->run(id, bytes_view{*answer}, checksum_of_body(origin, *answer));
        }
    }

    // Nothing of the row is left but what the index of identities knows.
    void lost(job_id id) {
        const auto known = by_index_.find(id);
        const auto account =
            known != by_index_.end() ? accounts_.find(known->second.account) : accounts_.end();
        if (account == accounts_.end() || known->second.reference.empty()) {
            if (gone_before_.contains(id)) {
                return;
            }
            set_aside_->run(now_, id, std::string());
            tell_({"job_lost", "row " + std::to_string(id),
                   "neither account nor reference of this job can be read: it cannot be kept from "
                   "being opened again. Run onboardctl audit to see the cases without a job",
                   ""});
            return;
        }
        job row;
        row.id = id;
        row.account = account->second;
        row.batch = "default";
        row.reference = known->second.reference;
        row.received_at = now_;
        row.revision = 1;
        const auto told = end_blocked(row, std::nullopt);
        const std::array<char, 32> no_content{};
        insert(row, {no_content.data(), no_content.size()}, pack({}), told);
    }

    static std::uint32_t next_revision(std::int64_t stored) {
        const bool believable = stored >= 0 && stored < revision_believed_max;
        return believable ? static_cast<std::uint32_t>(stored) + 1 : 1;
    }

    // `created` from the provider's own answer, else `conflict`.
    ledger_fault end_blocked(job& row, const std::optional<std::string>& answer) const {
        row.finished_at = now_;
        row.due_at = now_;
        auto found = answer ? parse_case(*answer) : std::nullopt;
        if (found && !found->facts.contract_url.empty() && found->reference == row.reference) {
            row.state = job_state::created;
            row.the_case = std::move(found->facts);
            row.attempts = 1;
            row.submitted_at = row.received_at;
            return {"job_restored", subject_of(row.id, row.account, row.reference), created_text,
                    ""};
        }
        row.state = job_state::conflict;
        row.error.emplace();
        row.error->kind = error_kind::conflict;
        row.error->message = conflict_text;
        return {"job_blocked", subject_of(row.id, row.account, row.reference),
                "it is now `conflict`: " + std::string(conflict_text), ""};
    }

    // False, and nothing is told: a sound row has this identity.
    bool insert(job& row, std::string_view content, std::string_view fingerprint,
                const ledger_fault& told) {
        const auto account = id_of(accounts_, row.account);
        const auto batch = id_of(batches_, row.batch);
        const job_origin origin{.account = account,
                                .batch = batch,
                                .account_name = row.account,
                                .batch_name = row.batch,
                                .received_at = row.received_at,
                                .reference = row.reference,
                                .content = content,
                                .fingerprint = fingerprint};
        const auto tally = tally_->row_of(batch, account, row.state, reason_of(row));
        insert_row(*insert_, row, tally, origin);
        if (sqlite3_changes(db_.handle()) == 0) {
            return false;
        }
        tell_(told);
        renumber_->run(row.id, sqlite3_last_insert_rowid(db_.handle()));
        count(row, tally, account, batch, sum_of(origin), row.finished_at);
        to_be_erased_->run(row.id, row.finished_at);
        return true;
    }

    std::int64_t id_of(names& known, const std::string& name) {
        for (const auto& [id, other] : known) {
            if (other == name) {
                return id;
            }
        }
        query made(*batch_of_, name);  // accounts are always known
        made.next();
        return known.emplace(made.integer(0), name).first->first;
    }

    // Column by column, for a person; the request is not among them.
    static std::string raw_text(const query& rows) {
        std::string text;
        for (int column = 0; column <= erase_column; ++column) {
            text += column == 0 ? "" : "|";
            text += rows.is_null(column) ? "NULL" : rows.text(column);
        }
        return text;
    }

    database& old_;
    database& db_;
    wall_time now_;
    const std::function<void(ledger_fault)>& tell_;
    names accounts_;
    names batches_;
    identities by_index_;
    std::set<job_id> gone_before_;
    std::optional<tallies> tally_;
    std::optional<statement> read_, whole_, put_, read_request_, read_answer_, put_request_,
        put_answer_, insert_, update_, to_be_erased_, renumber_, set_right_, set_aside_, batch_of_;
};

// Its header says how many pages there are; where it says less than there are, the rest would not
// be read.
void set_page_count(const path& file) {
    const auto header = read_header(file);
    if (header && header->bytes_present > header->bytes_expected && header->page_bytes != 0) {
        write_page_count(file,
                         static_cast<std::uint32_t>(header->bytes_present / header->page_bytes));
    }
}

// True: the log had to be mended.
bool make_readable(const path& file, const std::string& stamp) {
    const bool damaged = is_damaged(examine_log(file));
    if (damaged) {
        mend_log(file, beside(file, "-wal.damaged-" + stamp));
    }
    {
        database db(file);
        if (db.integer("PRAGMA wal_checkpoint(TRUNCATE)") != 0) {
            refuse(file, "another program keeps on reading it; stop that and try again");
        }
    }
    set_page_count(file);
    return damaged;
}

void remove_all_of(const path& fresh) {
    for (const auto* suffix : {"", "-wal", "-shm", "-journal"}) {
        std::filesystem::remove(beside(fresh, suffix));
    }
}

void expect_whole(const path& file, const path& fresh) {
    database db(fresh);
    if (const auto verdict = db.text("PRAGMA integrity_check"); verdict != "ok") {
        refuse(file, "the new ledger is not sound (" + verdict + "): the old one stays");
    }
}

// False: some pages do not fit to the others. Those may be of an earlier time, whose rows have good
// checksums and do not know what was sent since.
bool build(const path& file, const path& fresh, wall_time now,
           const std::function<void(ledger_fault)>& tell) {
    remove_all_of(fresh);
    make_file(fresh);
    // A connection of its own for the old one: SQLite writes nothing more in a transaction that has
    // met a damaged page.
    database old(file, database::access::read);
    old.leave_files_alone();
    old.run("PRAGMA cell_size_check = ON");
    database db(fresh);
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = FULL");
    db.run("PRAGMA temp_store = MEMORY");
    db.run("BEGIN IMMEDIATE");
    db.run(schema);
    rebuilding(old, db, now, tell).run();
    db.run(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
    db.run(("PRAGMA user_version = " + std::to_string(schema_version)).c_str());
    db.run("COMMIT");
    // Closing would do so too, but does not tell when it fails: the disk may have become full.
    if (db.integer("PRAGMA wal_checkpoint(TRUNCATE)") != 0) {
        refuse(file, "the new ledger could not be written: the old one stays");
    }
    std::string verdict = "unreadable";
    tried([&] { verdict = old.text("PRAGMA integrity_check(1)"); });
    return verdict == "ok";
}

void doubt_open_jobs(const path& fresh, wall_time now,
                     const std::function<void(ledger_fault)>& tell) {
    database db(fresh);
    std::size_t doubted = 0;
    {
        store tables(db);
        tables.begin(true);
        tables.note_restored(now);
        doubted = tables.doubt_all(now);
        tables.commit();
    }
    if (db.integer("PRAGMA wal_checkpoint(TRUNCATE)") != 0) {
        refuse(fresh, "could not be written: the old ledger stays");
    }
    if (doubted != 0) {
        tell({"jobs_doubted", "the ledger",
              std::to_string(doubted) +
                  " open jobs are looked up with the provider before anything is sent for them: "
                  "what was read may be of an earlier time",
              ""});
    }
}

// At every moment there is a whole ledger under the name: the old one or the new one. The old one's
// log has been emptied, so it cannot be taken for the new one's.
void put_into_place(const path& file, const path& fresh, const path& kept) {
    for (const auto* suffix : {"-wal", "-shm"}) {
        std::filesystem::remove(beside(file, suffix));
    }
    if (::link(file.c_str(), kept.c_str()) != 0) {
        refuse(file, "cannot be kept as " + kept.string() + ": " +
                         std::generic_category().message(errno));
    }
    sync_directory(file.parent_path());
    std::filesystem::rename(fresh, file);
    sync_directory(file.parent_path());
}

}  // namespace

path rebuild(const path& file, wall_time now, const std::function<void(ledger_fault)>& tell) {
    const auto stamp = stamp_of(now);
    const auto fresh = beside(file, ".new");
    auto kept = beside(file, ".damaged-" + stamp);
    try {
        const bool mended = make_readable(file, stamp);
        const bool consistent = build(file, fresh, now, tell);
        if (mended || !consistent) {
            doubt_open_jobs(fresh, now, tell);
        }
        expect_whole(file, fresh);
        put_into_place(file, fresh, kept);
    } catch (const failure& cause) {
        remove_all_of(fresh);
        throw std::runtime_error(
            "ledger " + file.string() +
            ": cannot be repaired (restore it from a backup): " + cause.what());
    } catch (const std::filesystem::filesystem_error& cause) {
        throw std::runtime_error("ledger " + file.string() +
                                 ": cannot be repaired: " + cause.what());
    }
    return kept;
}

}  // namespace onboardd::sqlite
