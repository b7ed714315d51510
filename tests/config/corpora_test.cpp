// Hundreds of YAML texts that nobody here wrote, most of them odd or broken: none is a
// configuration, and none may do more than be refused.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "read_values.hpp"

namespace onboardd::test {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> yaml_folder() {
    const auto* named = std::getenv("ONBOARDD_CORPORA");
    fs::path root = named != nullptr
                        ? fs::path(named)
                        : fs::path(ONBOARDD_SOURCE_DIR).parent_path() / "shared/corpora";
    if (!fs::is_directory(root / "yaml"))
        return std::nullopt;
    return root / "yaml";
}

std::vector<std::pair<fs::path, std::string>> texts_in(const fs::path& folder) {
    std::vector<std::pair<fs::path, std::string>> out;
    for (const auto& entry : fs::directory_iterator(folder)) {
        std::ifstream file(entry.path(), std::ios::binary);
        std::ostringstream text;
        text << file.rdbuf();
        out.emplace_back(entry.path(), text.str());
    }
    return out;
}

class YamlCorpus : public testing::TestWithParam<std::string> {
protected:
    void SetUp() override {
        auto folder = yaml_folder();
        if (!folder) {
            GTEST_SKIP()
                << "no corpora: neither ONBOARDD_CORPORA nor ../shared/corpora has a folder yaml";
        }
        texts = texts_in(*folder / GetParam());
        ASSERT_FALSE(texts.empty());
    }

    std::vector<std::pair<fs::path, std::string>> texts;
};

TEST_P(YamlCorpus, IsRefused) {
    for (const auto& [path, text] : texts)
        EXPECT_FALSE(faults_of(text).empty()) << path;
}

// A text within a configuration, as what an operator might paste into it.
TEST_P(YamlCorpus, IsRefusedBehindAGoodConfiguration) {
    for (const auto& [path, text] : texts) {
        // Some of the valid ones are only comments: an empty configuration, and no harm behind
        // another.
        if (faults_of(text) != faults_of("")) {
            EXPECT_FALSE(faults_of(std::string(one_account) + text).empty()) << path;
        }
    }
}

TEST_P(YamlCorpus, NeverCrashesWhereverItIsCutOff) {
    for (const auto& [path, text] : texts) {
        for (std::size_t size = 0; size < text.size(); size += 1 + text.size() / 128)
            faults_of(std::string_view(text).substr(0, size));
    }
}

// Positions are within the file.
TEST_P(YamlCorpus, IsRefusedAtAPositionThatExists) {
    for (const auto& [path, text] : texts) {
        auto read = parse_config(text, "f", {});
        ASSERT_TRUE(read.has_error()) << path;
        auto lines = std::ranges::count(text, '\n') + 2;
        for (const auto& fault : read.error()) {
            EXPECT_GE(fault.line, 1) << path << ' ' << fault.to_string();
            EXPECT_LE(fault.line, lines) << path << ' ' << fault.to_string();
            EXPECT_GE(fault.column, 1) << path << ' ' << fault.to_string();
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Suite, YamlCorpus, testing::Values("valid", "invalid"),
                         [](const auto& named) { return named.param; });

}  // namespace
}  // namespace onboardd::test
