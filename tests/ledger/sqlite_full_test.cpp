// Full disks: a commit that finds no room is not done, nothing is in doubt, and all goes on once
// there is room.

#include <sys/mount.h>

#include <boost/asio/co_spawn.hpp>
#include <fstream>
#include <map>

#include "ledger/failing_vfs.hpp"
#include "ledger/ledger_fixture.hpp"

namespace onboardd::test {
namespace {

// The system's own file layer is back only after the ledger is closed.
struct with_full_disk {
    failing_vfs disk;
};

class SqliteFullTest : public with_full_disk, public sqlite_fixture, public testing::Test {
protected:
    // A job goes all its way. Each call that finds no room is made again with room.
    void take_to_its_end(const std::string& reference) {
        try_until_done([&] { return accept_again(reference); });
        auto row = claim_one();
        EXPECT_EQ(row.reference, reference);
        for (const auto state : {job_state::submitting, job_state::accepted, job_state::created}) {
            const auto from = row.state;
            row.state = state;
            row.attempts = 1;
            row.finished_at = is_final(state) ? std::optional(time.wall_now()) : std::nullopt;
            row.revision = is_final(state) ? 1 : 0;
            try_until_done([&] { return record(row, from, "an answer").error(); });
            acknowledged[reference] = row;
        }
        try_until_done([&] { return erase(); });
    }

    template <class Call>
    void try_until_done(Call call) {
        const auto failed = call();
        if (!failed) {
            return;
        }
        EXPECT_EQ(failed, errc::ledger_full);
        EXPECT_FALSE(book->failed()) << book->failure();
        EXPECT_TRUE(book->full());
        ++refusals;
        expect_all_that_was_acknowledged();
        disk.work();
        make_room();
        EXPECT_EQ(call(), error_code());
    }

    error_code accept_again(const std::string& reference) {
        result<std::vector<admission>> verdict;
        run([&]() -> asio::awaitable<void> {
            std::vector<new_job> jobs{a_job(reference)};
            jobs[0].batch = "batch of " + reference;
            verdict = co_await book->accept(std::move(jobs));
        });
        if (verdict.has_value()) {
            EXPECT_EQ(verdict->at(0), admission::accepted) << "the refused call left something";
        }
        return verdict.has_error() ? verdict.error() : error_code();
    }

    job claim_one() {
        const auto claims = claim();
        EXPECT_EQ(claims.size(), 1u);
        return claims.at(0).row;
    }

    void make_room() {
        run([&]() -> asio::awaitable<void> { must(co_await book->make_room()); });
        EXPECT_FALSE(book->full());
    }

    std::uint64_t counted() {
        std::uint64_t jobs = 0;
        run([&]() -> asio::awaitable<void> {
            for (const auto& entry : must(co_await book->totals())) {
                jobs += entry.jobs;
            }
        });
        return jobs;
    }

    void expect_all_that_was_acknowledged() {
        for (const auto& [reference, row] : acknowledged) {
            EXPECT_EQ(found(reference), row) << reference;
        }
    }

    // 0, 1, 2 ... until nothing fails.
    std::size_t fill_everywhere(bool for_ever) {
        for (std::size_t n = 0;; ++n) {
            SCOPED_TRACE("no room for write " + std::to_string(n));
            std::filesystem::remove(file());
            acknowledged.clear();
            refusals = 0;
            disk.work();
            open();
            disk.fill_at(n, for_ever);
            take_to_its_end("one");
            take_to_its_end("two");
            const bool reached = refusals != 0 || book->full();
            disk.work();
            EXPECT_EQ(counted(), 2u);
            reopen();
            expect_all_that_was_acknowledged();
            EXPECT_EQ(counted(), 2u);
            close();
            if (!reached) {
                return n;
            }
        }
    }

    std::map<std::string, job> acknowledged;
    int refusals = 0;
};

// With the reserve, one write that finds no room is not even noticed by those who have results.
TEST_F(SqliteFullTest, AnyWriteMayFindNoRoomOnce) {
    EXPECT_GT(fill_everywhere(false), 50u);
}

TEST_F(SqliteFullTest, AnyWriteMayFindNoRoomUntilThereIsSome) {
    EXPECT_GT(fill_everywhere(true), 50u);
}

TEST_F(SqliteFullTest, WhatWasRefusedIsNotThereAfterAPowerCut) {
    open();
    accept({a_job("before")});
    disk.fill_at(1, true);
    EXPECT_EQ(accept_again("refused"), errc::ledger_full);
    disk.work();
    make_room();
    accept({a_job("after")});
    const auto left = disk.after_power_cut();
    close();
    for (const auto& [name, contents] : left) {
        std::ofstream(name, std::ios::binary | std::ios::trunc) << contents;
    }
    std::filesystem::remove(file().string() + "-shm");
    open();
    EXPECT_EQ(found("before").state, job_state::queued);
    EXPECT_EQ(found("after").state, job_state::queued);
    EXPECT_EQ(counted(), 2u);
}

TEST_F(SqliteFullTest, ResultsGoOnWhereNewJobsAreRefused) {
    open();
    auto row = accept_one(a_job("one"));
    error_code accepted;
    error_code recorded;
    auto take_in = [&]() -> asio::awaitable<void> {
        std::vector<new_job> jobs{a_job("two")};
        const auto verdict = co_await book->accept(std::move(jobs));
        accepted = verdict.has_error() ? verdict.error() : error_code();
    };
    auto note_result = [&]() -> asio::awaitable<void> {
        row.state = job_state::created;
        auto after = row;
        const auto verdict = co_await book->record(std::move(after), job_state::queued);
        recorded = verdict.has_error() ? verdict.error() : error_code();
    };
    const auto ended = [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); };
    disk.fill_at(0, false);
    asio::co_spawn(loop, take_in(), ended);
    asio::co_spawn(loop, note_result(), ended);
    loop.restart();
    loop.run();
    EXPECT_EQ(accepted, errc::ledger_full);
    EXPECT_EQ(recorded, error_code());
    EXPECT_EQ(found("one").state, job_state::created);
    EXPECT_TRUE(book->full());
}

TEST_F(SqliteFullTest, AClaimThatCouldNotBeReleasedIsStillHeld) {
    open();
    accept({a_job("one")});
    auto row = claim_one();
    row.state = job_state::submitting;
    disk.fill_at(0, true);
    EXPECT_EQ(record(row, job_state::queued).error(), errc::ledger_full);
    EXPECT_TRUE(claim().empty());
    run([&]() -> asio::awaitable<void> {
        std::vector<job_id> ids{row.id};
        co_await book->unclaim(std::move(ids));
    });
    EXPECT_EQ(claim().size(), 1u);
}

TEST_F(SqliteFullTest, ALogThatCannotBeMovedGrowsAndIsMovedLater) {
    open();
    disk.fill_at(0, true, "ledger.db");
    for (int i = 0; i < 30; ++i) {
        auto fresh = a_job("j" + std::to_string(i));
        fresh.request.append(900'000, 'x');
        accept({fresh});
    }
    EXPECT_TRUE(book->full()) << "the log is longer than it should be";
    EXPECT_FALSE(book->failed()) << book->failure();
    disk.work();
    make_room();
    for (int i = 30; i < 40; ++i) {
        auto fresh = a_job("j" + std::to_string(i));
        fresh.request.append(900'000, 'x');
        accept({fresh});
    }
    EXPECT_FALSE(book->full());
    EXPECT_GT(std::filesystem::file_size(file()), 20'000'000u);
    reopen();
    EXPECT_EQ(counted(), 40u);
}

// A small disk of its own, which is filled to the last byte.
class SqliteSmallDiskTest : public sqlite_fixture, public testing::Test {
protected:
    void SetUp() override {
        const auto& place = directory.path();
        if (::mount("tmpfs", place.c_str(), "tmpfs", 0, "size=8m,nr_inodes=64") != 0) {
            GTEST_SKIP() << "only root may mount";
        }
        mounted = true;
    }

    void TearDown() override {
        close();
        if (mounted) {
            ::umount2(directory.path().c_str(), MNT_DETACH);
        }
    }

    void fill() {
        std::ofstream filler(directory.path() / "filler", std::ios::binary);
        const std::string block(4096, 'x');
        while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
    }

    void free_room() { std::filesystem::remove(directory.path() / "filler"); }

    bool reserve_is_there() const { return std::filesystem::exists(file().string() + ".reserve"); }

    bool mounted = false;
};

TEST_F(SqliteSmallDiskTest, AFullDiskStopsNothingThatHasBegun) {
    open();
    EXPECT_TRUE(reserve_is_there());
    accept({a_job("one")});
    auto row = claim().at(0).row;
    fill();
    for (int i = 0; i < 300; ++i) {  // far more than fits into a page or two
        const auto from = row.state;
        row.state = from == job_state::submitting ? job_state::deferred : job_state::submitting;
        ASSERT_EQ(record(row, from, std::string(3000, 'a')).has_error(), false) << i;
    }
    EXPECT_FALSE(book->failed()) << book->failure();
}

TEST_F(SqliteSmallDiskTest, WithoutAnyRoomItRefusesAndWithSomeItGoesOn) {
    open();
    accept({a_job("one")});
    fill();
    std::size_t taken = 1;
    error_code failed;
    while (!failed) {
        run([&]() -> asio::awaitable<void> {
            std::vector<new_job> jobs{a_job("j" + std::to_string(taken))};
            jobs[0].request.append(20'000, 'x');
            const auto verdict = co_await book->accept(std::move(jobs));
            failed = verdict.has_error() ? verdict.error() : error_code();
        });
        taken += failed ? 0 : 1;
        ASSERT_LT(taken, 1000u);
    }
    EXPECT_EQ(failed, errc::ledger_full);
    EXPECT_FALSE(reserve_is_there()) << "it is for those who have results";
    fill();
    run([&]() -> asio::awaitable<void> {
        const auto found = co_await book->make_room();
        EXPECT_EQ(found.error(), errc::ledger_full);
    });
    EXPECT_TRUE(book->full());
    free_room();
    run([&]() -> asio::awaitable<void> { must(co_await book->make_room()); });
    EXPECT_TRUE(reserve_is_there());
    accept({a_job("last")});
    EXPECT_FALSE(book->failed()) << book->failure();
    reopen();
    EXPECT_EQ(found("last").state, job_state::queued);
}

TEST_F(SqliteSmallDiskTest, AStartOnAFullDiskUsesTheReserve) {
    open();
    accept({a_job("one")});
    close();
    fill();
    open();
    EXPECT_EQ(found("one").state, job_state::queued);
}

TEST_F(SqliteSmallDiskTest, AFirstStartWithoutRoomSaysSo) {
    fill();
    EXPECT_THROW(open(), no_room);
    free_room();
    open();
    accept({a_job("one")});
}

}  // namespace
}  // namespace onboardd::test
