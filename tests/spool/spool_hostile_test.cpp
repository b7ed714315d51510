#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/spool/corpora.hpp"
#include "tests/spool/spool_fixture.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using names_type = std::vector<std::string>;

class SpoolHostileTest : public test::SpoolTest {
protected:
    // What a job's file must not be: gone from incoming/, here, with this message.
    void expect_rejected(const std::string& file, const std::string& reason_file,
                         const std::string& message) {
        EXPECT_TRUE(accept_all().empty());
        EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(incoming(file))))
            << file;
        EXPECT_TRUE(std::filesystem::exists(std::filesystem::symlink_status(rejected(file))))
            << file;
        EXPECT_EQ(first_message(reason_file), message);
    }
};

TEST_F(SpoolHostileTest, BadJobsAreMovedUntouchedBesideTheirReason) {
    put("night/bad.json", R"({"case":{"case_for":"CANARY"}})");
    open();
    EXPECT_EQ(take()->refused, 1u);
    EXPECT_EQ(text_of(rejected("bad.json")), R"({"case":{"case_for":"CANARY"}})");
    const auto why = reason("bad.reason.json");
    EXPECT_EQ(why.at("schema"), "onboardd/reason/1");
    EXPECT_EQ(why.at("kind"), "invalid_job");
    EXPECT_EQ(why.at("file"), "bad.json");
    EXPECT_EQ(why.at("batch"), "night");
    EXPECT_TRUE(why.at("line").is_null());
    EXPECT_EQ(why.at("at"), "2026-11-22T01:00:00Z");
    EXPECT_EQ(why.at("faults").at(0).at("pointer"), "/case/case_for");
    EXPECT_TRUE(why.at("faults").at(0).at("line").is_null());
    EXPECT_EQ(text_of(rejected("bad.reason.json")).find("CANARY"), std::string::npos);
    for (const auto& each : log.entries()) {
        EXPECT_EQ(each.text.find("CANARY"), std::string::npos);
    }
    EXPECT_EQ(log.count("job_file_rejected"), 1u);
}

TEST_F(SpoolHostileTest, RejectedNamesCollideWithoutLoss) {
    open();
    for (const char* place : {"a.json", "x/a.json", "y/a.json"}) {
        put(place, "bad "s + place);
    }
    put("a.reason.json", "a producer's file");
    put("foo.txt", "1");
    put("x/foo.txt", "2");
    EXPECT_TRUE(accept_all().empty());
    std::string all;
    for (const auto& name : names("rejected")) {
        all += text_of(rejected(name));
    }
    for (const char* text : {"bad a.json", "bad x/a.json", "bad y/a.json", "a producer's file"}) {
        EXPECT_NE(all.find(text), std::string::npos) << text;
    }
    EXPECT_EQ(names("rejected").size(), 12u);
    EXPECT_TRUE(std::filesystem::exists(rejected("foo~2.txt.reason.json")));
    EXPECT_TRUE(std::filesystem::exists(rejected("a~3.json")) ||
                std::filesystem::exists(rejected("a~4.json")));
}

TEST_F(SpoolHostileTest, AReasonThatACrashPartedFromItsFileIsUsedAgain) {
    put("a.json", "bad");
    open();
    take();
    std::filesystem::rename(rejected("a.json"), incoming("a.json"));
    take_all();
    take_all();
    EXPECT_EQ(names("rejected"), (names_type{"a.json", "a.reason.json"}));
}

TEST_F(SpoolHostileTest, LinksAreMovedAndNeverFollowed) {
    const auto secret = options.directory / "secret.json";
    std::ofstream(secret) << job();
    std::filesystem::create_symlink(secret, incoming("link.json"));
    open();
    expect_rejected("link.json", "link.reason.json", "this is a symbolic link");
    EXPECT_TRUE(std::filesystem::is_symlink(rejected("link.json")));
    EXPECT_TRUE(std::filesystem::exists(secret));
}

TEST_F(SpoolHostileTest, DirectoriesBehindLinksAreNotEntered) {
    std::filesystem::create_directory(options.directory / "elsewhere");
    std::ofstream(options.directory / "elsewhere" / "a.json") << job();
    std::filesystem::create_directory_symlink(options.directory / "elsewhere", incoming("batch"));
    open();
    expect_rejected("batch", "batch.reason.json", "this is a symbolic link");
    EXPECT_TRUE(std::filesystem::exists(options.directory / "elsewhere" / "a.json"));
}

TEST_F(SpoolHostileTest, HardLinksAreMoved) {
    const auto other = options.directory / "other.json";
    std::ofstream(other) << job();
    std::filesystem::create_hard_link(other, incoming("hard.json"));
    set_age("hard.json", 1h);
    open();
    expect_rejected("hard.json", "hard.reason.json", "this file has another name (a hard link)");
    EXPECT_TRUE(std::filesystem::exists(other));
}

TEST_F(SpoolHostileTest, PipesAndSocketsAreMovedWithoutBlocking) {
    ASSERT_EQ(::mkfifo(incoming("pipe.json").c_str(), 0600), 0);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    incoming("s.json").native().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(fd);
    open();
    expect_rejected("pipe.json", "pipe.reason.json", "this is a named pipe");
    EXPECT_EQ(first_message("s.reason.json"), "this is a socket");
}

TEST_F(SpoolHostileTest, DevicesAreMoved) {
    if (::mknod(incoming("zero.json").c_str(), S_IFCHR | 0600, makedev(1, 5)) != 0) {
        GTEST_SKIP() << "only root may make devices";
    }
    open();
    expect_rejected("zero.json", "zero.reason.json", "this is a device");
}

TEST_F(SpoolHostileTest, NestedDirectoriesAreMovedWhole) {
    put("batch/deeper/a.json", job());
    put("batch/b.json", job());
    set_age("batch/deeper", 1h);
    open();
    EXPECT_EQ(accept_all(), names_type{"b"});
    EXPECT_EQ(first_message("deeper.reason.json"), "this is a directory inside a batch directory");
    EXPECT_TRUE(std::filesystem::exists(rejected("deeper") / "a.json"));
}

TEST_F(SpoolHostileTest, OtherNamesAreMoved) {
    put("README.txt", "hello");
    open();
    expect_rejected("README.txt", "README.txt.reason.json",
                    "the name of this file ends neither in .json nor in .jsonl");
}

TEST_F(SpoolHostileTest, LinksAndOtherNamesHaveTimeToSettleToo) {
    time.jump_wall(std::chrono::duration_cast<milliseconds>(
        std::chrono::system_clock::now().time_since_epoch() - time.wall_now().time_since_epoch()));
    put("a.json", job(), 1h);
    std::filesystem::create_hard_link(incoming("a.json"),
                                      incoming("b.json"));  // link, then unlink: a careful writer
    open();
    options.settle = 1h;
    open();
    EXPECT_TRUE(accept_all().empty());
    EXPECT_EQ(files->unsettled(), 2u);
    EXPECT_TRUE(names("rejected").empty());
}

TEST_F(SpoolHostileTest, TheSizeBoundIsExact) {
    options.file_bytes_max = 1000;
    put("exact.json", job() + std::string(1000 - job().size(), ' '));
    put("over.json", job() + std::string(1001 - job().size(), ' '));
    put("empty.json", "");
    open();
    EXPECT_EQ(accept_all(), names_type{"exact"});
    EXPECT_EQ(first_message("over.reason.json"), "this is too large");
    EXPECT_EQ(reason("over.reason.json").at("faults").at(0).at("allowed"), "1000 bytes at most");
    EXPECT_EQ(first_message("empty.reason.json"), "there is nothing in it");
}

TEST_F(SpoolHostileTest, ASparseTerabyteIsNotRead) {
    put("sparse.json", "");
    ASSERT_EQ(::truncate(incoming("sparse.json").c_str(), off_t{1} << 40), 0);
    set_age("sparse.json", 1h);
    open();
    expect_rejected("sparse.json", "sparse.reason.json", "this is too large");
}

// As root too, no file is read against its mode: by this thread, and those it makes meanwhile.
class SpoolOfAnotherTest : public SpoolHostileTest {
protected:
    static void SetUpTestSuite() {
        before = sets()[0].effective;
        ASSERT_TRUE(set_effective(before & ~override));
    }
    static void TearDownTestSuite() { ASSERT_TRUE(set_effective(before)); }

private:
    static constexpr std::uint32_t override = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH;
    using sets_type = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

    static sets_type sets() {
        sets_type all{};
        EXPECT_EQ(::syscall(SYS_capget, &header, all.data()), 0);
        return all;
    }

    static bool set_effective(std::uint32_t set) {
        auto all = sets();
        all[0].effective = set;
        return ::syscall(SYS_capset, &header, all.data()) == 0;
    }

    inline static __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    inline static std::uint32_t before = 0;
};

TEST_F(SpoolOfAnotherTest, FilesThatWeMayNotReadAreMoved) {
    put("mine.json", job());
    std::filesystem::permissions(incoming("mine.json"), std::filesystem::perms::none);
    ASSERT_FALSE(std::ifstream(incoming("mine.json")).is_open());
    open();
    expect_rejected("mine.json", "mine.reason.json", "we may not read this file");
}

TEST_F(SpoolHostileTest, NamesOfAllLengthsAndBytesAreHarmless) {
    const names_type odd = {std::string(250, 'x') + ".json",
                            std::string(249, 'y') + ".jsonl",
                            "-rf.json",
                            "\xff\xfe.json",
                            "a\nb.json",
                            "\x1b[31m.json",
                            "a b.json",
                            "a..json",
                            std::string(255, 'z'),
                            "\xff\xff"};
    for (const auto& name : odd) {
        put(name, "bad");
    }
    put("\xfe batch/\x01.json", "bad");
    open();
    EXPECT_TRUE(accept_all().empty());
    EXPECT_EQ(names("incoming").size(), 1u);  // the batch directory
    EXPECT_EQ(names("rejected").size(), 2 * (odd.size() + 1));
    for (const auto& name : names("rejected")) {
        EXPECT_LE(name.size(), 255u);
        if (name.ends_with(".reason.json")) {
            for (const char byte : text_of(rejected(name))) {
                EXPECT_TRUE(byte == '\n' || (byte >= 0x20 && byte < 0x7f));
            }
        }
    }
    for (const auto& each : log.entries()) {
        for (const char byte : each.text) {
            EXPECT_TRUE(byte >= 0x20 && byte < 0x7f) << each.text;
        }
    }
}

TEST_F(SpoolHostileTest, NaughtyStringsAsNames) {
    const auto path = test::corpora() / "blns.json";
    if (!std::filesystem::exists(path)) {
        GTEST_SKIP() << "no naughty strings at " << path << "; set ONBOARDD_CORPORA";
    }
    std::size_t made = 0;
    const auto strings = boost::json::parse(boost::json::string_view(text_of(path)));
    for (const auto& entry : strings.as_array()) {
        std::string name(entry.as_string());
        if (name.find('/') != std::string::npos || name.starts_with('.') || name.size() > 250 ||
            std::filesystem::exists(incoming(name + ".json"))) {
            continue;
        }
        put(name.empty() ? "empty.json" : name + ".json", job());
        ++made;
    }
    open();
    std::size_t seen = 0;
    for (auto& taken : take_all()) {
        seen += taken.jobs.size() + taken.refused;
        EXPECT_TRUE(finish(std::move(taken)).has_value());
    }
    EXPECT_EQ(seen, made);
    EXPECT_TRUE(names("incoming").empty());
}

TEST_F(SpoolHostileTest, AFileThatCannotBeMovedStaysAndIsReportedOnce) {
    put("a.json", "bad");
    put("b.json", "bad");
    put("c.json", job());
    open();
    std::filesystem::remove(options.directory / "rejected");
    std::ofstream(options.directory / "rejected") << "in the way";
    EXPECT_EQ(accept_all(), names_type{"c"});
    EXPECT_EQ(names("incoming"), (names_type{"a.json", "b.json"}));
    EXPECT_EQ(log.count("job_file_left"), 1u);
    std::filesystem::remove(options.directory / "rejected");
    take_all();
    EXPECT_TRUE(names("incoming").empty());
    EXPECT_EQ(names("rejected").size(), 4u);
}

TEST_F(SpoolHostileTest, AFullDiskLeavesTheFileAndLosesNothing) {
    if (::mount("tmpfs", options.directory.c_str(), "tmpfs", 0, "size=64k,nr_inodes=12") != 0) {
        GTEST_SKIP() << "only root may mount";
    }
    struct unmounter {
        std::string path;
        ~unmounter() { ::umount2(path.c_str(), MNT_DETACH); }
    } const at_the_end{options.directory.string()};
    put("a.json", "bad");
    put("lines.jsonl", "bad line\n" + R"({"reference":"x","case":{"case_for":{}}})"s);
    open();
    for (int i = 0; ::mknod((options.directory / ("fill" + std::to_string(i))).c_str(),
                            S_IFREG | 0600, 0) == 0;
         ++i) {
    }
    EXPECT_EQ(accept_all(), names_type{"x"});
    EXPECT_EQ(names("incoming"), (names_type{"a.json", "lines.jsonl"}));
    EXPECT_TRUE(names("rejected").empty());
    EXPECT_EQ(files->left(), 2u);
    accept_all();
    EXPECT_EQ(log.count("job_file_left"), 1u) << "said once, not with every scan";
    for (int i = 0; ::unlink((options.directory / ("fill" + std::to_string(i))).c_str()) == 0;
         ++i) {
    }
    accept_all();
    EXPECT_EQ(files->left(), 0u);
    EXPECT_TRUE(names("incoming").empty());
    EXPECT_EQ(text_of(rejected("a.json")), "bad");
    EXPECT_EQ(text_of(rejected("lines.line-1.json")), "bad line");
    files.reset();
}

TEST_F(SpoolHostileTest, WithoutDescriptorsTheIntakePausesAndLosesNothing) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP()
        << "the undefined behaviour sanitizer needs descriptors of its own to check objects";
#endif
    put("a.json", job());
    put("batch/b.json", job());
    open();
    struct rlimit before {};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    names_type accepted;
    for (rlim_t spare = 0; spare < 6; ++spare) {
        const int lowest = ::dup(0);
        ::close(lowest);
        struct rlimit tight = before;
        tight.rlim_cur = static_cast<rlim_t>(lowest) + spare;
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
        auto taken = take();
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        if (taken.has_error()) {
            EXPECT_EQ(taken.error(), boost::system::errc::too_many_files_open);
            continue;
        }
        for (const auto& each : taken->jobs) {
            accepted.push_back(each.reference);
        }
        EXPECT_TRUE(finish(std::move(*taken)).has_value());
    }
    for (const auto& rest : accept_all()) {
        accepted.push_back(rest);
    }
    std::sort(accepted.begin(), accepted.end());
    EXPECT_EQ(accepted, (names_type{"a", "b"}));
    EXPECT_TRUE(names("rejected").empty());
}

// ONBOARDD_SWAP_ROUNDS: 100000 for a long run.
int swap_rounds() {
    const char* wanted = std::getenv("ONBOARDD_SWAP_ROUNDS");
    return wanted == nullptr ? 1'000 : std::atoi(wanted);
}

TEST_F(SpoolHostileTest, ASwapRaceNeverShowsAForeignFile) {
    const auto secret = options.directory / "secret.json";
    std::ofstream(secret) << R"({"reference":"secret","case":{"case_for":{}}})";
    options.settle = 0ms;
    open();
    std::atomic<bool> stop = false;
    std::thread swapper([&] {
        for (int i = 0; !stop; ++i) {
            const auto next = incoming(".next");
            std::error_code ignored;
            if (i % 2 == 0) {
                std::filesystem::create_symlink(secret, next, ignored);
            } else {
                std::ofstream(next) << job();
            }
            std::filesystem::rename(next, incoming("a.json"), ignored);
        }
    });
    std::size_t accepted = 0;
    std::size_t refused = 0;
    for (int round = 0; round < swap_rounds(); ++round) {
        time.advance(1ms);  // names in rejected/ hold the time once there are many of one name
        auto taken = take();
        ASSERT_TRUE(taken.has_value());
        refused += taken->refused;
        for (const auto& each : taken->jobs) {
            EXPECT_EQ(each.reference, "a");
            ++accepted;
        }
        EXPECT_TRUE(finish(std::move(*taken)).has_value());
    }
    stop = true;
    swapper.join();
    EXPECT_TRUE(std::filesystem::exists(secret));
    EXPECT_GT(accepted, 0u);
    std::size_t here = 0;
    for (const auto& name : names("rejected")) {
        if (!name.ends_with(".reason.json")) {
            const auto why = first_message(name.substr(0, name.size() - 5) + ".reason.json");
            EXPECT_TRUE(std::filesystem::is_symlink(rejected(name)) ||
                        why.starts_with("this came to a name"))
                << why;
            ++here;
        }
    }
    EXPECT_EQ(here, refused);
}

}  // namespace
}  // namespace onboardd
