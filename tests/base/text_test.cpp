#include "onboardd/base/text.hpp"

#include <gtest/gtest.h>

namespace onboardd {
namespace {

using lines = std::vector<std::string>;

TEST(Wrapped, BreaksAtBlanksAndCountsCodePoints) {
    EXPECT_EQ(wrapped("", 10), lines{""});
    EXPECT_EQ(wrapped("one two", 7), lines{"one two"});
    EXPECT_EQ(wrapped("one two", 6), (lines{"one", "two"}));
    EXPECT_EQ(wrapped("én två", 6), lines{"én två"});
    EXPECT_EQ(wrapped("a b c d", 3), (lines{"a b", "c d"}));
}

TEST(Wrapped, LeavesALongWordWhole) {
    EXPECT_EQ(wrapped("see https://sign.example/1 now", 8),
              (lines{"see", "https://sign.example/1", "now"}));
    EXPECT_EQ(wrapped("word", 0), lines{"word"});
}

}  // namespace
}  // namespace onboardd
