#include "daemon/spool/reject_names.hpp"

#include <gtest/gtest.h>

#include "daemon/spool/file_access.hpp"
#include "daemon/spool/job_checks.hpp"

namespace onboardd::spooling {
namespace {

TEST(RejectNames, FollowTheContract) {
    EXPECT_EQ(names_for("a.json", {}, 1).file, "a.json");
    EXPECT_EQ(names_for("a.json", {}, 1).reason, "a.reason.json");
    EXPECT_EQ(names_for("a.json", {}, 2).file, "a~2.json");
    EXPECT_EQ(names_for("a.json", {}, 2).reason, "a~2.reason.json");
    EXPECT_EQ(names_for("b.jsonl", 17, 1).file, "b.line-17.json");
    EXPECT_EQ(names_for("b.jsonl", 17, 3).reason, "b.line-17~3.reason.json");
    EXPECT_EQ(names_for("foo.txt", {}, 1).reason, "foo.txt.reason.json");
    EXPECT_EQ(names_for("foo.txt", {}, 2).file, "foo~2.txt");
    EXPECT_EQ(names_for("b.jsonl", {}, 1).file, "b.jsonl");
    EXPECT_EQ(names_for("b.jsonl", {}, 1).reason, "b.jsonl.reason.json");
    EXPECT_EQ(names_for("plain", {}, 2).file, "plain~2");
    EXPECT_EQ(names_for("plain", {}, 1).reason, "plain.reason.json");
}

TEST(RejectNames, LongNamesAreCutAndToldApart) {
    const std::string one = std::string(250, 'x') + ".json";
    const std::string other = std::string(249, 'x') + "y.json";
    for (const auto number : {1u, 2u, 1234567u}) {
        const auto names = names_for(one, {}, number);
        EXPECT_LE(names.file.size(), name_bytes_max);
        EXPECT_LE(names.reason.size(), name_bytes_max);
        EXPECT_TRUE(names.file.ends_with(".json"));
        EXPECT_NE(names.file, names_for(other, {}, number).file);
        EXPECT_NE(names.file, names.reason);
    }
    const auto wide = names_for("a." + std::string(253, 'e'), {}, 1);
    EXPECT_LE(wide.reason.size(), name_bytes_max);
}

TEST(RejectNames, CharactersAreNotCutInTwo) {
    std::string name;
    for (int i = 0; i < 83; ++i) {
        name += "\xe2\x82\xac";  // 249 bytes
    }
    const auto file = names_for(name + ".json", {}, 1).file;
    EXPECT_EQ((file.find('-')) % 3, 0u);
}

TEST(BatchNames, AreReferencesWhateverTheDirectoryIsCalled) {
    EXPECT_EQ(batch_for("2026-11-22"), "2026-11-22");
    const std::string names[] = {"a b", "\xff\xfe",  "-rf",
                                 "..b", "\x1b[31m",  std::string(255, 'x'),
                                 "_",   "\xc3\xb8l", "a\nb"};
    for (const auto& name : names) {
        EXPECT_TRUE(is_reference(batch_for(name))) << batch_for(name);
        for (const auto& other : names) {
            EXPECT_EQ(batch_for(name) == batch_for(other), name == other);
        }
    }
}

}  // namespace
}  // namespace onboardd::spooling
