// A ledger that was put back from a copy is told by the mark beside the outcomes.

#include "daemon/ledger/sqlite_database.hpp"
#include "ledger/ledger_fixture.hpp"

namespace onboardd::test {
namespace {

class SqliteMarkTest : public sqlite_fixture, public testing::Test {
protected:
    ledger_mark next_mark() {
        ledger_mark mark;
        run([&]() -> asio::awaitable<void> { mark = must(co_await book->next_mark()); });
        return mark;
    }

    void copy_ledger(const std::string& to) {
        close();
        std::filesystem::copy_file(file(), directory.path() / to);
    }

    void put_back(const std::string& from) {
        close();
        std::filesystem::copy_file(directory.path() / from, file(),
                                   std::filesystem::copy_options::overwrite_existing);
    }

    std::string refusal() {
        try {
            open();
        } catch (const config_error& error) {
            return error.what();
        }
        return "";
    }
};

TEST_F(SqliteMarkTest, TheNewestLedgerIsTakenEachTime) {
    open();
    options.mark = next_mark();
    reopen();
    reopen();  // it is further than its mark: a crash came before the mark was written
    const auto next = next_mark();
    EXPECT_EQ(next.ledger, options.mark->ledger);
    EXPECT_GT(next.epoch, options.mark->epoch + 1);
    EXPECT_EQ(next_mark().epoch, next.epoch + 1);
    options.mark = next_mark();
    reopen();
}

TEST_F(SqliteMarkTest, ACopyFromBeforeIsRefusedHoweverOftenItIsTried) {
    open();
    accept({a_job("one")});
    copy_ledger("copy");
    open();
    options.mark = next_mark();
    put_back("copy");
    for (int i = 0; i < 5; ++i) {
        const auto said = refusal();
        EXPECT_NE(said.find("older than the outcomes"), std::string::npos) << said;
        EXPECT_NE(said.find("onboardctl fsck --accept-restored"), std::string::npos) << said;
    }
}

TEST_F(SqliteMarkTest, AnotherLedgerIsRefused) {
    open();
    options.mark = next_mark();
    close();
    std::filesystem::remove(file());
    const auto said = refusal();
    EXPECT_NE(said.find("not the ledger that wrote the outcomes"), std::string::npos) << said;
}

TEST_F(SqliteMarkTest, ALedgerFromBeforeThereWereIdentitiesGetsOne) {
    open();
    close();
    sqlite::database(file()).run("DROP TABLE ledger_identity");
    open();
    EXPECT_EQ(next_mark().ledger.size(), 32u);
}

TEST_F(SqliteMarkTest, OnceAcceptedEveryOpenJobIsInDoubt) {
    open();
    accept({a_job("queued"), a_job("done"), a_job("sent"), a_job("later")});
    create(found("done"));
    auto sent = found("sent");
    sent.state = job_state::submitting;
    must(record(sent, job_state::queued));
    auto later = found("later");
    later.state = job_state::deferred;
    later.due_at = time.wall_now() + std::chrono::hours(1);
    must(record(later, job_state::queued));
    copy_ledger("copy");
    open();
    for (int i = 0; i < 10; ++i) {
        options.mark = next_mark();
    }
    put_back("copy");
    time.advance(std::chrono::hours(24));
    const auto accepted = accept_restored_ledger(time, options);
    EXPECT_EQ(accepted.doubted, 3u);
    EXPECT_EQ(accepted.mark.ledger, options.mark->ledger);
    EXPECT_GT(accepted.mark.epoch, options.mark->epoch);
    options.mark = accepted.mark;
    open();
    for (const auto* reference : {"queued", "sent", "later"}) {
        const auto row = found(reference);
        EXPECT_EQ(row.state, job_state::unknown) << reference;
        EXPECT_EQ(row.lost_at, time.wall_now()) << reference;
    }
    EXPECT_EQ(found("done").state, job_state::created);
    EXPECT_EQ(claim(work_kind::look_up).size(), 3u);
    EXPECT_TRUE(claim().empty());
}

// A copy does not know what was released and sent since.
TEST_F(SqliteMarkTest, OnceAcceptedAHeldJobIsLookedUpWhenItIsReleased) {
    const auto operate = [&](operation what, const std::string& reference) {
        job_selection one;
        one.identities.emplace_back("T00000001", reference);
        operated done;
        run([&]() -> asio::awaitable<void> {
            done = must(co_await book->operate(what, one, 0, 10, time.wall_now(), 1000));
        });
        return done;
    };
    open();
    accept({a_job("old")});
    operate(operation::hold, "old");
    copy_ledger("copy");
    open();
    options.mark = next_mark();
    put_back("copy");
    time.advance(std::chrono::hours(24));
    options.mark = accept_restored_ledger(time, options).mark;
    open();
    time.advance(std::chrono::hours(1));
    accept({a_job("new")});
    operate(operation::hold, "new");
    EXPECT_EQ(operate(operation::cancel, "old").refused.size(), 1u);
    operate(operation::release, "old");
    operate(operation::release, "new");
    EXPECT_EQ(found("old").state, job_state::unknown);
    EXPECT_EQ(found("old").lost_at, time.wall_now());
    EXPECT_EQ(found("new").state, job_state::queued);
}

TEST_F(SqliteMarkTest, OutcomesThatAreGoneAreDueAgain) {
    open();
    accept({a_job("one"), a_job("two")});
    create(found("one"));
    publish_all();
    EXPECT_TRUE(unpublished().empty());
    options.publish_all_again = true;
    reopen();
    ASSERT_EQ(unpublished().size(), 1u);
    EXPECT_EQ(unpublished()[0].reference, "one");
}

}  // namespace
}  // namespace onboardd::test
