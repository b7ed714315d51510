// Files: what cannot be read is a fault of the key that names it.

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "read_values.hpp"

namespace onboardd::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

// What PEM calls a certificate must be one; this is a small one of nobody, valid or not.
constexpr auto no_certificate =
    "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n";

class LoadConfig : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "onboardd-config-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder = name;
        write("secret", "hunter2\n", 0600);
    }
    void TearDown() override { fs::remove_all(folder); }

    void write(const std::string& name, const std::string& text, mode_t mode) {
        std::ofstream(folder / name, std::ios::binary) << text;
        ASSERT_EQ(::chmod((folder / name).c_str(), mode), 0);
    }

    void configure(const std::string& more = "") {
        write("f",
              "accounts:\n- id: T12345678\n  client_id: me\n"
              "  client_secret_file: ${CREDENTIALS_DIRECTORY}/secret\n" +
                  more,
              0644);
    }

    std::vector<std::string> load(bool files_needed = true) {
        auto read = load_config(folder / "f", {folder.string(), files_needed});
        std::vector<std::string> out;
        if (read.has_error()) {
            for (const auto& fault : read.error())
                out.push_back(fault.to_string().substr((folder / "f").string().size()));
        }
        return out;
    }

    fs::path folder;
};

TEST_F(LoadConfig, ReadsAGoodFile) {
    configure();
    EXPECT_THAT(load(), testing::IsEmpty());
}

TEST_F(LoadConfig, ChecksOtherFilesWhereThereAreNoCredentials) {
    configure("provider:\n  ca_file: /nowhere\n");
    environment outside;
    outside.credentials_needed = false;
    const auto read = load_config(folder / "f", outside);
    ASSERT_TRUE(read.has_error());
    ASSERT_EQ(read.error().size(), 1u);
    EXPECT_EQ(read.error()[0].key, "provider.ca_file");
}

TEST_F(LoadConfig, SaysThatTheFileIsMissing) {
    EXPECT_THAT(load(), ElementsAre(": cannot open the file: No such file or directory"));
}

TEST_F(LoadConfig, NeverWaitsForAPipe) {
    ASSERT_EQ(::mkfifo((folder / "f").c_str(), 0600), 0);
    EXPECT_THAT(load(), ElementsAre(": not a regular file"));
}

TEST_F(LoadConfig, RefusesADirectory) {
    fs::create_directory(folder / "f");
    EXPECT_THAT(load(), ElementsAre(": not a regular file"));
}

TEST_F(LoadConfig, RefusesAHugeFileWithoutReadingIt) {
    configure();
    fs::resize_file(folder / "f", std::uintmax_t{1} << 40U);
    EXPECT_THAT(load(), ElementsAre(": the file is larger than 262144 bytes"));
}

TEST_F(LoadConfig, SaysThatTheSecretIsMissing) {
    configure();
    fs::remove(folder / "secret");
    EXPECT_THAT(load(), ElementsAre(":4:23: accounts[0].client_secret_file: the file " +
                                    (folder / "secret").string() +
                                    " does not exist; allowed: a file that holds the secret"));
}

TEST_F(LoadConfig, SaysThatTheSecretIsOpenToOthers) {
    configure();
    write("secret", "hunter2", 0644);
    auto faults = load();
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_THAT(faults[0], testing::StartsWith(":4:23: accounts[0].client_secret_file: "));
    EXPECT_THAT(faults[0], testing::HasSubstr("(mode 0644); allowed: mode 0600 or 0400"));
    EXPECT_THAT(faults[0], testing::Not(testing::HasSubstr("hunter2")));
}

TEST_F(LoadConfig, ReportsFaultsOfFilesAmongTheOthersInOrder) {
    configure("log: {level: loud}\n");
    fs::remove(folder / "secret");
    EXPECT_THAT(load(), ElementsAre(testing::StartsWith(":4:23: accounts[0].client_secret_file"),
                                    testing::StartsWith(":5:14: log.level")));
}

TEST_F(LoadConfig, ReadsNoOtherFileForATool) {
    configure();
    fs::remove(folder / "secret");
    EXPECT_THAT(load(false), testing::IsEmpty());
}

TEST_F(LoadConfig, ChecksTheCertificates) {
    configure("provider:\n  ca_file: ${CREDENTIALS_DIRECTORY}/ca\n");
    EXPECT_THAT(
        load(),
        ElementsAre(":6:12: provider.ca_file: cannot open the file: No such file or directory; "
                    "allowed: a readable PEM file"));
    write("ca", "nothing", 0644);
    EXPECT_THAT(
        load(),
        ElementsAre(
            ":6:12: provider.ca_file: no certificate in the file; allowed: PEM certificates"));
    write("ca", no_certificate, 0644);
    EXPECT_THAT(
        load(),
        ElementsAre(
            ":6:12: provider.ca_file: no certificate in the file; allowed: PEM certificates"));
}

TEST_F(LoadConfig, TakesTheTrustStoreOfTheSystem) {
    const fs::path store = "/etc/ssl/certs/ca-certificates.crt";
    if (!fs::exists(store))
        GTEST_SKIP() << "no trust store on this machine";
    configure("provider:\n  ca_file: " + store.string() + "\n");
    EXPECT_THAT(load(), testing::IsEmpty());
}

}  // namespace
}  // namespace onboardd::test
