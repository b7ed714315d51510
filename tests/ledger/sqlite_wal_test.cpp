// A log that went bad in the middle is noticed before SQLite forgets what stands behind it, and can
// be mended; what a power cut tore is left to SQLite.

#include <sqlite3.h>

#include <array>
#include <fstream>
#include <vector>

#include "daemon/ledger/sqlite_wal.hpp"
#include "ledger/ledger_fixture.hpp"

namespace onboardd::test {
namespace {

constexpr std::streamoff log_header_bytes = 32;
constexpr std::streamoff frame_bytes = 24 + 4096;

class SqliteWalTest : public testing::Test {
protected:
    // The files as a crash leaves them after `jobs` commits.
    void SetUp() override {
        running.open();
        for (int i = 0; i < jobs; ++i) {
            running.accept({a_job("job-" + std::to_string(i))});
        }
        for (const auto* suffix : {"", "-wal"}) {
            std::filesystem::copy_file(running.file().string() + suffix,
                                       crashed.file().string() + suffix);
        }
        log_bytes = static_cast<std::streamoff>(std::filesystem::file_size(log()));
    }

    std::filesystem::path log() const { return crashed.file().string() + "-wal"; }

    void flip(std::streamoff at, int bits = 0x10) {
        std::fstream file(log(), std::ios::binary | std::ios::in | std::ios::out);
        file.seekg(at);
        const auto byte = static_cast<char>(file.get() ^ bits);
        file.seekp(at);
        file.put(byte);
    }

    // The numbers, from 0, of the frames that end a commit: those that tell the pages of the file.
    std::vector<std::streamoff> ends_of_commits() const {
        std::ifstream file(log(), std::ios::binary);
        std::vector<std::streamoff> ends;
        std::array<char, 4> pages{};
        for (std::streamoff frame = 0;; ++frame) {
            file.seekg(log_header_bytes + frame * frame_bytes + 4);
            if (!file.read(pages.data(), pages.size())) {
                return ends;
            }
            if (pages != std::array<char, 4>{}) {
                ends.push_back(frame);
            }
        }
    }

    std::string refusal() {
        try {
            crashed.open();
        } catch (const config_error& error) {
            return error.what();
        }
        return "";
    }

    void expect_all_jobs_after_mending() {
        sqlite::mend_log(crashed.file(), crashed.directory.path() / "kept");
        EXPECT_FALSE(sqlite::examine_log(crashed.file()).broken);
        crashed.open();
        for (int i = 0; i < jobs; ++i) {
            EXPECT_EQ(crashed.found("job-" + std::to_string(i)).state, job_state::queued);
        }
    }

    static constexpr int jobs = 12;
    sqlite_fixture running;
    sqlite_fixture crashed;
    std::streamoff log_bytes = 0;
};

TEST_F(SqliteWalTest, AWholeLogIsWhole) {
    const auto state = sqlite::examine_log(crashed.file());
    EXPECT_FALSE(state.broken);
    EXPECT_EQ(static_cast<std::streamoff>(state.frames) * frame_bytes + log_header_bytes,
              log_bytes);
    EXPECT_EQ(sqlite::examine_log(crashed.directory.path() / "none").frames, 0u);
}

TEST_F(SqliteWalTest, ADamagedFrameIsRefusedAndCanBeMended) {
    // In the unused middle of a page: nothing but the log's own checksum tells.
    flip(log_header_bytes + 24 + 2000);
    EXPECT_TRUE(is_damaged(sqlite::examine_log(crashed.file())));
    EXPECT_NE(refusal().find("damaged log"), std::string::npos);
    expect_all_jobs_after_mending();
}

TEST_F(SqliteWalTest, ADamagedSaltHidesNothing) {
    flip(log_header_bytes + frame_bytes + 9);
    EXPECT_NE(refusal().find("damaged log"), std::string::npos);
    expect_all_jobs_after_mending();
}

// SQLite ignores the whole log then.
TEST_F(SqliteWalTest, NoBitOfTheHeaderHidesAnything) {
    for (std::streamoff at = 0; at < log_header_bytes; ++at) {
        for (int bit = 1; bit < 256; bit <<= 1) {
            flip(at, bit);
            const auto state = sqlite::examine_log(crashed.file());
            EXPECT_TRUE(is_damaged(state)) << at << " " << bit;
            EXPECT_EQ(state.frames, 0u);
            flip(at, bit);
        }
    }
    EXPECT_FALSE(sqlite::examine_log(crashed.file()).broken);
}

TEST_F(SqliteWalTest, ADamagedHeaderIsRefusedAndCanBeMended) {
    flip(1);
    EXPECT_NE(refusal().find("damaged log"), std::string::npos);
    expect_all_jobs_after_mending();
}

TEST_F(SqliteWalTest, ADamagedSaltOfTheHeaderCanBeMended) {
    flip(17);
    expect_all_jobs_after_mending();
}

// With the header goes the head of the first frame.
TEST_F(SqliteWalTest, ALostFirstSectorHidesNothing) {
    std::fstream(log(), std::ios::binary | std::ios::in | std::ios::out)
        .write(std::string(512, '\0').data(), 512);
    const auto state = sqlite::examine_log(crashed.file());
    EXPECT_TRUE(is_damaged(state));
    EXPECT_EQ(state.commits_lost, ends_of_commits().size());
    EXPECT_NE(refusal().find("damaged log"), std::string::npos);
    sqlite::mend_log(crashed.file(), crashed.directory.path() / "kept");
    const auto mended = sqlite::examine_log(crashed.file());
    EXPECT_FALSE(mended.broken);
    EXPECT_EQ(mended.frames, static_cast<std::uint64_t>(ends_of_commits().back()) + 1);
}

TEST_F(SqliteWalTest, ABadHeaderBeforeAnythingAtAllIsDamage) {
    std::filesystem::resize_file(log(), static_cast<std::uintmax_t>(log_header_bytes));
    flip(17);
    EXPECT_FALSE(is_damaged(sqlite::examine_log(crashed.file())));  // nothing was ever written
    std::filesystem::resize_file(log(), 100'000);
    EXPECT_FALSE(is_damaged(sqlite::examine_log(crashed.file())));
    flip(90'000);
    EXPECT_TRUE(is_damaged(sqlite::examine_log(crashed.file())));
}

// SQLite takes the log to end at such a frame, whatever its checksum.
TEST_F(SqliteWalTest, AFrameOfNoPageIsKeptFromHidingTheOthers) {
    const auto at = log_header_bytes + ends_of_commits()[2] * frame_bytes;
    std::fstream file(log(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(at);
    file.write(std::string(512, '\0').data(), 512);
    file.close();
    EXPECT_TRUE(is_damaged(sqlite::examine_log(crashed.file())));
    sqlite::mend_log(crashed.file(), crashed.directory.path() / "kept");
    EXPECT_FALSE(sqlite::examine_log(crashed.file()).broken);
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(crashed.file().c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, "SELECT count(*) FROM meta", nullptr, nullptr, nullptr), SQLITE_OK);
    int frames = 0;
    EXPECT_EQ(sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_PASSIVE, &frames, nullptr),
              SQLITE_OK);
    EXPECT_EQ(frames, ends_of_commits().back() + 1);
    EXPECT_EQ(sqlite3_close(db), SQLITE_OK);
}

TEST_F(SqliteWalTest, AFrameOfAnEarlierRoundIsNotTakenIntoThisOne) {
    const auto at = log_header_bytes + ends_of_commits()[2] * frame_bytes;
    for (const auto byte : {10, 14, 18}) {  // of its salt and its checksum
        flip(at + byte);
    }
    sqlite::mend_log(crashed.file(), crashed.directory.path() / "kept");
    EXPECT_FALSE(sqlite::examine_log(crashed.file()).broken);
    std::ifstream file(log(), std::ios::binary);
    file.seekg(at);
    std::array<char, 8> begin{};
    file.read(begin.data(), begin.size());
    EXPECT_EQ(begin, (std::array<char, 8>{'\xff', '\xff', '\xff', '\xfe', 0, 0, 0, 0}));
}

TEST_F(SqliteWalTest, ADamagedPageSizeCanBeMended) {
    flip(10, 0x30);  // 8192, which is one as well
    expect_all_jobs_after_mending();
}

TEST_F(SqliteWalTest, ADamagedHeaderAndSaltOfTheFirstFrameCanBeMended) {
    flip(25);
    flip(log_header_bytes + 9);
    expect_all_jobs_after_mending();
}

TEST_F(SqliteWalTest, ADamagedHeaderHidesNotEvenASingleCommit) {
    const auto ends = ends_of_commits();
    std::filesystem::resize_file(
        log(), static_cast<std::uintmax_t>(log_header_bytes + (ends[0] + 1) * frame_bytes));
    EXPECT_FALSE(is_damaged(sqlite::examine_log(crashed.file())));
    flip(17);
    EXPECT_TRUE(is_damaged(sqlite::examine_log(crashed.file())));
}

TEST_F(SqliteWalTest, NoBitOfAFrameHidesMoreThanTheLastCommit) {
    const auto ends = ends_of_commits();
    ASSERT_GT(ends.size(), 4u);
    for (std::streamoff frame = 0; frame <= ends.back(); ++frame) {
        const auto lost = std::ranges::count_if(ends, [&](auto end) { return end >= frame; });
        for (std::streamoff at = 0; at < 24; ++at) {
            const auto where = log_header_bytes + frame * frame_bytes + at;
            flip(where, 1 << (at % 8));
            const bool damaged = is_damaged(sqlite::examine_log(crashed.file()));
            const bool may_seem_a_commit = at >= 4 && at < 8;
            EXPECT_TRUE(damaged == (lost > 1) || (damaged && may_seem_a_commit))
                << frame << " of " << ends.back() << ", byte " << at;
            flip(where, 1 << (at % 8));
        }
    }
}

// The log is used from its beginning again and again: behind what was written are the frames of the
// round before.
TEST_F(SqliteWalTest, ACommitOfWhichOnlyTheEndWasWrittenIsTorn) {
    const auto ends = ends_of_commits();
    const auto last = ends.back();
    ASSERT_GT(last, ends[ends.size() - 2] + 3);
    for (auto frame = last - 2; frame < last; ++frame) {
        const auto at = log_header_bytes + frame * frame_bytes;
        flip(at + 7);   // ended a commit
        flip(at + 11);  // of that round
        flip(at + 15);
        flip(at + 20);
    }
    const auto state = sqlite::examine_log(crashed.file());
    EXPECT_TRUE(state.broken);
    EXPECT_EQ(state.commits_lost, 1u);
    EXPECT_FALSE(is_damaged(state));
    EXPECT_EQ(refusal(), "");
}

TEST_F(SqliteWalTest, ATornLastCommitIsLeftToSqlite) {
    flip(log_bytes - 2000);
    const auto state = sqlite::examine_log(crashed.file());
    EXPECT_TRUE(state.broken);
    EXPECT_EQ(state.commits_lost, 1u);
    EXPECT_EQ(refusal(), "");
    EXPECT_EQ(crashed.found("job-0").state, job_state::queued);
}

}  // namespace
}  // namespace onboardd::test
