#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "daemon/ledger/checksum.hpp"
#include "daemon/ledger/sqlite_file.hpp"
#include "daemon/ledger/sqlite_open.hpp"
#include "daemon/ledger/sqlite_rebuild.hpp"
#include "daemon/ledger/sqlite_row.hpp"
#include "daemon/ledger/sqlite_schema.hpp"
#include "daemon/ledger/sqlite_store.hpp"
#include "daemon/ledger/sqlite_survey.hpp"
#include "daemon/ledger/sqlite_wal.hpp"
#include "onboardd/ledger/ledger_check.hpp"

namespace onboardd {
namespace sqlite {
namespace {

using std::filesystem::path;
using tell_fault = std::function<void(ledger_fault)>;

constexpr const char* rebuilding = "builds the ledger anew from what is sound";
constexpr const char* recounting = "counts again";
constexpr const char* setting_aside =
    "sets the row aside; the job stays blocked, as `conflict` unless the provider's answer is "
    "still whole";

std::string select_jobs(const char* rest) {
    return std::string("SELECT ") + job_columns + " FROM job " + rest;
}

// One look at everything, in the order in which the tables lie.
class examination {
public:
    examination(database& db, const tell_fault& tell) : db_(db), tell_(tell) {}

    void run() {
        part("its structure", [this] { structure(); });
        part("the jobs", [this] { jobs(); });
        part("the requests", [this] { bodies("request"); });
        part("the answers", [this] { bodies("answer"); });
        part("the jobs' requests", [this] { missing_requests(); });
        if (rows_are_sound_) {
            part("the sums", [this] { sums(); });
        }
    }

private:
    struct sum {
        std::int64_t jobs = 0;
        std::int64_t attempts = 0;

        bool operator==(const sum&) const = default;
    };

    template <class Work>
    void part(const char* name, Work work) {
        try {
            work();
        } catch (const failure& cause) {
            rows_are_sound_ = false;
            tell_({"ledger_structure", "the ledger",
                   std::string(name) + " cannot be read to the end: " + cause.what(), rebuilding});
        }
    }

    void structure() {
        statement check(db_, "PRAGMA integrity_check(20)");
        query rows(check);
        while (rows.next()) {
            if (const auto line = rows.text(0); line != "ok") {
                tell_({"ledger_structure", "the ledger", "SQLite finds: " + line, rebuilding});
            }
        }
    }

    void jobs() {
        accounts_ = read_names(db_, "account");
        batches_ = read_names(db_, "batch");
        statement all(db_, select_jobs("ORDER BY id"));
        query rows(all);
        while (rows.next()) {
            const auto verdict = judge(rows, accounts_, batches_);
            if (verdict.sound()) {
                check_sound(rows, verdict);
            } else {
                damaged_row(rows, verdict);
            }
        }
    }

    void damaged_row(const query& rows, const row_verdict& verdict) {
        rows_are_sound_ = false;
        const auto id = rows.integer(id_column);
        const auto subject = verdict.origin_sound
                                 ? subject_of(id, verdict.account, rows.bytes(reference_column))
                                 : subject_by_index(id);
        tell_({"job_damaged", subject,
               verdict.origin_sound
                   ? "the job's state does not have its checksum: what became of it is not known"
                   : "the job's row does not have its checksum: nothing in it can be believed",
               setting_aside});
    }

    std::string subject_by_index(job_id id) {
        if (!by_index_) {
            add_identities(db_, index_end::first, by_index_.emplace());
        }
        const auto found = by_index_->find(id);
        if (found == by_index_->end()) {
            return subject_of(id, "", "");
        }
        const auto account = accounts_.find(found->second.account);
        return subject_of(id, account != accounts_.end() ? account->second : "",
                          found->second.reference);
    }

    void check_sound(const query& rows, const row_verdict& verdict) {
        const auto row = read_sound(rows, verdict);
        const auto subject = subject_of(row.id, row.account, row.reference);
        const auto published = rows.integer(published_column);
        if (published < 0 || std::cmp_greater(published, row.revision)) {
            tell_({"job_contradicts_itself", subject,
                   "more is published than there is to publish: revision " +
                       std::to_string(published) + " of " + std::to_string(row.revision),
                   "has the outcome written again"});
        }
        if (const auto why = contradiction_in(row, row.revision); !why.empty()) {
            tell_({"job_contradicts_itself", subject, why, ""});
        }
        const auto erase_at = rows.time_or_none(erase_column);
        if (erase_at && (!is_final(row.state) || erase_at != row.finished_at)) {
            tell_({"job_contradicts_itself", subject,
                   "its request would be erased at another time than it should",
                   "sets the time right"});
        }
        auto& counted = tallies_[rows.integer(tally_column)];
        counted.jobs += 1;
        counted.attempts += row.attempts;
        open_[rows.integer(batch_column)] += is_open(row.state) ? 1 : 0;
    }

    void bodies(const std::string& table) {
        statement all(db_,
                      "SELECT body.job, body.body, body.sum, job.origin_sum, job.account,"
                      " job.reference, job.id FROM " +
                          table + " AS body LEFT JOIN job ON job.id = body.job ORDER BY body.job");
        query rows(all);
        while (rows.next()) {
            const auto id = rows.integer(0);
            if (rows.is_null(6)) {
                tell_({table + "_orphaned", "row " + std::to_string(id),
                       "this " + table + " belongs to no job", "drops it"});
            } else if (rows.integer(2) != checksum_of_body(rows.integer(3), rows.bytes(1))) {
                const auto account = accounts_.find(rows.integer(4));
                tell_({table + "_damaged",
                       subject_of(id, account != accounts_.end() ? account->second : "",
                                  rows.bytes(5)),
                       table == "request"
                           ? "the request does not have its checksum: it is never sent"
                           : "the provider's answer does not have its checksum",
                       table == "request"
                           ? "drops it; a job that waits to be sent ends as `conflict` and can be "
                             "handed in under a new reference"
                           : "drops it"});
            }
        }
    }

    // Queued and deferred jobs are to be sent: for long after their end only may it be erased.
    void missing_requests() {
        statement all(db_, select_jobs("WHERE work = 1 AND NOT EXISTS"
                                       " (SELECT 1 FROM request WHERE job = job.id)"));
        query rows(all);
        while (rows.next()) {
            const auto verdict = judge(rows, accounts_, batches_);
            if (verdict.sound()) {
                tell_({"request_missing",
                       subject_of(rows.integer(id_column), verdict.account,
                                  rows.bytes(reference_column)),
                       "the job waits to be sent and its request is gone: onboardd will end it as "
                       "`conflict`",
                       ""});
            }
        }
    }

    void sums() {
        statement tallies(db_, "SELECT id, jobs, attempts FROM tally");
        std::size_t wrong = 0;
        for (query rows(tallies); rows.next();) {
            const auto counted = tallies_.find(rows.integer(0));
            const auto should = counted != tallies_.end() ? counted->second : sum{};
            wrong += should == sum{rows.integer(1), rows.integer(2)} ? 0 : 1;
            tallies_.erase(rows.integer(0));
        }
        wrong += tallies_.size();  // of a class that is not there
        if (wrong != 0) {
            tell_({"sums_wrong", "the ledger",
                   std::to_string(wrong) + " sums for reports are not those of the jobs",
                   recounting});
        }
        statement batches(db_, "SELECT id, name, open FROM batch");
        for (query rows(batches); rows.next();) {
            if (const auto should = open_[rows.integer(0)]; rows.integer(2) != should) {
                tell_({"sums_wrong", rows.text(1),
                       "the batch has " + std::to_string(should) + " open jobs, noted are " +
                           std::to_string(rows.integer(2)),
                       recounting});
            }
        }
    }

    database& db_;
    const tell_fault& tell_;
    names accounts_;
    names batches_;
    std::optional<identities> by_index_;
    std::unordered_map<std::int64_t, sum> tallies_;
    std::unordered_map<std::int64_t, std::int64_t> open_;
    bool rows_are_sound_ = true;
};

class file_check final : public ledger_check {
public:
    explicit file_check(path file)
        : file_(existing(std::move(file))),
          owned_(own(file_)),
          contents_owned_(checked_contents(file_)) {
        if (!is_damaged(examine_log(file_))) {
            open();
        }
    }

    [[nodiscard]] bool readable() const override { return tables_.has_value(); }

    void examine(const tell_fault& tell) override {
        const auto log = examine_log(file_);
        if (is_damaged(log)) {
            tell({"ledger_log_damaged", "the ledger",
                  "its log (-wal) went bad behind frame " + std::to_string(log.frames) + ": " +
                      std::to_string(log.commits_lost) +
                      " commits behind it would be lost. Nothing else can be checked before that",
                  "keeps a copy, makes the log readable to its end, and checks every row in it"});
            return;
        }
        if (tables_) {
            examination(*db_, tell).run();
        } else {
            tell({"ledger_structure", "the ledger", "it cannot be opened: " + cannot_open_,
                  rebuilding});
        }
    }

    path repair(wall_time now, const tell_fault& tell) override {
        close();
        contents_owned_.reset();
        auto kept = rebuild(file_, now, tell);
        contents_owned_ = own_contents(file_);
        open();
        return kept;
    }

    void each_job(const std::function<void(const job&, std::uint32_t)>& use) override {
        statement all(*db_, select_jobs("ORDER BY id"));
        query rows(all);
        while (rows.next()) {
            if (const auto row = tables_->row(rows)) {
                use(*row, rows.count(published_column));
            }
        }
    }

    std::optional<admission> admission_of(const new_job& fresh) override {
        return tables_->admission_of(fresh);
    }

    result<std::optional<job>> find(const std::string& account,
                                    const std::string& reference) override {
        return tables_->find(account, reference);
    }

    ledger_mark mark() override {
        ledger_mark own_mark;
        own_mark.ledger = identity(*db_);
        own_mark.epoch = db_->integer("SELECT epoch FROM meta");
        return own_mark;
    }

    std::vector<std::string> reported_batches() override {
        std::vector<std::string> found;
        statement select(*db_, "SELECT name FROM batch WHERE reported > 0 AND reported = changed");
        query rows(select);
        while (rows.next()) {
            found.push_back(rows.text(0));
        }
        return found;
    }

    batch_summary summary(const std::string& batch) override { return tables_->summary(batch); }

private:
    // Before the lock is taken: a lock file that is made here is its maker's, and the daemon, which
    // makes the ledger, could not open it.
    static path existing(path file) {
        if (!read_header(file)) {
            refuse(file, "is not there: onboardd makes it when it first runs");
        }
        return file;
    }

    static unique_fd checked_contents(const path& file) {
        // What the disk has counts, not what the kernel remembers.
        forget_cached(file);
        forget_cached(file.string() + "-wal");
        const auto header = read_header(file);
        if (!header) {
            refuse(file, "has gone away");
        }
        if (header->application_id != application_id) {
            refuse(file, "is an SQLite database of another program");
        }
        if (header->schema_version != schema_version && header->schema_version != 0) {
            refuse(file, "has schema " + std::to_string(header->schema_version) +
                             ", this program checks " + std::to_string(schema_version) +
                             ": start the onboardd of this version once");
        }
        return own_contents(file);
    }

    void open() {
        try {
            db_.emplace(file_, database::access::read);
            db_->leave_files_alone();
            db_->run("PRAGMA mmap_size = 0");
            db_->run("PRAGMA cell_size_check = ON");
            tables_.emplace(*db_);
        } catch (const failure& cause) {
            cannot_open_ = cause.what();
            close();
        }
    }

    void close() {
        tables_.reset();
        db_.reset();
    }

    path file_;
    unique_fd owned_;
    unique_fd contents_owned_;
    std::optional<database> db_;
    std::optional<store> tables_;
    std::string cannot_open_;
};

}  // namespace
}  // namespace sqlite

std::string contradiction_in(const job& row, std::uint32_t published) {
    if (is_final(row.state) && !row.finished_at) {
        return "it has ended, but no time of its end is noted";
    }
    if (is_final(row.state) && row.revision == 0) {
        return "it has ended, but no outcome is due";
    }
    if (is_final(row.state) && row.state != job_state::created && !row.error) {
        return "it has ended without a case and without a reason";
    }
    if ((row.state == job_state::created || row.state == job_state::accepted) &&
        row.the_case.id.empty()) {
        return "it has a case, but the case's id is not noted";
    }
    if (row.state == job_state::created && row.the_case.contract_url.empty()) {
        return "it is created, but the contract's URL is not noted";
    }
    if (row.state == job_state::submitting && (!row.submitted_at || row.attempts == 0)) {
        return "its request may have left, but no attempt is noted";
    }
    if (row.state == job_state::unknown && !row.lost_at && !row.submitted_at) {
        return "its request may have left, but no time of that is noted";
    }
    return published > row.revision ? "more is published than there is to publish" : "";
}

std::unique_ptr<ledger_check> own_ledger(const std::filesystem::path& file) {
    return std::make_unique<sqlite::file_check>(std::filesystem::absolute(file));
}

}  // namespace onboardd
