// How the SQLite ledger starts, what it refuses, and how calls share commits.

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <fstream>

#include "ledger/failing_vfs.hpp"
#include "ledger/ledger_fixture.hpp"

namespace onboardd::test {
namespace {

using std::filesystem::path;

class SqliteStartTest : public sqlite_fixture, public testing::Test {
protected:
    // Runs SQL on the closed ledger, as somebody with the sqlite3 tool would.
    std::string refusal() {
        try {
            open();
        } catch (const config_error& error) {
            EXPECT_NE(std::string(error.what()).find("ledger.db"), std::string::npos);
            return error.what();
        }
        return "";
    }

    // Refused with these words, and not a byte changed.
    void expect_untouched_refusal(const std::string& words) {
        const auto before = read_file(file());
        const auto said = refusal();
        EXPECT_NE(said.find(words), std::string::npos) << said;
        EXPECT_EQ(read_file(file()), before);
        EXPECT_FALSE(std::filesystem::exists(file().string() + "-wal"));
    }

    void overwrite(std::streamoff offset, const std::string& bytes) {
        std::fstream out(file(), std::ios::binary | std::ios::in | std::ios::out);
        out.seekp(offset);
        out << bytes;
    }

    // A copy of the ledger as a crash at this moment would leave it.
    void crash_into(sqlite_fixture& other) {
        for (const auto* suffix : {"", "-wal"}) {
            std::filesystem::copy_file(file().string() + suffix, other.file().string() + suffix);
        }
    }

    static mode_t mode_of(const path& name) {
        struct stat status {};
        EXPECT_EQ(stat(name.c_str(), &status), 0) << name;
        return status.st_mode & 07777U;
    }
};

TEST_F(SqliteStartTest, ASecondOwnerIsRefused) {
    open();
    sqlite_options second = options;
    const auto open_second = [&] { return open_sqlite_ledger(loop.get_executor(), time, second); };
    EXPECT_THROW(open_second(), already_owned);
    std::filesystem::remove(file().string() + ".lock");
    EXPECT_THROW(open_second(), already_owned) << "the lock file may be deleted by a careless hand";
    const temporary_directory elsewhere;
    std::filesystem::create_hard_link(file(), elsewhere.path() / "ledger.db");
    second.file = elsewhere.path() / "ledger.db";
    EXPECT_THROW(open_second(), already_owned) << "it may be reached by another path";
    second.file = file();
    accept({a_job("one")});
    close();
    EXPECT_NO_THROW(open_second());
}

TEST_F(SqliteStartTest, OnlyTheOwnerMayReadTheFiles) {
    options.file = directory.path() / "state" / "ledger.db";
    const auto before = umask(0);
    book = open_sqlite_ledger(loop.get_executor(), time, options);
    accept({a_job("one")});
    umask(before);
    EXPECT_EQ(mode_of(directory.path() / "state"), 0750u);
    for (const auto* suffix : {"", "-wal", "-shm", ".lock"}) {
        EXPECT_EQ(mode_of(options.file.string() + suffix), 0600u) << suffix;
    }
}

TEST_F(SqliteStartTest, ADirectoryThatCannotBeMadeIsRefused) {
    options.file = directory.path() / "no" / "such" / "ledger.db";
    EXPECT_THROW(open_sqlite_ledger(loop.get_executor(), time, options), config_error);
}

TEST_F(SqliteStartTest, WhatWasSubmittingIsUnknownAndDueNow) {
    open();
    auto row = accept_one(a_job("one"));
    accept({a_job("two")});
    row.state = job_state::submitting;
    row.attempts = 1;
    row.submitted_at = time.wall_now();
    must(record(row, job_state::queued));
    time.advance(milliseconds(5000));
    reopen();
    row.state = job_state::unknown;
    row.due_at = time.wall_now();
    row.lost_at = time.wall_now();  // within the send window: it may have left until now
    EXPECT_EQ(found("one"), row);
    EXPECT_EQ(found("two").state, job_state::queued);
    EXPECT_EQ(claim(work_kind::look_up).at(0).row, row);
}

// The clock may have been set back meanwhile by as much as passed: then old readings look fresh.
TEST_F(SqliteStartTest, WhatTheLastProcessReadProvesNothing) {
    open();
    auto proved = accept_one(a_job("proved"));
    proved.state = job_state::deferred;
    proved.resends = 1;
    proved.absent_since = time.wall_now();
    must(record(proved, job_state::queued));
    auto looked_for = accept_one(a_job("looked for"));
    looked_for.state = job_state::unknown;
    looked_for.lost_at = time.wall_now();
    looked_for.absent_since = time.wall_now();
    must(record(looked_for, job_state::queued));
    for (const bool has_index : {true, false}) {  // a ledger of an earlier version has none
        if (!has_index) {
            close();
            meddle("DROP INDEX proof");
        }
        reopen();
        proved.absent_since.reset();
        looked_for.absent_since.reset();
        EXPECT_EQ(found("proved"), proved);
        EXPECT_EQ(found("looked for"), looked_for);
        proved.absent_since = time.wall_now();
        must(record(proved, job_state::deferred));
    }
}

TEST_F(SqliteStartTest, TheLastByteLeftWithinTheSendWindow) {
    open();
    auto row = accept_one(a_job("one"));
    row.state = job_state::submitting;
    row.submitted_at = time.wall_now();
    must(record(row, job_state::queued));
    time.advance(std::chrono::hours(1));
    reopen();
    EXPECT_EQ(found("one").lost_at, *row.submitted_at + sqlite_options{}.send_window);
}

TEST_F(SqliteStartTest, ALedgerOfANewerProgramIsRefusedAndLeftAlone) {
    open();
    accept({a_job("one")});
    close();
    meddle("PRAGMA user_version = 1000");
    expect_untouched_refusal("newer onboardd (schema 1000");
    meddle("PRAGMA user_version = 2");
    open();
    EXPECT_EQ(found("one").state, job_state::queued);
}

TEST_F(SqliteStartTest, ANewerSchemaThatStandsOnlyInTheLogIsRefusedToo) {
    open();
    sqlite_fixture crashed;
    meddle("PRAGMA user_version = 1000");
    crash_into(crashed);
    try {
        crashed.open();
        ADD_FAILURE() << "opened";
    } catch (const config_error& error) {
        EXPECT_NE(std::string(error.what()).find("newer onboardd"), std::string::npos)
            << error.what();
    }
}

TEST_F(SqliteStartTest, AForeignFileIsRefusedAndLeftAlone) {
    meddle("CREATE TABLE mine (x)");
    expect_untouched_refusal("another program");
    std::ofstream(file(), std::ios::trunc) << std::string(5000, 'x');
    expect_untouched_refusal("no SQLite database");
    std::ofstream(file(), std::ios::trunc) << "";
    expect_untouched_refusal("no SQLite database");
    std::filesystem::remove(file());
    std::filesystem::create_directory(file());
    EXPECT_NE(refusal().find("not a regular file"), std::string::npos);
}

TEST_F(SqliteStartTest, ALinkIsNotFollowed) {
    std::filesystem::create_symlink(directory.path() / "target", file());
    EXPECT_NE(refusal(), "");
    EXPECT_FALSE(std::filesystem::exists(directory.path() / "target"));
}

TEST_F(SqliteStartTest, ATruncatedLedgerIsRefusedAndLeftAlone) {
    open();
    accept({a_job("one")});
    close();
    const auto size = std::filesystem::file_size(file());
    for (const auto left : {size - 1, size - 4096, std::uintmax_t{4096}}) {
        std::filesystem::resize_file(file(), left);
        expect_untouched_refusal("cut off");
    }
}

TEST_F(SqliteStartTest, DamagedSumsAreFoundAtEveryStart) {
    open();
    accept({a_job("one")});
    close();
    const auto tally_page = read_file(file()).find("default");
    ASSERT_NE(tally_page, std::string::npos);
    overwrite(static_cast<std::streamoff>(tally_page / 4096 * 4096), std::string(16, '\xff'));
    EXPECT_NE(refusal().find("ledger.db"), std::string::npos);
}

TEST_F(SqliteStartTest, DamagedJobsAreFoundAfterACrashOfTheHost) {
    open();
    accept({a_job("the-damaged-one")});
    close();
    // The row stands after its index entry was made: take the page that holds the fingerprint.
    const auto row = read_file(file()).find(a_job("x").fingerprint.organization_number);
    ASSERT_NE(row, std::string::npos);
    meddle("UPDATE meta SET clean = 0");
    overwrite(static_cast<std::streamoff>(row / 4096 * 4096), std::string(16, '\xff'));
    open();  // the same boot: a crash of the process damages no page, so it is not looked for
    close();
    meddle("UPDATE meta SET clean = 0, boot = 'another'");
    EXPECT_NE(refusal().find("damaged"), std::string::npos);
}

TEST_F(SqliteStartTest, DamageThatIsMetLaterStopsTheLedger) {
    open();
    accept({a_job("one")});
    close();
    const auto row = read_file(file()).find(a_job("x").fingerprint.organization_number);
    overwrite(static_cast<std::streamoff>(row / 4096 * 4096), std::string(16, '\xff'));
    open();
    run([&]() -> asio::awaitable<void> {
        auto claims = co_await book->claim("T00000001", work_kind::submit, 1, time.wall_now());
        EXPECT_EQ(claims.error(), errc::ledger_failed);
    });
    EXPECT_TRUE(book->failed());
    EXPECT_NE(book->failure().find("malformed"), std::string::npos) << book->failure();
}

TEST_F(SqliteStartTest, ADamagedRowIsNotHandedOutForAStepThatItsStateDoesNotWaitFor) {
    open();
    create(accept_one(a_job("one")));
    close();
    meddle("UPDATE job SET work = 1, due_at = 0");  // a case that exists, as if to be sent
    open();
    run([&]() -> asio::awaitable<void> {
        auto claims = co_await book->claim("T00000001", work_kind::submit, 1, time.wall_now());
        EXPECT_TRUE(claims.value().empty());
    });
    EXPECT_EQ(book->counters().damaged, 1u);
}

TEST_F(SqliteStartTest, ALogWithoutItsLedgerIsNotReplayedIntoANewOne) {
    open();
    accept({a_job("one")});
    sqlite_fixture crashed;
    crash_into(crashed);
    std::filesystem::remove(crashed.file());
    EXPECT_THROW(crashed.open(), config_error);
    EXPECT_FALSE(std::filesystem::exists(crashed.file()));
}

TEST_F(SqliteStartTest, AnUnfinishedNewLedgerIsMadeAgain) {
    std::ofstream(file().string() + ".new") << "half";
    std::ofstream(file().string() + ".new-wal") << "half";
    open();
    EXPECT_FALSE(std::filesystem::exists(file().string() + ".new"));
    accept({a_job("one")});
}

std::vector<std::string>* traced = nullptr;

int trace_connection(sqlite3* db, char**, const void*) {
    const auto note = [](unsigned, void*, void*, void* sql) {
        const std::string text = static_cast<const char*>(sql);
        const bool reads = text.starts_with("SELECT") || text.starts_with("--");
        if (!reads &&
            (!text.starts_with("PRAGMA") || text.find("wal_checkpoint") != std::string::npos)) {
            traced->push_back(text.substr(0, text.find_first_of("=(")));
        }
        return 0;
    };
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note, nullptr);
}

TEST_F(SqliteStartTest, TheRepairComesBeforeTheEpochAndTheEpochBeforeAnythingElse) {
    open();
    auto row = accept_one(a_job("one"));
    row.state = job_state::submitting;
    must(record(row, job_state::queued));
    sqlite_fixture crashed;
    crash_into(crashed);
    close();

    std::vector<std::string> statements;
    traced = &statements;
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(&trace_connection));
    failing_vfs disk;
    crashed.open();
    sqlite3_reset_auto_extension();
    const auto disk_calls = disk.log();
    ASSERT_GE(statements.size(), 5u);
    statements.resize(5);
    EXPECT_EQ(statements,
              (std::vector<std::string>{"PRAGMA wal_checkpoint", "BEGIN IMMEDIATE",
                                        "UPDATE meta SET epoch ", "COMMIT", "BEGIN IMMEDIATE"}));
    // The same as the disk saw it: the file is written and synced, the log is cut, and only then
    // written.
    const auto position = [&](const std::string& call) {
        return std::ranges::find(disk_calls, call) - disk_calls.begin();
    };
    EXPECT_LT(position("write ledger.db"), position("sync ledger.db"));
    EXPECT_LT(position("sync ledger.db"), position("truncate ledger.db-wal"));
    EXPECT_LT(position("truncate ledger.db-wal"), position("write ledger.db-wal"));
    EXPECT_EQ(crashed.found("one").state, job_state::unknown);
    crashed.close();
}

TEST_F(SqliteStartTest, TransitionsOfOneMomentShareACommit) {
    open();
    std::vector<new_job> jobs;
    for (int i = 0; i < 64; ++i) {
        jobs.push_back(a_job("j" + std::to_string(i)));
    }
    accept(std::move(jobs));
    auto claims = claim();
    ASSERT_EQ(claims.size(), 64u);
    const auto before = book->counters();
    auto one = [&](std::size_t i) -> asio::awaitable<void> {
        auto after = claims[i].row;
        after.state = job_state::submitting;
        must(co_await book->record(std::move(after), job_state::queued));
    };
    for (std::size_t i = 0; i < claims.size(); ++i) {
        asio::co_spawn(loop, one(i),
                       [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    }
    loop.restart();
    loop.run();
    const auto after = book->counters();
    EXPECT_EQ(after.rows - before.rows, 64u);
    // The first may go alone while the others come; a stalled loop could bring a few more.
    EXPECT_LE(after.commits - before.commits, 8u);
    EXPECT_GE(after.commits - before.commits, 1u);
}

TEST_F(SqliteStartTest, ACommitHoldsNoMoreRowsThanAllowed) {
    options.commit_rows_max = 4;
    open();
    std::vector<new_job> jobs;
    for (int i = 0; i < 12; ++i) {
        jobs.push_back(a_job("j" + std::to_string(i)));
    }
    accept(std::move(jobs));  // one call is never divided
    EXPECT_EQ(book->counters().commits, 1u);
    auto claims = claim();
    auto one = [&](std::size_t i) -> asio::awaitable<void> {
        must(co_await book->record(claims[i].row, job_state::queued));
    };
    for (std::size_t i = 0; i < claims.size(); ++i) {
        asio::co_spawn(loop, one(i),
                       [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    }
    loop.restart();
    loop.run();
    EXPECT_GE(book->counters().commits, 4u);
}

TEST_F(SqliteStartTest, WhatIsLeftWhenTheLedgerGoesIsStillDone) {
    open();
    bool done = false;
    auto one = [&]() -> asio::awaitable<void> {
        std::vector<new_job> jobs{a_job("one")};
        must(co_await book->accept(std::move(jobs)));
        done = true;
    };
    asio::co_spawn(loop, one(), [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    loop.restart();
    loop.run_one();  // the call is made
    loop.poll_one();
    close();
    loop.restart();
    loop.run();
    EXPECT_TRUE(done);
    open();
    EXPECT_EQ(found("one").state, job_state::queued);
}

TEST_F(SqliteStartTest, ErasedBytesAreInNoFileOfTheLedger) {
    open();
    const std::string canary = "canary-of-a-person";
    for (int i = 0; i < 20; ++i) {
        auto fresh = a_job("j" + std::to_string(i));
        fresh.request += std::string(200U * static_cast<unsigned>(i), ' ') + canary;
        accept({fresh});
        auto row = create(found(fresh.reference));
        must(record(row, job_state::created, canary));
    }
    const auto seen = [&](const char* suffix) {
        return read_file(file().string() + suffix).find(canary) != std::string::npos;
    };
    EXPECT_TRUE(seen("-wal"));
    run([&]() -> asio::awaitable<void> {
        EXPECT_EQ(must(co_await book->erase_requests(time.wall_now() + milliseconds(1), 15)), 15u);
        EXPECT_EQ(must(co_await book->erase_requests(time.wall_now() + milliseconds(1), 15)), 5u);
        must(co_await book
                 ->totals());  // the log is emptied after the callers went on: let that be over
    });
    EXPECT_FALSE(seen(""));
    EXPECT_FALSE(seen("-wal"));
}

}  // namespace
}  // namespace onboardd::test
