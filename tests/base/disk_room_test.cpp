#include "onboardd/base/disk_room.hpp"

#include <gtest/gtest.h>

namespace onboardd {
namespace {

constexpr std::uint64_t mib = 1024 * 1024;

TEST(DiskRoom, ADirectoryHasSome) {
    const auto room = room_at("/");
    ASSERT_TRUE(room.has_value());
    EXPECT_GT(room->bytes, 0u);
    EXPECT_LE(room->bytes_free, room->bytes);
    EXPECT_TRUE(room_at("/no/such/directory").has_error());
}

TEST(DiskRoom, SaysWhatIsMissing) {
    struct row {
        const char* what;
        disk_room room;
        bool was_short;
        const char* text;
    };
    const disk_needs needs{.bytes = 10 * mib, .files = 100, .share = 16};
    const row rows[] = {
        {"plenty", {1000 * mib, 500 * mib, 10'000, 5'000}, false, ""},
        {"just enough", {1000 * mib, 10 * mib, 10'000, 100}, false, ""},
        {"a byte too few",
         {1000 * mib, 10 * mib - 1, 10'000, 5'000},
         false,
         "the disk of the ledger has 9.9 MiB left, 10.0 MiB are needed"},
        {"a file too few",
         {1000 * mib, 500 * mib, 10'000, 99},
         false,
         "the disk of the ledger has room for 99 more files, 100 are needed"},
        {"files without a limit", {1000 * mib, 500 * mib, 0, 0}, false, ""},
        {"a small disk needs a share of it", {16 * mib, 1 * mib, 160, 10}, false, ""},
        {"and not less",
         {16 * mib, 1 * mib - 1, 160, 10},
         false,
         "the disk of the ledger has 0.9 MiB left, 1.0 MiB are needed"},
        {"once short, a quarter more",
         {1000 * mib, 12 * mib, 10'000, 5'000},
         true,
         "the disk of the ledger has 12.0 MiB left, 12.5 MiB are needed"},
        {"which is there", {1000 * mib, 13 * mib, 10'000, 125}, true, ""},
    };
    for (const auto& [what, room, was_short, text] : rows) {
        EXPECT_EQ(shortage("the ledger", room, needs, was_short), text) << what;
    }
}

}  // namespace
}  // namespace onboardd
