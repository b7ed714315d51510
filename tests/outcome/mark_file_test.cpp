// The mark of the ledger beside its outcomes.

#include <gtest/gtest.h>

#include <fstream>

#include "onboardd/outcome/outcome.hpp"
#include "support/temporary_directory.hpp"

namespace onboardd {
namespace {

class MarkFile : public testing::Test {
protected:
    void put(const std::string& text) {
        std::ofstream(directory.path() / ".ledger", std::ios::trunc) << text;
    }

    test::temporary_directory directory;
};

TEST_F(MarkFile, ComesBackAsItWasWritten) {
    EXPECT_EQ(read_mark(directory.path()), std::nullopt);
    EXPECT_TRUE(has_no_outcomes(directory.path()));
    for (const auto& mark : {ledger_mark{"a1b2", 1}, ledger_mark{"a1b2", 1'000'000}}) {
        ASSERT_TRUE(write_mark(directory.path(), mark).has_value());
        EXPECT_EQ(read_mark(directory.path()), mark);
    }
    EXPECT_FALSE(has_no_outcomes(directory.path()));
    const auto entries = std::filesystem::directory_iterator(directory.path());
    EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "a temporary file stayed";
}

TEST_F(MarkFile, ADamagedOneIsRefused) {
    for (const auto* text : {"", "{", "[]", R"({"schema":"onboardd/mark/1"})",
                             R"({"schema":"onboardd/mark/1","ledger":"a","epoch":"1"})",
                             R"({"schema":"onboardd/mark/2","ledger":"a","epoch":1})"}) {
        put(text);
        EXPECT_THROW(read_mark(directory.path()), config_error) << text;
    }
    std::filesystem::remove(directory.path() / ".ledger");
    std::filesystem::create_symlink("elsewhere", directory.path() / ".ledger");
    EXPECT_THROW(read_mark(directory.path()), config_error) << "a link is not followed";
}

TEST_F(MarkFile, WhereItCannotBeWrittenThatIsSaid) {
    EXPECT_TRUE(write_mark(directory.path() / "missing", {"a", 1}).has_error());
}

}  // namespace
}  // namespace onboardd
