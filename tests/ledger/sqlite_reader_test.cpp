// Looking into the ledger beside its owner.

#include <sqlite3.h>

#include "daemon/ledger/sqlite_database.hpp"
#include "ledger/ledger_fixture.hpp"
#include "onboardd/ledger/ledger_reader.hpp"

namespace onboardd::test {
namespace {

class SqliteReaderTest : public sqlite_fixture, public testing::Test {
protected:
    std::vector<std::string> names(ledger_reader& reader, std::size_t page_max) {
        std::vector<std::string> found;
        for (job_page page; !page.end;) {
            page = reader.jobs(page.last, page_max);
            for (const auto& row : page.rows) {
                found.push_back(row.reference);
            }
        }
        return found;
    }

    std::string refusal() {
        try {
            open_ledger_reader(file());
        } catch (const config_error& error) {
            return error.what();
        }
        return "";
    }
};

TEST_F(SqliteReaderTest, SeesWhatTheOwnerHasCommitted) {
    open();
    const auto reader = open_ledger_reader(file());
    EXPECT_TRUE(names(*reader, 10).empty());
    accept({a_job("one"), a_job("two"), a_job("three")});
    EXPECT_EQ(names(*reader, 2), (std::vector<std::string>{"one", "two", "three"}));
    const auto row = create(found("two"));
    EXPECT_EQ(reader->find("T00000001", "two").value(), row);
    EXPECT_EQ(reader->find("T00000001", "none").value(), std::nullopt);
    EXPECT_EQ(reader->accounts(), std::vector<std::string>{"T00000001"});
    ASSERT_EQ(reader->recent_batches(10).size(), 1U);
    EXPECT_EQ(reader->recent_batches(10).front().batch, "default");
    EXPECT_EQ(reader->summary("default").tallies.size(), 2u);
    EXPECT_TRUE(reader->summary("none").tallies.empty());
    auto totals = reader->totals();
    ASSERT_EQ(totals.size(), 2u);
    EXPECT_EQ(totals[0].state, job_state::queued);
    EXPECT_EQ(totals[0].jobs, 2u);
    create(found("one"));
    totals = reader->totals();
    EXPECT_EQ(totals[1].account, "T00000001");
    EXPECT_EQ(totals[1].state, job_state::created);
    EXPECT_EQ(totals[1].jobs, 2u);
    EXPECT_TRUE(reader->pauses().empty());
    const operator_pause pause{"T00000001", time.wall_now(), 7};
    run([&]() -> asio::awaitable<void> { must(co_await book->set_pause("T00000001", pause)); });
    EXPECT_EQ(reader->pauses(), std::vector{pause});
}

TEST_F(SqliteReaderTest, ALedgerFromBeforeOperatorsCouldPauseHasNoPauses) {
    open();
    close();
    sqlite::database(file()).run("DROP TABLE operator_pause; DROP TABLE restored");
    EXPECT_TRUE(open_ledger_reader(file())->pauses().empty());
}

TEST_F(SqliteReaderTest, ALedgerFromBeforeThereWereHistoriesHasNoneAndGetsTheTable) {
    open();
    auto row = accept_one(a_job("one"));
    close();
    sqlite::database(file()).run("DROP TABLE step");
    EXPECT_EQ(open_ledger_reader(file())->history(row.id), job_history());
    open();
    row.state = job_state::deferred;
    must(record(row, job_state::queued));
    EXPECT_EQ(open_ledger_reader(file())->history(row.id).steps.size(), 1u);
}

TEST_F(SqliteReaderTest, AStepThatTheLedgerDoesNotWriteIsLeftOut) {
    open();
    auto row = accept_one(a_job("one"));
    row.state = job_state::deferred;
    must(record(row, job_state::queued));
    must(record(row, job_state::deferred));
    for (const auto* value :
         {"was = 99", "became = 0", "attempt = -1", "uid = 4294967296", "operation = 99"}) {
        meddle("UPDATE step SET " + std::string(value) + " WHERE number = 1");
        const auto past = open_ledger_reader(file())->history(row.id);
        ASSERT_EQ(past.steps.size(), 1u) << value;
        EXPECT_EQ(past.omitted, 1u);
        meddle("UPDATE step SET was = 1, became = 4, attempt = 0, uid = 0, operation = NULL");
        EXPECT_EQ(open_ledger_reader(file())->history(row.id).steps.size(), 2u);
    }
}

TEST_F(SqliteReaderTest, AJobThatWasInFlightAtTheEndSaysSo) {
    open();
    auto row = accept_one(a_job("one"));
    row.state = job_state::submitting;
    row.attempts = 1;
    row.submitted_at = time.wall_now();
    row.error = an_error(error_kind::refused, 429, "of the attempt before");
    must(record(row, job_state::queued));
    const auto sent_at = time.wall_now();
    close();
    time.advance(std::chrono::hours(3));  // until somebody starts it again
    open();
    const auto past = open_ledger_reader(file())->history(row.id);
    ASSERT_EQ(past.steps.size(), 1u);
    EXPECT_EQ(past.steps[0].from, job_state::submitting);
    EXPECT_EQ(past.steps[0].to, job_state::unknown);
    EXPECT_EQ(past.steps[0].words, "");
    EXPECT_EQ(past.steps[0].at, sent_at + options.send_window);
    EXPECT_FALSE(found("one").error);
}

TEST_F(SqliteReaderTest, TheOwnerShowsOpenBatchesFirstAndReportsGoOnAsBefore) {
    open();
    for (const auto* batch : {"first", "second", "third"}) {
        auto work = a_job(batch);
        work.batch = batch;
        accept({work});
    }
    create(found("second"));
    create(found("third"));
    std::vector<batch_summary> seen;
    run([&]() -> asio::awaitable<void> { seen = must(co_await book->recent_batches(2)); });
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].batch, "first") << "it is open";
    EXPECT_EQ(seen[1].batch, "third") << "the newest";
    EXPECT_EQ(seen[1].tallies, open_ledger_reader(file())->summary("third").tallies);
    EXPECT_TRUE(seen[1].first_received_at && seen[1].last_finished_at);

    run([&]() -> asio::awaitable<void> { must(co_await book->summary("second")); });
    auto late = a_job("late");
    late.batch = "second";
    accept({late});
    create(found("late"));
    std::vector<std::string> due;
    run([&]() -> asio::awaitable<void> {
        must(co_await book->recent_batches(10));
        must(co_await book->look_at_batch("second"));
        must(co_await book->reported("second"));
        due = must(co_await book->finished_batches(10));
    });
    EXPECT_EQ(due, (std::vector<std::string>{"second", "third"}))
        << "the report was made from the summary before the late job";
}

TEST_F(SqliteReaderTest, TheOwnerShowsTheSameAsAReader) {
    open();
    accept({a_job("one"), a_job("two"), a_job("three")});
    create(found("two"));
    job_page first;
    job_page rest;
    batch_summary batch;
    batch_summary none;
    const auto name = found("one").batch;
    run([&]() -> asio::awaitable<void> {
        first = must(co_await book->jobs(0, 2));
        rest = must(co_await book->jobs(first.last, 2));
        batch = must(co_await book->look_at_batch(name));
        none = must(co_await book->look_at_batch("none"));
    });
    const auto reader = open_ledger_reader(file());
    EXPECT_EQ(first.rows, reader->jobs(0, 2).rows);
    EXPECT_FALSE(first.end);
    EXPECT_EQ(rest.rows, reader->jobs(first.last, 2).rows);
    EXPECT_TRUE(rest.end);
    EXPECT_EQ(batch.tallies, reader->summary(batch.batch).tallies);
    EXPECT_TRUE(none.tallies.empty());
}

TEST_F(SqliteReaderTest, WorksWhileTheOwnerIsAwayAndDoesNotKeepItFromStarting) {
    open();
    accept({a_job("one")});
    close();
    const auto reader = open_ledger_reader(file());
    EXPECT_EQ(names(*reader, 10), std::vector<std::string>{"one"});
    open();  // moves and cuts the log, which a lingering reader would prevent
    accept({a_job("two")});
    EXPECT_EQ(names(*reader, 10), (std::vector<std::string>{"one", "two"}));
}

TEST_F(SqliteReaderTest, NamesWhatIsDamagedAndGoesOn) {
    open();
    accept({a_job("one"), a_job("two")});
    close();
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &db), SQLITE_OK);
    sqlite3_exec(db, "UPDATE job SET state = 6 WHERE id = 1", nullptr, nullptr, nullptr);
    sqlite3_close(db);
    const auto reader = open_ledger_reader(file());
    const auto page = reader->jobs(0, 10);
    EXPECT_EQ(page.damaged, std::vector<job_id>{1});
    ASSERT_EQ(page.rows.size(), 1u);
    EXPECT_TRUE(page.end);
    EXPECT_EQ(reader->find("T00000001", "one").error(), errc::damaged_row);
}

TEST_F(SqliteReaderTest, RefusesWhatItCannotRead) {
    EXPECT_NE(refusal().find("is not there"), std::string::npos);
    open();
    close();
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 1", nullptr, nullptr, nullptr);
    EXPECT_NE(refusal().find("older schema 1"), std::string::npos);
    sqlite3_exec(db, "PRAGMA user_version = 1000", nullptr, nullptr, nullptr);
    EXPECT_NE(refusal().find("newer onboardd"), std::string::npos);
    sqlite3_close(db);
}

}  // namespace
}  // namespace onboardd::test
