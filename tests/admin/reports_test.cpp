#include "onboardd/admin/reports.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temporary_directory.hpp"

namespace onboardd::admin {
namespace {

class Reports : public testing::Test {
protected:
    void put(const std::string& name, const std::string& text, std::time_t written = 1000) {
        const auto path = where() / name;
        test::write_file(path, text);
        const timespec times[2] = {{written, 0}, {written, 0}};
        ::utimensat(AT_FDCWD, path.c_str(), times, 0);
    }
    const std::filesystem::path& where() const { return files.path(); }

    test::temporary_directory files;
};

TEST_F(Reports, AreListedTheNewestFirst) {
    put("old.txt", "", 1000);
    put("new.txt", "", 3000);
    put("middle%20one.txt", "", 2000);
    put("new.json", "{}", 4000);
    put(".0123456789abcdef.tmp", "", 5000);
    put("not a report.txt", "", 5000);
    std::filesystem::create_directory(where() / "folder.txt");
    std::filesystem::create_symlink("old.txt", where() / "link.txt");
    const auto found = list_reports(where(), 2);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].name, "new");
    EXPECT_EQ(found[0].written_at, wall_time(std::chrono::seconds(3000)));
    EXPECT_EQ(found[1].name, "middle%20one");
    EXPECT_EQ(list_reports(where(), 10).size(), 3u);
    EXPECT_TRUE(list_reports(where() / "missing", 10).empty());
}

TEST_F(Reports, OnlyFilesOfTheDirectoryItselfAreRead) {
    put("good.txt", "text");
    put("good.json", "{}");
    std::filesystem::create_directory(where() / "inner");
    put("inner/secret.txt", "secret");
    std::filesystem::create_symlink("inner/secret.txt", where() / "link.txt");
    std::filesystem::create_directory(where() / "folder.txt");
    ASSERT_EQ(::mkfifo((where() / "pipe.txt").c_str(), 0600), 0);
    EXPECT_EQ(read_report(where(), "good.txt"), "text");
    EXPECT_EQ(read_report(where(), "good.json"), "{}");
    for (const std::string name :
         {"", ".", "..", "../good.txt", "inner/secret.txt", "./good.txt", "/etc/passwd", "link.txt",
          "folder.txt", "pipe.txt", "good.TXT", "good", "missing.txt", ".hidden.txt"}) {
        EXPECT_EQ(read_report(where(), name), std::nullopt) << name;
    }
    EXPECT_EQ(read_report(where(), std::string("good.txt\0.txt", 13)), std::nullopt);
    EXPECT_EQ(read_report(where(), std::string(300, 'x') + ".txt"), std::nullopt);
}

}  // namespace
}  // namespace onboardd::admin
