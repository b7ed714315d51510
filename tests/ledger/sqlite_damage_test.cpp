// What the disk damaged is never believed: rows and bodies without their checksum are left alone,
// and the good ones go on. And ledgers from before there were checksums are brought up.

#include <fstream>

#include "ledger/ledger_fixture.hpp"
#include "ledger/schema_1.hpp"

namespace onboardd::test {
namespace {

class SqliteDamageTest : public sqlite_fixture, public testing::Test {
protected:
    // Two jobs, of which the first is changed behind our back.
    void two_jobs_and(const std::string& sql) {
        open();
        accept({a_job("bad"), a_job("good")});
        close();
        meddle(sql);
        open();
    }

    std::vector<std::string> claimable(work_kind kind = work_kind::submit) {
        std::vector<std::string> names;
        for (const auto& one : claim(kind)) {
            names.push_back(one.row.reference);
        }
        return names;
    }

    error_code find_error(const std::string& reference) {
        error_code ec;
        run([&]() -> asio::awaitable<void> {
            const auto found = co_await book->find("T00000001", reference);
            ec = found.has_error() ? found.error() : error_code();
        });
        return ec;
    }

    void expect_only_the_good() {
        EXPECT_EQ(claimable(), std::vector<std::string>{"good"});
        EXPECT_EQ(find_error("bad"), errc::damaged_row);
        EXPECT_EQ(find_error("good"), error_code());
        EXPECT_EQ(book->counters().damaged, 1u);
        EXPECT_FALSE(book->failed());
    }
};

TEST_F(SqliteDamageTest, EachColumnOfARowIsCovered) {
    for (const auto* change : {"priority = 3",        "followed = 1",
                               "not_before = 1",      "expires_at = 9",
                               "due_at = 1",          "submitted_at = 1",
                               "finished_at = 1",     "lost_at = 1",
                               "absent_since = 1",    "attempts = 1",
                               "retries = 1",         "resends = 1",
                               "revision = 1",        "case_uuid = 'x'",
                               "case_id = 'x'",       "contract_url = 'x'",
                               "case_status = 'x'",   "case_created_at = 'x'",
                               "error_kind = 3",      "error_http_status = 400",
                               "error_code = 'x'",    "error_message = 'x'",
                               "error_details = 'x'", "error_field = 'x'",
                               "received_at = 1",     "content = x'00'",
                               "fingerprint = '0:'",  "tally = 77",
                               "origin_sum = 1",      "state_sum = 1"}) {
        SCOPED_TRACE(change);
        two_jobs_and(std::string("UPDATE job SET ") + change + " WHERE reference = 'bad'");
        expect_only_the_good();
        close();
        std::filesystem::remove(file());
    }
}

TEST_F(SqliteDamageTest, ADamagedStateIsNotBelieved) {
    two_jobs_and("UPDATE job SET state = 6 WHERE reference = 'bad'");
    expect_only_the_good();
}

TEST_F(SqliteDamageTest, ARequestIsSentOnlyAsItWasWritten) {
    two_jobs_and(
        "UPDATE request SET body = CAST(replace(body, 'seed', 'sead') AS BLOB) WHERE job = 1");
    EXPECT_EQ(claimable(), std::vector<std::string>{"good"});
    EXPECT_EQ(book->counters().damaged, 1u);
}

TEST_F(SqliteDamageTest, TheRequestOfAnotherJobDoesNotPass) {
    two_jobs_and(
        "UPDATE request SET (body, sum) = (SELECT body, sum FROM request WHERE job = 2)"
        " WHERE job = 1");
    EXPECT_EQ(claimable(), std::vector<std::string>{"good"});
}

TEST_F(SqliteDamageTest, ADamagedJobIsNeverTakenInAnew) {
    two_jobs_and("UPDATE job SET content = x'00' WHERE reference = 'bad'");
    EXPECT_EQ(accept({a_job("bad")}).at(0), admission::duplicate_reference);
    EXPECT_EQ(accept({a_job("good")}).at(0), admission::known);
}

TEST_F(SqliteDamageTest, ADamagedAnswerIsNotBelieved) {
    open();
    const auto row = create(accept_one(a_job("one")));
    close();
    meddle("UPDATE answer SET body = x'7b7d'");
    open();
    run([&]() -> asio::awaitable<void> {
        const auto answer = co_await book->answer_of(row.id);
        EXPECT_EQ(answer.error(), errc::damaged_row);
    });
}

TEST_F(SqliteDamageTest, ADamagedWitnessProvesNothing) {
    open();
    create(accept_one(a_job("bad")));
    create(accept_one(a_job("good")));
    close();
    meddle("UPDATE job SET submitted_at = submitted_at + 1000 WHERE reference = 'bad'");
    open();
    run([&]() -> asio::awaitable<void> {
        const auto seen = must(co_await book->witnesses("T00000001", wall_time{}, 1));
        EXPECT_EQ(seen.size(), 1u);
        EXPECT_EQ(seen.at(0).case_id, "uuid-good");
    });
}

TEST_F(SqliteDamageTest, ADamagedOutcomeIsSkippedAndTheNextIsFound) {
    open();
    create(accept_one(a_job("bad")));
    create(accept_one(a_job("good")));
    close();
    meddle("UPDATE job SET contract_url = 'https://evil' WHERE reference = 'bad'");
    open();
    const auto rows = unpublished(1);
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows.at(0).reference, "good");
}

TEST_F(SqliteDamageTest, ADamagedJobInFlightDoesNotKeepTheDaemonFromStarting) {
    open();
    auto row = accept_one(a_job("bad"));
    row.state = job_state::submitting;
    row.submitted_at = time.wall_now();
    must(record(row, job_state::queued));
    close();
    meddle("UPDATE job SET attempts = 9");
    open();
    EXPECT_EQ(find_error("bad"), errc::damaged_row);
    EXPECT_TRUE(claimable(work_kind::look_up).empty());
    EXPECT_TRUE(claimable().empty());
}

TEST_F(SqliteDamageTest, TransitionsKeepTheChecksum) {
    open();
    auto row = create(accept_one(a_job("one")));
    publish_all();
    accept({a_job("one")});  // due again
    publish_all();
    close();
    open();
    EXPECT_EQ(found("one"), row);
    EXPECT_EQ(book->counters().damaged, 0u);
}

// Schema 1 had no checksums; all else was the same.
class SqliteMigrationTest : public SqliteDamageTest {
protected:
    // The ledger as version 1 would have left it.
    void turn_into_version_1() {
        close();
        const auto old = directory.path() / "old.db";
        meddle("ATTACH '" + old.string() + "' AS old; PRAGMA old.journal_mode = WAL; DETACH old");
        std::string sql = schema_1;
        sql += "ATTACH '" + file().string() + "' AS new; DELETE FROM meta;";
        for (const auto* table : {"meta", "account", "batch", "tally"}) {
            sql += std::string("INSERT INTO main.") + table + " SELECT * FROM new." + table + ";";
        }
        for (const auto* table : {"request", "answer"}) {
            sql += std::string("INSERT INTO main.") + table + " SELECT job, body FROM new." +
                   table + ";";
        }
        const std::string columns =
            "id, account, batch, tally, state, work, priority, followed, due_at, attempts, retries,"
            " resends, revision, published, submitted_at, lost_at, finished_at, absent_since,"
            " erase_at, received_at, not_before, expires_at, reference, content, fingerprint,"
            " case_uuid, case_id, contract_url, case_status, case_created_at, error_kind,"
            " error_http_status, error_code, error_message, error_details, error_field";
        sql += "INSERT INTO main.job (" + columns + ") SELECT " + columns + " FROM new.job;";
        meddle(old, sql);
        std::filesystem::rename(old, file());
    }
};

TEST_F(SqliteMigrationTest, ALedgerOfVersionOneGoesOn) {
    open();
    const auto created = create(accept_one(a_job("created")));
    auto refused = accept_one(a_job("refused", 2));
    refused.state = job_state::rejected;
    refused.finished_at = time.wall_now();
    refused.revision = 1;
    refused.error = an_error(error_kind::refused, 400, "no");
    must(record(refused, job_state::queued));
    const auto queued = accept_one(a_job("queued", 3));
    turn_into_version_1();
    open();
    EXPECT_EQ(found("created"), created);
    EXPECT_EQ(found("refused"), refused);
    const auto claims = claim();
    ASSERT_EQ(claims.size(), 1u);
    EXPECT_EQ(claims.at(0).row, queued);
    EXPECT_EQ(claims.at(0).request, a_job("queued", 3).request);
    EXPECT_EQ(accept({a_job("created"), a_job("refused", 9)}),
              (std::vector{admission::known, admission::duplicate_reference}));
    run([&]() -> asio::awaitable<void> {
        EXPECT_EQ(must(co_await book->answer_of(created.id)), R"({"id":"uuid-created"})");
    });
    reopen();
    EXPECT_EQ(found("queued").state, job_state::queued);
    EXPECT_EQ(book->counters().damaged, 0u);
}

TEST_F(SqliteMigrationTest, ADamagedOneIsNotSealed) {
    open();
    std::vector<new_job> many;
    for (int i = 0; i < 200; ++i) {
        many.push_back(a_job("job-" + std::to_string(i)));
    }
    accept(std::move(many));
    turn_into_version_1();
    auto bytes = read_file(file());
    const auto page = bytes.rfind("job-7") / 4096 * 4096;
    {
        std::fstream out(file(), std::ios::binary | std::ios::in | std::ios::out);
        out.seekp(static_cast<std::streamoff>(page) + 8);
        out << std::string(40, '\xff');  // the pointers to its rows
    }
    bytes = read_file(file());
    try {
        open();
        ADD_FAILURE() << "opened";
    } catch (const config_error& error) {
        EXPECT_NE(std::string(error.what()).find("is damaged"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace onboardd::test
