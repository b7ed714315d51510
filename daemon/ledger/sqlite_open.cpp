#include "daemon/ledger/sqlite_open.hpp"

#include <utility>

#include "daemon/ledger/reserve.hpp"
#include "daemon/ledger/sqlite_migrate.hpp"
#include "daemon/ledger/sqlite_schema.hpp"
#include "daemon/ledger/sqlite_wal.hpp"

namespace onboardd::sqlite {
namespace {

using std::filesystem::path;

path beside(const path& file, const char* suffix) {
    return {file.string() + suffix};
}

// A ledger appears under its name whole, with all its tables, or not at all: a crash in between
// leaves no half file that a later start would have to judge.
void make_ledger(const path& file) {
    if (size_or_zero(beside(file, "-wal")) != 0) {
        refuse(file,
               "is missing, but its write-ahead log (-wal) is there: put the ledger back, or move "
               "the log away");
    }
    const auto fresh = beside(file, ".new");
    for (const auto* suffix : {"", "-wal", "-shm", "-journal"}) {
        std::filesystem::remove(beside(fresh, suffix));
    }
    make_file(fresh);
    {
        database db(fresh);
        db.run("PRAGMA journal_mode = WAL");
        db.run("PRAGMA synchronous = FULL");
        db.run("BEGIN IMMEDIATE");
        db.run(schema);
        db.run(identity_schema);
        db.run(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
        db.run(("PRAGMA user_version = " + std::to_string(schema_version)).c_str());
        db.run("COMMIT");
        // Closing would do so too, but does not tell when it fails.
        if (db.integer("PRAGMA wal_checkpoint(TRUNCATE)") != 0) {
            refuse(fresh, "another program reads it; stop that and start again");
        }
    }
    std::filesystem::rename(fresh, file);
    sync_directory(file.parent_path());
}

void check_version(const path& file, std::int64_t version) {
    if (version > schema_version) {
        refuse(file, "was written by a newer onboardd (schema " + std::to_string(version) +
                         ", this program knows " + std::to_string(schema_version) +
                         "): start that one; the file was left as it is");
    }
    if (version < schema_version_min) {
        refuse(file,
               "has the unknown schema " + std::to_string(version) + "; it was left as it is");
    }
}

// Before SQLite sees the file, since SQLite changes files by opening and closing them.
void check_header(const path& file, const file_header& header) {
    if (header.application_id != application_id) {
        refuse(file, "is an SQLite database of another program; it was left as it is");
    }
    check_version(file, header.schema_version);
    // With a log beside it a short file is ordinary: the crash came while the log was moved into
    // it.
    if (size_or_zero(beside(file, "-wal")) != 0) {
        return;
    }
    if (header.bytes_present < header.bytes_expected) {
        refuse(file, "is cut off: " + std::to_string(header.bytes_present) + " of " +
                         std::to_string(header.bytes_expected) +
                         " bytes are there; restore it from a backup");
    }
    // SQLite would write over what is behind.
    if (header.bytes_present > header.bytes_expected) {
        refuse(file, "is damaged: it has " + std::to_string(header.bytes_present) +
                         " bytes, and says " + std::to_string(header.bytes_expected) +
                         ": run onboardctl fsck");
    }
}

// SQLite would silently forget what is behind a damaged place, intents among it.
void check_log(const path& file) {
    if (const auto log = examine_log(file); is_damaged(log)) {
        refuse(file, "has a damaged log (-wal): " + std::to_string(log.commits_lost) +
                         " commits stand behind the damage and would be lost: run onboardctl fsck");
    }
}

void set_up(database& db, const sqlite_options& options) {
    // A bit in the header would have it without a log, and less durable.
    if (db.text("PRAGMA journal_mode = WAL") != "wal") {
        refuse(options.file, "cannot be used: SQLite has no write-ahead log there");
    }
    db.run("PRAGMA synchronous = FULL");  // with WAL: every commit is on disk when it returns
    db.run("PRAGMA temp_store = MEMORY");
    db.run("PRAGMA mmap_size = 0");  // an error of the disk must be a code, not a signal
    db.run("PRAGMA trusted_schema = OFF");
    db.run("PRAGMA cell_size_check = ON");
    db.run(
        "PRAGMA secure_delete = ON");  // FAST leaves erased personal data in pages that became free
    db.run("PRAGMA journal_size_limit = 33554432");
    db.run("PRAGMA wal_autocheckpoint = 0");  // see store::tidy_up()
    db.run(("PRAGMA cache_size = -" + std::to_string(options.cache_bytes_max / 1024)).c_str());
}

// That a full disk leaves nothing in doubt rests on this; see failure::found_no_room().
void check_that_nothing_is_padded(database& db, const path& file) {
    int safe = -1;  // asks
    if (sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_POWERSAFE_OVERWRITE, &safe) !=
            SQLITE_OK ||
        safe != 1) {
        refuse(file, "cannot be used with this build of SQLite: it has no powersafe overwrite");
    }
}

void check_table(database& db, const path& file, const char* pragma) {
    const auto verdict = db.text(pragma);
    if (verdict == "ok") {
        return;
    }
    // Of a page that the disk did not give; the file itself may be whole.
    if (verdict.find("unable to get the page") != std::string::npos) {
        refuse(file, "cannot be read (" + verdict + "): look after its disk first");
    }
    refuse(file, "is damaged (" + verdict + "): run onboardctl fsck");
}

// What a start can afford. Pages do not go bad by a crash of the process, so the sums are checked,
// which are small. After a crash of the host (another boot) all job rows and their indexes are.
// Requests and answers are checked when they are read.
void check_structure(database& db, const path& file) {
    check_version(file, db.integer("PRAGMA user_version"));
    check_table(db, file, "PRAGMA quick_check('meta')");
    check_table(db, file, "PRAGMA quick_check('account')");
    check_table(db, file, "PRAGMA quick_check('batch')");
    check_table(db, file, "PRAGMA quick_check('tally')");
    const bool orderly = db.integer("SELECT clean FROM meta") != 0;
    const auto boot = boot_id();
    if (!orderly && (boot.empty() || boot != db.text("SELECT boot FROM meta"))) {
        check_table(db, file, "PRAGMA quick_check('job')");
        if (db.has_table("step")) {
            check_table(db, file, "PRAGMA quick_check('step')");
        }
    }
}

// A write below the file system may have failed in the last process, and the kernel forgets that:
// the log is then whole in memory and has a hole on the disk, behind which everything new would be
// lost. So nothing is appended to it. It is moved into the file and cut to nothing, and one commit
// is made on the empty log (begin_epoch()), before anything else is written.
void empty_log(database& db, const path& file) {
    if (db.integer("PRAGMA wal_checkpoint(TRUNCATE)") != 0) {
        refuse(file, "another program keeps on reading it; stop that and start again");
    }
    const auto bytes = db.integer("PRAGMA page_count") * db.integer("PRAGMA page_size");
    if (std::cmp_less(size_or_zero(file), bytes)) {
        refuse(file, "is cut off: it should have " + std::to_string(bytes) +
                         " bytes; restore it from a backup");
    }
}

// A copy from before that was put back knows nothing of what was sent since. Sending it again would
// be blind.
void compare_with_mark(database& db, const path& file, const std::optional<ledger_mark>& mark) {
    if (!mark) {
        return;
    }
    const auto advice =
        "; nothing is submitted. Put the newest ledger back, or have `onboardctl fsck "
        "--accept-restored` take this one: then every open job is looked up with the provider "
        "first";
    if (const auto known = identity(db); known != mark->ledger) {
        refuse(file, "is not the ledger that wrote the outcomes (those are of " + mark->ledger +
                         ", this one is " + (known.empty() ? "an older one" : known) + ")" +
                         advice);
    }
    if (const auto epoch = db.integer("SELECT epoch FROM meta"); epoch < mark->epoch) {
        refuse(file, "is older than the outcomes (epoch " + std::to_string(epoch) + ", theirs is " +
                         std::to_string(mark->epoch) + "): a copy from before was put back" +
                         advice);
    }
}

void begin_epoch(database& db, const path& file) {
    statement next_epoch(db, "UPDATE meta SET epoch = epoch + 1, clean = 0, boot = ?");
    const auto boot = boot_id();
    db.run("BEGIN IMMEDIATE");
    next_epoch.run(boot);
    db.run("COMMIT");
    sync_directory(file.parent_path());
}

// Where a write below the file system failed in the last process, the kernel's memory lies, and on
// ext4 more than that: blocks that were new stay "unwritten" on the disk while the pages in memory
// count as mapped, so that writing them again succeeds, is synced, and is read as zeros after a
// power cut. Nobody may read or write the files before this, so that it is all read afresh.
void forget_what_may_lie(const path& file) {
    forget_cached(file);
    forget_cached(beside(file, "-wal"));
}

opened_file open_owned(const path& file, const sqlite_options& options, unique_fd owned) {
    forget_what_may_lie(file);
    if (const auto header = read_header(file)) {
        check_header(file, *header);
    } else {
        make_ledger(file);
    }
    auto contents_owned = own_contents(file);
    check_log(file);
    database db(file);
    unique_fd log_index;
    try {
        set_up(db, options);
        check_that_nothing_is_padded(db, file);
        check_structure(db, file);
        compare_with_mark(db, file, options.mark);
        empty_log(db, file);
        begin_epoch(db, file);
        migrate(db, db.integer("PRAGMA user_version"));
        log_index = keep_log_index(file);
    } catch (...) {
        db.leave_files_alone();
        throw;
    }
    return {std::move(owned), std::move(contents_owned), std::move(log_index), std::move(db)};
}

}  // namespace

opened_file open_file(const sqlite_options& options) {
    const auto file = std::filesystem::absolute(options.file);
    make_directory(file.parent_path());
    auto owned = own(file);
    try {
        return open_owned(file, options, std::move(owned));
    } catch (const failure& cause) {
        refuse_for(file, cause);
    } catch (const std::filesystem::filesystem_error& cause) {
        refuse(file, std::string("cannot be used: ") + cause.what());
    }
}

void refuse_for(const path& file, const failure& cause) {
    if (cause.found_no_room_at_start()) {
        throw no_room("ledger " + file.string() +
                      ": there is no room on its disk: " + cause.what());
    }
    const bool damaged = (cause.code() & 0xff) == SQLITE_CORRUPT;
    refuse(file, std::string("cannot be used: ") + cause.what() +
                     (damaged ? "; run onboardctl fsck" : ""));
}

std::string identity(database& db) {
    if (!db.has_table("ledger_identity")) {
        return {};
    }
    return db.text("SELECT name FROM ledger_identity");
}

void note_orderly_end(database& db) {
    db.run("BEGIN IMMEDIATE");
    db.run("UPDATE meta SET clean = 1");
    db.run("COMMIT");
}

}  // namespace onboardd::sqlite
