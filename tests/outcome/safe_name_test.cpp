#include "daemon/outcome/safe_name.hpp"

#include <gtest/gtest.h>

#include <set>

namespace onboardd {
namespace {

TEST(SafeName, TakesAccountsOfTheContractOnly) {
    EXPECT_TRUE(is_account("T12345678"));
    EXPECT_TRUE(is_account("P00000000"));
    for (const char* text : {"", "T1234567", "T123456789", "t12345678", "X12345678", "T1234567a",
                             "../../etc", "T1234567/", "T1234567\n", "\u00e51234567"}) {
        EXPECT_FALSE(is_account(text)) << text;
    }
    EXPECT_FALSE(is_account(std::string_view("T1234567\0", 9)));
}

TEST(SafeName, TakesReferencesOfTheContractOnly) {
    for (const auto& text :
         {std::string("a"), std::string("0"), std::string("A.b_c-9"), std::string(64, 'x')}) {
        EXPECT_TRUE(is_reference(text)) << text;
    }
    for (const auto& text :
         {std::string(), std::string("."), std::string(".."), std::string(".a"), std::string("_a"),
          std::string("-a"), std::string("a/b"), std::string("a b"), std::string("a\n"),
          std::string("a%"), std::string("\xC3\xA5"), std::string("a\0", 2),
          std::string(65, 'x')}) {
        EXPECT_FALSE(is_reference(text)) << text;
    }
}

TEST(SafeName, EscapesBatchesForReports) {
    struct row {
        std::string batch;
        std::string name;
    };
    const row rows[] = {
        {"2026-11-22", "2026-11-22"},
        {"a.b_C", "a.b_C"},
        {"..", "%2e."},
        {".hidden", "%2ehidden"},
        {"a/b", "a%2fb"},
        {"100%", "100%25"},
        {"two words\n", "two%20words%0a"},
        {"\xC3\xA5", "%c3%a5"},
        {std::string("\0", 1), "%00"},
        {"", "%"},
        {std::string(200, 'x'), std::string(200, 'x')},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(report_name(row.batch), row.name);
    }
}

TEST(SafeName, KeepsLongBatchesApart) {
    std::set<std::string> names;
    for (const auto& batch :
         {std::string(200, 'x'), std::string(201, 'x'), std::string(255, 'x'),
          std::string(254, 'x') + "y", std::string(255, '/'), std::string(100'000, '/')}) {
        const auto name = report_name(batch);
        EXPECT_LE(name.size(), 200U);
        EXPECT_EQ(name.find('/'), std::string::npos);
        names.insert(name);
        names.insert(report_name(name));  // a batch that is called like the file of another one
    }
    EXPECT_EQ(names.size(), 11U) << "only the name that needs no escape is its own";
}

TEST(SafeName, KnowsItsOwnTemporariesOnly) {
    EXPECT_EQ(temporary_name(0x0123456789abcdefU), ".efcdab8967452301.tmp");
    EXPECT_TRUE(is_temporary_name(temporary_name(0)));
    EXPECT_TRUE(is_temporary_name(temporary_name(~std::uint64_t{0})));
    for (const char* name :
         {"", ".tmp", ".0123.tmp", ".0123456789abcdeF.tmp", "x0123456789abcdef.tmp",
          ".0123456789abcdef.tmp2", ".0123456789abcdef_tmp", "seller-0001.json",
          ".0123456789abcdefg.tmp"}) {
        EXPECT_FALSE(is_temporary_name(name)) << name;
    }
}

}  // namespace
}  // namespace onboardd
