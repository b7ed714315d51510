#include "onboardd/secrets/credential_store.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace onboardd {
namespace {

namespace fs = std::filesystem;

class CredentialStore : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "onboardd-secrets-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder = name;
        file = folder / "secret";
    }
    void TearDown() override { fs::remove_all(folder); }

    void write(const std::string& text, mode_t mode = 0600) {
        std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
        ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    }

    // What the secret is, or the sentence that refuses it without the file's name.
    std::string read() {
        auto answer = read_secret_file(file);
        if (answer.has_value())
            return "secret " + std::string(answer->reveal());
        auto front = "the file " + file.string() + ' ';
        EXPECT_EQ(answer.error().substr(0, front.size()), front);
        return answer.error().substr(front.size());
    }

    fs::path folder;
    fs::path file;
};

TEST_F(CredentialStore, ReadsASecretAndDropsOneLineEnd) {
    write("hunter2");
    EXPECT_EQ(read(), "secret hunter2");
    write("hunter2\n");
    EXPECT_EQ(read(), "secret hunter2");
    write("hunter2\r\n");
    EXPECT_EQ(read(), "secret hunter2");
    write(" h\u00e5nter 2 \n");
    EXPECT_EQ(read(), "secret  h\u00e5nter 2 ");
}

TEST_F(CredentialStore, TakesModesThatOnlyTheOwnerCanUse) {
    for (mode_t mode : {0600U, 0400U, 0700U}) {
        write("hunter2", mode);
        EXPECT_EQ(read(), "secret hunter2") << mode;
    }
}

TEST_F(CredentialStore, RefusesModesThatOthersCanUse) {
    for (auto [mode, text] :
         {std::pair{0644U, "0644"}, std::pair{0640U, "0640"}, std::pair{0620U, "0620"},
          std::pair{0604U, "0604"}, std::pair{0602U, "0602"}, std::pair{0444U, "0444"},
          std::pair{0610U, "0610"}, std::pair{0777U, "0777"}}) {
        write("hunter2", mode);
        EXPECT_EQ(read(), "is open to more than its owner (mode " + std::string(text) +
                              "); allowed: mode 0600 or 0400");
    }
}

TEST_F(CredentialStore, TakesACredentialOfSystemd) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can make a file of root";
    write("hunter2", 0440);
    EXPECT_EQ(read(), "secret hunter2");
}

TEST_F(CredentialStore, RefusesAFileOfSomebodyElse) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can give a file away";
    write("hunter2");
    ASSERT_EQ(::chown(file.c_str(), 54321, 54321), 0);
    EXPECT_EQ(
        read(),
        "belongs to the user with the id 54321; allowed: root or the user that runs this program");
}

TEST_F(CredentialStore, RefusesAGroupsModeForAFileThatIsNotOfRoot) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can become another user";
    write("hunter2", 0440);
    ASSERT_EQ(::chown(file.c_str(), 54321, 54321), 0);
    ASSERT_EQ(::chmod(folder.c_str(), 0755), 0);
    ASSERT_EQ(::seteuid(54321), 0);
    auto answer = read();
    ASSERT_EQ(::seteuid(0), 0);
    EXPECT_EQ(answer, "is open to more than its owner (mode 0440); allowed: mode 0600 or 0400");
}

TEST_F(CredentialStore, SaysThatTheFileCannotBeRead) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can become another user";
    write("hunter2");
    ASSERT_EQ(::chmod(folder.c_str(), 0755), 0);
    ASSERT_EQ(::seteuid(54321), 0);
    auto answer = read();
    ASSERT_EQ(::seteuid(0), 0);
    EXPECT_EQ(answer,
              "cannot be opened (Permission denied); allowed: a file that this user can read");
}

TEST_F(CredentialStore, RefusesWhatIsNotThere) {
    EXPECT_EQ(read(), "does not exist; allowed: a file that holds the secret");
}

TEST_F(CredentialStore, RefusesALink) {
    write("hunter2");
    fs::create_symlink(file, folder / "link");
    file = folder / "link";
    EXPECT_EQ(read(), "is a symbolic link; allowed: the file itself");
}

TEST_F(CredentialStore, FollowsALinkOfTheDirectory) {
    write("hunter2");
    fs::create_directory_symlink(folder, folder / "here");
    file = folder / "here" / "secret";
    EXPECT_EQ(read(), "secret hunter2");
}

TEST_F(CredentialStore, RefusesADirectoryAndNeverWaitsForAPipe) {
    fs::create_directory(file);
    EXPECT_EQ(read(), "is not a regular file; allowed: a file that holds the secret");
    fs::remove(file);
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    EXPECT_EQ(read(), "is not a regular file; allowed: a file that holds the secret");
}

TEST_F(CredentialStore, RefusesNothing) {
    for (auto text : {"", "\n", "\r\n"}) {
        write(text);
        EXPECT_EQ(read(), "is empty; allowed: a secret of 1 to 4096 bytes");
    }
}

TEST_F(CredentialStore, BoundsTheSize) {
    for (auto end : {"", "\n", "\r\n"}) {
        write(std::string(secret_bytes_max, 'x') + end);
        EXPECT_EQ(read().size(), 7 + secret_bytes_max);
        write(std::string(secret_bytes_max + 1, 'x') + end);
        EXPECT_EQ(read(), "is too large; allowed: a secret of 1 to 4096 bytes");
    }
    fs::resize_file(file, std::uintmax_t{1} << 40U);
    EXPECT_EQ(read(), "is too large; allowed: a secret of 1 to 4096 bytes");
}

TEST_F(CredentialStore, RefusesControlBytes) {
    for (const auto& text :
         {std::string("a\nb"), std::string("a\n\n"), std::string("a\tb"), std::string("a\0b", 3),
          std::string("a\x7f"), std::string("\x1b[31m"), std::string("a\r")}) {
        write(text);
        EXPECT_EQ(read(), "holds control bytes; allowed: one line of text");
    }
}

}  // namespace
}  // namespace onboardd
