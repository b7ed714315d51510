// A log that went bad in the middle is noticed before SQLite forgets what stands behind it, and can
// be mended; what a power cut tore is left to SQLite.

#include <fstream>

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

    void flip(std::streamoff at) {
        std::fstream file(log(), std::ios::binary | std::ios::in | std::ios::out);
        file.seekg(at);
        const auto byte = static_cast<char>(file.get() ^ 0x10);
        file.seekp(at);
        file.put(byte);
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

TEST_F(SqliteWalTest, ADamagedHeaderHidesNothing) {
    for (const std::streamoff at : {0, 5, 9, 13, 25}) {
        SCOPED_TRACE(at);
        flip(at);
        EXPECT_TRUE(is_damaged(sqlite::examine_log(crashed.file())));
        flip(at);
    }
    flip(1);
    EXPECT_NE(refusal().find("damaged log"), std::string::npos);
    expect_all_jobs_after_mending();
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
