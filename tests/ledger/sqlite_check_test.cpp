// fsck's part for the ledger: each damage is named, and building anew keeps every good row as it
// was.

#include <sqlite3.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <set>

#include "ledger/ledger_fixture.hpp"
#include "onboardd/ledger/ledger_check.hpp"
#include "onboardd/ledger/ledger_reader.hpp"

namespace onboardd::test {
namespace {

class SqliteCheckTest : public sqlite_fixture, public testing::Test {
protected:
    // A job with one step of its past, then the ledger is closed.
    job put_off(const std::string& answer = {}) {
        open();
        auto row = accept_one(a_job("put-off"));
        row.state = job_state::deferred;
        must(record(row, job_state::queued, answer));
        close();
        return row;
    }

    // Jobs in many states, then the ledger is closed.
    void fill(int count = 40) {
        open();
        for (int i = 0; i < count; ++i) {
            auto row = accept_one(a_job("job-" + std::to_string(i), i + 1));
            if (i % 4 == 0) {
                create(row);
            } else if (i % 4 == 1) {
                row.state = job_state::rejected;
                row.finished_at = time.wall_now();
                row.revision = 1;
                row.error = an_error(error_kind::refused, 400, "no " + std::to_string(i % 8));
                must(record(row, job_state::queued, "{}"));
            } else if (i % 4 == 2) {
                row.state = job_state::unknown;
                row.attempts = 1;
                row.submitted_at = row.lost_at = time.wall_now();
                must(record(row, job_state::queued));
            }
        }
        publish_all();
        close();
    }

    std::vector<ledger_fault> faults() {
        std::vector<ledger_fault> found;
        own_ledger(file())->examine([&](ledger_fault one) { found.push_back(std::move(one)); });
        return found;
    }

    static std::vector<std::string> kinds(const std::vector<ledger_fault>& faults) {
        std::vector<std::string> found;
        for (const auto& one : faults) {
            found.push_back(one.kind);
            EXPECT_FALSE(one.text.empty());
        }
        std::ranges::sort(found);
        found.erase(std::unique(found.begin(), found.end()), found.end());
        return found;
    }

    std::vector<ledger_fault> repair() {
        std::vector<ledger_fault> told;
        own_ledger(file())->repair(time.wall_now(),
                                   [&](ledger_fault one) { told.push_back(std::move(one)); });
        return told;
    }

    std::vector<job> rows() {
        std::vector<job> found;
        const auto check = own_ledger(file());
        check->each_job([&](const job& row, std::uint32_t) { found.push_back(row); });
        return found;
    }

    void expect_named(const std::string& kind, const std::string& subject) {
        const auto found = faults();
        EXPECT_TRUE(std::ranges::any_of(
            found,
            [&](const ledger_fault& one) { return one.kind == kind && one.subject == subject; }))
            << kind << ' ' << subject << ": " << testing::PrintToString(kinds(found));
    }

    // After the repair everything is sound, and each row of `good` is as it was.
    void expect_mended(const std::vector<job>& good) {
        EXPECT_EQ(kinds(faults()), std::vector<std::string>{});
        const auto after = rows();
        for (const auto& row : good) {
            EXPECT_TRUE(std::ranges::find(after, row) != after.end()) << row.reference;
        }
        open();
        EXPECT_EQ(book->counters().damaged, 0u);
        close();
    }

    std::vector<job> all_but(const std::string& reference) {
        auto good = rows();
        std::erase_if(good, [&](const job& row) { return row.reference == reference; });
        return good;
    }
};

TEST_F(SqliteCheckTest, ASoundLedgerHasNoFaultAndIsLeftAlone) {
    fill();
    const auto before = read_file(file());
    EXPECT_EQ(kinds(faults()), std::vector<std::string>{});
    EXPECT_EQ(read_file(file()), before);
    EXPECT_EQ(rows().size(), 40u);
}

TEST_F(SqliteCheckTest, ARunningOwnerIsNotDisturbed) {
    open();
    EXPECT_THROW(own_ledger(file()), already_owned);
    accept({a_job("one")});
}

TEST_F(SqliteCheckTest, ADamagedStateBecomesAConflict) {
    fill();
    const auto good = all_but("job-2");
    meddle("UPDATE job SET state = 1, work = 1, attempts = 0 WHERE reference = 'job-2'");
    expect_named("job_damaged", "T00000001/job-2");
    EXPECT_EQ(kinds(repair()), std::vector<std::string>{"job_blocked"});
    expect_mended(good);
    open();
    const auto row = found("job-2");
    EXPECT_EQ(row.state, job_state::conflict);
    EXPECT_EQ(row.batch, "default");
    EXPECT_NE(row.error->message.find("damaged"), std::string::npos);
    EXPECT_EQ(unpublished().size(), 1u);
    EXPECT_EQ(accept({a_job("job-2", 3)}).at(0), admission::known);
    EXPECT_EQ(accept({a_job("job-2", 4)}).at(0), admission::duplicate_reference);
}

TEST_F(SqliteCheckTest, ACreatedJobIsMadeAgainFromTheAnswer) {
    open();
    auto row = accept_one(a_job("one"));
    row.state = job_state::created;
    row.attempts = row.revision = 1;
    row.submitted_at = row.finished_at = time.wall_now();
    row.the_case.id = "uuid-one";
    row.the_case.contract_url = "https://example.com/one";
    must(record(row, job_state::queued, R"({"id":"uuid-one","case_request":{"referenceId":"one"},
        "events":[{"id":1,"created":{"contract_url":"https://example.com/one"}}]})"));
    close();
    meddle("UPDATE job SET contract_url = 'https://example.com/two'");
    expect_named("job_damaged", "T00000001/one");
    EXPECT_EQ(kinds(repair()), std::vector<std::string>{"job_restored"});
    expect_mended({});
    open();
    EXPECT_EQ(found("one").state, job_state::created);
    EXPECT_EQ(found("one").the_case, row.the_case);
    EXPECT_EQ(found("one").revision, 2u);
}

TEST_F(SqliteCheckTest, ADamagedOriginIsBlockedByItsIndex) {
    fill();
    const auto good = all_but("job-3");
    // Without the index: this is the table's own page.
    meddle("PRAGMA writable_schema = ON; UPDATE job SET content = x'01' WHERE reference = 'job-3'");
    expect_named("job_damaged", "T00000001/job-3");
    repair();
    expect_mended(good);
    open();
    EXPECT_EQ(found("job-3").state, job_state::conflict);
    EXPECT_EQ(accept({a_job("job-3", 4)}).at(0), admission::duplicate_reference);
}

TEST_F(SqliteCheckTest, DamagedBodiesAreNamedAndDropped) {
    fill();
    const auto good = rows();
    meddle(
        "UPDATE request SET body = x'00' WHERE job = 4; UPDATE answer SET body = x'00' WHERE "
        "job = 1; INSERT INTO request VALUES (4000, x'00', 0)");
    EXPECT_EQ(kinds(faults()),
              (std::vector<std::string>{"answer_damaged", "request_damaged", "request_orphaned"}));
    repair();
    EXPECT_EQ(kinds(faults()), std::vector<std::string>{"request_missing"});
    EXPECT_EQ(rows(), good);
}

TEST_F(SqliteCheckTest, WhatOperatorsDidIsInTheNewLedgerToo) {
    fill();
    const operator_pause pause{"T00000001", time.wall_now(), 1000};
    open();
    run([&]() -> asio::awaitable<void> { must(co_await book->set_pause("T00000001", pause)); });
    close();
    repair();
    open();
    run([&]() -> asio::awaitable<void> {
        const auto kept = must(co_await book->pauses());
        EXPECT_EQ(kept.size(), 1u);
        EXPECT_EQ(kept.at(0), pause);
    });
}

TEST_F(SqliteCheckTest, HistoriesAreInTheNewLedgerTooOrMissed) {
    fill();
    const auto row = put_off();
    const auto steps = [&] { return open_ledger_reader(file())->history(row.id).steps.size(); };
    EXPECT_EQ(steps(), 1u);
    EXPECT_TRUE(repair().empty());
    EXPECT_EQ(steps(), 1u);
    meddle(
        "CREATE TABLE other AS SELECT * FROM step; DROP TABLE step; ALTER TABLE other RENAME TO "
        "step; UPDATE step SET at = NULL");
    time.advance(std::chrono::seconds(1));  // the old ledger is kept under the second's name
    EXPECT_EQ(kinds(repair()), std::vector<std::string>{"history_lost"});
    EXPECT_EQ(steps(), 0u);
}

TEST_F(SqliteCheckTest, NothingIsKeptOfAJobThatIsGone) {
    fill();
    const auto row = put_off();
    meddle(
        "INSERT INTO step SELECT 4000, number, at, was, became, attempt, operation, uid, words"
        " FROM step WHERE job = " +
        std::to_string(row.id));
    repair();
    const auto reader = open_ledger_reader(file());
    EXPECT_EQ(reader->history(row.id).steps.size(), 1u);
    EXPECT_EQ(reader->history(4000), job_history());
}

TEST_F(SqliteCheckTest, WhatIsLeftOfADamagedJobIsErasedInItsTime) {
    const auto row = put_off("an answer");
    meddle("UPDATE job SET due_at = due_at + 1 WHERE reference = 'put-off'");
    EXPECT_EQ(kinds(repair()), std::vector<std::string>{"job_blocked"});
    open();
    EXPECT_EQ(found("put-off").state, job_state::conflict);
    time.advance(std::chrono::hours(1));
    ASSERT_FALSE(erase());
    run([&]() -> asio::awaitable<void> {
        EXPECT_EQ(must(co_await book->answer_of(row.id)), "");
        EXPECT_EQ(must(co_await book->history(row.id)), job_history());
    });
}

TEST_F(SqliteCheckTest, WrongSumsAreCountedAgain) {
    fill();
    const auto good = rows();
    open();
    batch_summary before;
    run([&]() -> asio::awaitable<void> { before = must(co_await book->summary("default")); });
    close();
    meddle("UPDATE tally SET jobs = jobs + 1; UPDATE batch SET open = 7");
    EXPECT_EQ(kinds(faults()), std::vector<std::string>{"sums_wrong"});
    EXPECT_TRUE(repair().empty());
    expect_mended(good);
    open();
    run([&]() -> asio::awaitable<void> {
        EXPECT_EQ(must(co_await book->summary("default")).tallies, before.tallies);
    });
}

TEST_F(SqliteCheckTest, ContradictionsAreNamed) {
    job row;
    row.state = job_state::created;
    EXPECT_NE(contradiction_in(row, 0), "");
    row.finished_at = wall_time{};
    EXPECT_NE(contradiction_in(row, 0), "");
    row.revision = 1;
    EXPECT_NE(contradiction_in(row, 0), "");
    row.the_case.id = "x";
    EXPECT_NE(contradiction_in(row, 0), "");
    row.the_case.contract_url = "https://x";
    EXPECT_EQ(contradiction_in(row, 0), "");
    EXPECT_EQ(contradiction_in(row, 1), "");
    EXPECT_NE(contradiction_in(row, 2), "");
    row.state = job_state::rejected;
    EXPECT_NE(contradiction_in(row, 0), "");
    row.state = job_state::unknown;
    EXPECT_NE(contradiction_in(row, 0), "");
}

std::set<int> pages_where(const std::string& file, const std::string& condition) {
    std::set<int> pages;
    sqlite3* db = nullptr;
    sqlite3_open(file.c_str(), &db);
    sqlite3_exec(
        db, ("SELECT pageno FROM dbstat WHERE " + condition).c_str(),
        [](void* to, int, char** columns, char**) {
            static_cast<std::set<int>*>(to)->insert(std::stoi(columns[0]));
            return 0;
        },
        &pages, nullptr);
    sqlite3_close(db);
    return pages;
}

// As it was; or looked up before it is sent, since pages do not fit to each other.
bool is_kept(const job& before, const job& after) {
    auto doubted = before;
    if (is_open(before.state)) {
        doubted.state = job_state::unknown;
        doubted.due_at = after.due_at;
        doubted.lost_at = after.lost_at;
    }
    return after == before || after == doubted;
}

// All of a page: what it held is lost, and nothing else. Without those that say how to read the
// others there is no repair, and without those that lead to the rows every job is blocked.
TEST_F(SqliteCheckTest, AnyPageMayGoBad) {
    fill(200);
    const auto schema = pages_where(file(), "name = 'sqlite_schema'");
    const auto ways = pages_where(file(), "name = 'job' AND pagetype = 'internal'");
    ASSERT_TRUE(schema.contains(1));
    ASSERT_EQ(ways.size(), 1u);
    const auto whole = read_file(file());
    const auto before = rows();
    std::mt19937 random(7);
    for (std::size_t at = 4096; at < whole.size(); at += 4096) {
        const auto page = static_cast<int>(at / 4096 + 1);
        SCOPED_TRACE("page " + std::to_string(page));
        auto bytes = whole;
        for (std::size_t i = 0; i < 1'500; ++i) {
            bytes[at + i] = static_cast<char>(random());
        }
        std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
        for (const auto* suffix : {"-wal", "-shm"}) {
            std::filesystem::remove(file().string() + suffix);
        }
        if (schema.contains(page)) {
            EXPECT_THROW(repair(), std::runtime_error);
            EXPECT_FALSE(std::filesystem::exists(file().string() + ".new"));
            continue;
        }
        EXPECT_NO_THROW(repair());
        for (const auto& fault : faults()) {
            EXPECT_EQ(fault.kind, "request_missing");  // the daemon ends such a job and says why
        }
        const auto after = rows();
        EXPECT_EQ(after.size(), before.size());
        const auto kept = std::ranges::count_if(before, [&](const job& row) {
            return std::ranges::any_of(after,
                                       [&](const job& other) { return is_kept(row, other); });
        });
        EXPECT_GE(kept, ways.contains(page) ? 0 : 150) << "more than one page of rows";
        for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
            if (entry.path().string().find(".damaged-") != std::string::npos) {
                std::filesystem::remove(entry.path());
            }
        }
    }
}

// A page of an earlier time has good checksums; that its rows are not those of the indexes tells.
TEST_F(SqliteCheckTest, APageOfAnEarlierTimeIsNotSentFrom) {
    open();
    auto row = accept_one(a_job("one"));
    close();
    const auto earlier = read_file(file());
    open();
    row.state = job_state::created;
    row.attempts = row.revision = 1;
    row.submitted_at = row.finished_at = time.wall_now();
    row.the_case.id = "uuid-one";
    must(record(row, job_state::queued, "{}"));
    close();
    auto bytes = read_file(file());
    ASSERT_EQ(bytes.size(), earlier.size());
    for (const auto page : pages_where(file(), "name = 'job' AND pagetype = 'leaf'")) {
        const auto at = static_cast<std::size_t>(page - 1) * 4096;
        bytes.replace(at, 4096, earlier, at, 4096);
    }
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
    EXPECT_TRUE(std::ranges::count(kinds(faults()), "ledger_structure") != 0);
    EXPECT_EQ(kinds(repair()), std::vector<std::string>{"jobs_doubted"});
    open();
    EXPECT_EQ(found("one").state, job_state::unknown);
}

TEST_F(SqliteCheckTest, RowsOfADamagedLogAreDoubted) {
    open();
    accept_one(a_job("one"));
    const auto log = file().string() + "-wal";
    auto bytes = read_file(log);
    const auto base = read_file(file());
    close();
    bytes[32 + 24 + 2000] = static_cast<char>(bytes[32 + 24 + 2000] ^ 1);
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << base;
    std::ofstream(log, std::ios::binary | std::ios::trunc) << bytes;
    std::filesystem::remove(file().string() + "-shm");
    expect_named("ledger_log_damaged", "the ledger");
    EXPECT_EQ(kinds(repair()), std::vector<std::string>{"jobs_doubted"});
    open();
    EXPECT_EQ(found("one").state, job_state::unknown);
}

TEST_F(SqliteCheckTest, RowsBetweenTwoBadPagesAreNotForgotten) {
    fill(200);
    const auto before = rows();
    const auto leaves = pages_where(file(), "name = 'job' AND pagetype = 'leaf'");
    ASSERT_GT(leaves.size(), 5u);
    const std::vector<int> pages(leaves.begin(), leaves.end());
    const auto identity = pages_where(file(), "name = 'identity' AND pagetype = 'leaf'");
    auto bytes = read_file(file());
    for (const auto page : {pages[1], pages[4], *identity.begin()}) {
        bytes.replace(static_cast<std::size_t>(page - 1) * 4096, 4096, 4096, '\0');
    }
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
    std::size_t lost = 0;
    for (const auto& one : repair()) {
        lost += one.kind == "job_lost" ? 1 : 0;
    }
    const auto after = rows();
    EXPECT_EQ(after.size() + lost, before.size());
    EXPECT_GE(std::ranges::count_if(before,
                                    [&](const job& row) {
                                        return std::ranges::any_of(after, [&](const job& other) {
                                            return is_kept(row, other);
                                        });
                                    }),
              150);
    meddle("UPDATE tally SET jobs = jobs + 1");
    time.advance(std::chrono::seconds(1));  // for the name of the one that is kept
    EXPECT_EQ(std::ranges::count(kinds(repair()), "job_lost"), 0) << "that was told before";
}

// SQLite would write new pages over what is behind.
TEST_F(SqliteCheckTest, APageCountThatIsTooLowIsRefusedAndSetRight) {
    fill(100);
    const auto before = rows();
    auto bytes = read_file(file());
    bytes[31] = static_cast<char>(bytes[31] - 1);
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
    try {
        open();
        FAIL() << "it was opened";
    } catch (const config_error& error) {
        EXPECT_NE(std::string(error.what()).find("run onboardctl fsck"), std::string::npos);
    }
    EXPECT_FALSE(faults().empty());
    repair();
    EXPECT_EQ(rows().size(), before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
        EXPECT_TRUE(is_kept(before[i], rows()[i])) << i;
    }
    EXPECT_EQ(kinds(faults()), std::vector<std::string>{});
}

TEST_F(SqliteCheckTest, AHeaderThatDeniesTheLogIsSetRightAtTheStart) {
    fill(10);
    auto bytes = read_file(file());
    bytes[18] = bytes[19] = 1;
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
    open();
    accept({a_job("new")});
    EXPECT_TRUE(std::filesystem::exists(file().string() + "-wal"));
    EXPECT_FALSE(std::filesystem::exists(file().string() + "-journal"));
}

// Any byte of the file: the damage is named or without meaning, and the repair keeps the good rows.
TEST_F(SqliteCheckTest, AnyByteMayGoBad) {
    fill(120);
    const auto whole = read_file(file());
    const auto before = rows();
    std::mt19937 random(7);
    int named = 0;
    int hopeless = 0;  // a page with names, of which there are few
    for (int round = 0; round < 60; ++round) {
        const auto at = 4096 + random() % (whole.size() - 4096);
        SCOPED_TRACE("byte " + std::to_string(at));
        auto bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
        for (const auto* suffix : {"-wal", "-shm"}) {
            std::filesystem::remove(file().string() + suffix);
        }
        const auto found = faults();
        if (found.empty()) {
            EXPECT_EQ(rows(), before) << "the damage was not noticed";
            continue;
        }
        ++named;
        try {
            repair();
        } catch (const std::runtime_error& error) {
            EXPECT_NE(std::string(error.what()).find("restore it from a backup"),
                      std::string::npos);
            ++hopeless;
            continue;
        }
        for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
            if (entry.path().string().find(".damaged-") != std::string::npos) {
                std::filesystem::remove(entry.path());
            }
        }
        const auto after = rows();
        EXPECT_EQ(after.size(), before.size());
        int changed = 0;
        for (const auto& row : after) {
            const auto old = std::ranges::find(before, row.reference, &job::reference);
            if (old == before.end() || is_kept(*old, row)) {
                continue;
            }
            ++changed;
            EXPECT_TRUE(row.state == job_state::conflict || row.state == job_state::created);
        }
        EXPECT_LE(changed, 20) << "more than one page of rows";
        for (const auto& kind : kinds(faults())) {
            EXPECT_EQ(kind, "request_missing");
        }
    }
    EXPECT_GT(named, 5);
    EXPECT_LT(hopeless, 6);
    RecordProperty("named", named);
    RecordProperty("hopeless", hopeless);
}

}  // namespace
}  // namespace onboardd::test
