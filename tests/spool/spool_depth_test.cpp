#include "onboardd/spool/spool_depth.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temporary_directory.hpp"

namespace onboardd {
namespace {

class SpoolDepth : public testing::Test {
protected:
    void put(const std::string& name, std::time_t modified) {
        const auto path = spool.path() / "incoming" / name;
        std::filesystem::create_directories(path.parent_path());
        test::write_file(path, "{}");
        const timespec times[2] = {{modified, 0}, {modified, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    }

    test::temporary_directory spool;
};

TEST_F(SpoolDepth, CountsFinishedFilesAndThoseOfBatchesAndKnowsTheOldest) {
    put("a.json", 2000);
    put(".hidden.json", 1);
    put("b.json.tmp", 1);
    put("night/c.json", 1000);
    put("night/deeper/d.json", 1);
    put("night/lines.jsonl", 3000);
    const auto seen = look_at_spool(spool.path());
    EXPECT_EQ(seen.files, 3u);
    EXPECT_EQ(seen.oldest, wall_time(std::chrono::seconds(1000)));
}

TEST_F(SpoolDepth, AnEmptyOrMissingSpoolHasNoDepth) {
    EXPECT_EQ(look_at_spool(spool.path()).files, 0u);
    std::filesystem::create_directory(spool.path() / "incoming");
    EXPECT_EQ(look_at_spool(spool.path()).files, 0u);
    EXPECT_FALSE(look_at_spool(spool.path()).oldest);
}

TEST_F(SpoolDepth, FollowsNoLink) {
    test::temporary_directory elsewhere;
    test::write_file(elsewhere.path() / "x.json", "{}");
    std::filesystem::create_directory(spool.path() / "incoming");
    std::filesystem::create_directory_symlink(elsewhere.path(), spool.path() / "incoming" / "link");
    EXPECT_EQ(look_at_spool(spool.path()).files, 1u) << "the link itself waits";
}

}  // namespace
}  // namespace onboardd
