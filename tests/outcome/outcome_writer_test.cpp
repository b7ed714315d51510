#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/json/parse.hpp>
#include <set>
#include <thread>

#include "outcome/sample.hpp"
#include "support/temporary_directory.hpp"

namespace onboardd {
namespace {

using test::a_created_job;
namespace fs = std::filesystem;

mode_t mode_of(const fs::path& path) {
    struct stat found = {};
    return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
}

// The umask of the process, put back at the end.
class umask_guard {
public:
    explicit umask_guard(mode_t mask) : before_(::umask(mask)) {}
    umask_guard(const umask_guard&) = delete;
    umask_guard& operator=(const umask_guard&) = delete;
    ~umask_guard() { ::umask(before_); }

private:
    mode_t before_;
};

class OutcomeWriter : public testing::Test {
protected:
    fs::path file_of(const job& row) const {
        return root / row.account / (row.reference + ".json");
    }

    // Every file and directory below the root, relative to it.
    std::set<std::string> everything() const {
        std::set<std::string> out;
        for (const auto& entry : fs::recursive_directory_iterator(root)) {
            out.insert(fs::relative(entry.path(), root).native());
        }
        return out;
    }

    test::temporary_directory folder;
    fs::path root = folder.path() / "outcomes";
};

TEST_F(OutcomeWriter, WritesEachRowWhereTheContractSays) {
    outcome_writer writer(root);
    std::vector<job> rows = {a_created_job("a"), a_created_job("b"), a_created_job("c")};
    rows[2].account = "P00000001";
    const auto results = writer.publish(rows);
    ASSERT_EQ(results.size(), 3U);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_TRUE(results[i].has_value());
        EXPECT_EQ(test::read_file(file_of(rows[i])), render_outcome(rows[i]));
    }
    EXPECT_EQ(everything(),
              (std::set<std::string>{"T12345678", "T12345678/a.json", "T12345678/b.json",
                                     "P00000001", "P00000001/c.json"}));
}

TEST_F(OutcomeWriter, SetsModesWhateverTheUmask) {
    for (const mode_t mask : {0U, 022U, 077U, 0777U}) {
        const umask_guard guard(mask);
        const auto name = "outcomes-" + std::to_string(mask);
        outcome_writer writer(folder.path() / name);
        ASSERT_TRUE(writer.publish(std::vector{a_created_job()})[0].has_value());
        EXPECT_EQ(mode_of(folder.path() / name), 0750U) << mask;
        EXPECT_EQ(mode_of(folder.path() / name / "T12345678"), 0750U) << mask;
        EXPECT_EQ(mode_of(folder.path() / name / "T12345678/seller-0001.json"), 0640U) << mask;
    }
}

TEST_F(OutcomeWriter, LeavesTheModesOfDirectoriesThatAreThereAndHandsTheGroupOn) {
    fs::create_directory(root);
    ASSERT_EQ(::chmod(root.c_str(), 02755), 0);
    outcome_writer writer(root);
    ASSERT_TRUE(writer.publish(std::vector{a_created_job()})[0].has_value());
    EXPECT_EQ(mode_of(root), 02755U);
    EXPECT_EQ(mode_of(root / "T12345678"), 02750U);
}

// What systemd's RestrictSUIDSGID= does to fchmod(), for this process and for good.
bool forbid_naming_the_set_group_id_bit() {
    std::array<sock_filter, 6> rules{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fchmod, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, S_ISGID, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{.len = rules.size(), .filter = rules.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_F(OutcomeWriter, HandsTheGroupOnInASandboxThatForbidsToNameTheBit) {
    fs::create_directory(root);
    ASSERT_EQ(::chmod(root.c_str(), 02750), 0);
    const auto publish_in_sandbox = [&] {
        ::umask(0027);
        outcome_writer writer(root);
        const bool is_forbidden = forbid_naming_the_set_group_id_bit();
        const auto published = writer.publish(std::vector{a_created_job()});
        ::_exit(is_forbidden && published[0].has_value() ? 0 : 1);
    };
    EXPECT_EXIT(publish_in_sandbox(), testing::ExitedWithCode(0), "");
    EXPECT_EQ(mode_of(root / "T12345678"), 02750U);
    EXPECT_EQ(mode_of(root / "T12345678/seller-0001.json"), 0640U);
}

TEST_F(OutcomeWriter, ReplacesAnEarlierRevision) {
    outcome_writer writer(root);
    auto row = a_created_job();
    ASSERT_TRUE(writer.publish(std::vector{row})[0].has_value());
    row.revision = 2;
    row.the_case.case_status = "ACTIVE";
    ASSERT_TRUE(writer.publish(std::vector{row})[0].has_value());
    EXPECT_EQ(test::read_file(file_of(row)), render_outcome(row));
    auto third = row;
    third.revision = 3;
    ASSERT_TRUE(writer.publish(std::vector{row, third})[1].has_value());
    EXPECT_EQ(test::read_file(file_of(row)), render_outcome(third)) << "in the order of the rows";
    EXPECT_EQ(everything().size(), 2U);
}

TEST_F(OutcomeWriter, NeverShowsAPartToAReader) {
    outcome_writer writer(root);
    auto row = a_created_job();
    row.the_case.case_status = std::string(20'000, '1');
    const auto one = render_outcome(row);
    row.the_case.case_status = std::string(20'000, '2');
    const auto two = render_outcome(row);
    ASSERT_TRUE(writer.publish(std::vector{row})[0].has_value());
    std::atomic<bool> done = false;
    std::atomic<int> reads = 0;
    std::atomic<int> parts = 0;
    std::thread reader([&] {
        while (!done) {
            const auto seen = test::read_file(file_of(row));
            parts += seen == one || seen == two ? 0 : 1;
            ++reads;
        }
    });
    for (int i = 0; i < 200 || reads < 200; ++i) {
        row.the_case.case_status = std::string(20'000, i % 2 == 0 ? '1' : '2');
        ASSERT_TRUE(writer.publish(std::vector{row})[0].has_value());
    }
    done = true;
    reader.join();
    EXPECT_EQ(parts, 0);
}

TEST_F(OutcomeWriter, WritesFromSeveralThreads) {
    outcome_writer writer(root);
    std::atomic<int> failures = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int batch = 0; batch < 5; ++batch) {
                std::vector<job> rows;
                for (int i = 0; i < 20; ++i) {
                    rows.push_back(a_created_job("s-" + std::to_string(t) + "-" +
                                                 std::to_string(batch * 20 + i)));
                    rows.back().account = "T0000000" + std::to_string(i % 3);
                }
                for (const auto& written : writer.publish(rows)) {
                    failures += written.has_error() ? 1 : 0;
                }
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(everything().size(), 3U + 4U * 100U);
}

TEST_F(OutcomeWriter, RefusesNamesThatAreNoneOfTheContract) {
    outcome_writer writer(root);
    std::vector<job> rows;
    for (const char* account :
         {"", ".", "..", "../T1234567", "T1234567/", "/T1234567", "reports", "t12345678"}) {
        rows.push_back(a_created_job());
        rows.back().account = account;
    }
    for (const auto& reference :
         {std::string(), std::string(".."), std::string("../x"), std::string("a/b"),
          std::string("a\0b", 3), std::string(65, 'a'), std::string(".x")}) {
        rows.push_back(a_created_job(reference));
    }
    rows.push_back(a_created_job("good"));
    const auto results = writer.publish(rows);
    for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
        ASSERT_TRUE(results[i].has_error()) << rows[i].account << ' ' << rows[i].reference;
        EXPECT_EQ(results[i].error(), boost::system::errc::invalid_argument);
    }
    EXPECT_TRUE(results.back().has_value());
    EXPECT_EQ(everything(), (std::set<std::string>{"T12345678", "T12345678/good.json"}));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST_F(OutcomeWriter, DoesNotFollowALinkInPlaceOfAnAccount) {
    outcome_writer writer(root);
    fs::create_directory(folder.path() / "elsewhere");
    fs::create_directory_symlink(folder.path() / "elsewhere", root / "T12345678");
    auto other = a_created_job();
    other.account = "P00000001";
    const auto results = writer.publish(std::vector{a_created_job(), other});
    EXPECT_TRUE(results[0].has_error());
    EXPECT_TRUE(results[1].has_value()) << "the good go on";
    EXPECT_TRUE(fs::is_empty(folder.path() / "elsewhere"));
}

TEST_F(OutcomeWriter, ReplacesALinkInPlaceOfAnOutcomeAndNotItsTarget) {
    outcome_writer writer(root);
    ASSERT_TRUE(writer.publish(std::vector{a_created_job()})[0].has_value());
    const auto victim = folder.path() / "victim";
    test::write_file(victim, "untouched");
    fs::remove(file_of(a_created_job()));
    fs::create_symlink(victim, file_of(a_created_job()));
    ASSERT_TRUE(writer.publish(std::vector{a_created_job()})[0].has_value());
    EXPECT_FALSE(fs::is_symlink(file_of(a_created_job())));
    EXPECT_EQ(test::read_file(victim), "untouched");
}

TEST_F(OutcomeWriter, GoesOnWhenAnOperatorRemovesOrMovesDirectories) {
    outcome_writer writer(root);
    const auto row = a_created_job();
    ASSERT_TRUE(writer.publish(std::vector{row})[0].has_value());
    fs::remove_all(root / row.account);
    ASSERT_TRUE(writer.publish(std::vector{row})[0].has_value());
    EXPECT_TRUE(fs::exists(file_of(row)));
    fs::rename(root / row.account, root / "moved");
    ASSERT_TRUE(writer.publish(std::vector{row})[0].has_value());
    EXPECT_TRUE(fs::exists(file_of(row)));
    fs::rename(root / row.account, root / "moved-too");
    fs::create_directory(root / row.account);  // another one in its place
    ASSERT_TRUE(writer.publish(std::vector{row})[0].has_value());
    EXPECT_TRUE(fs::exists(file_of(row)));
    fs::rename(root, folder.path() / "all-moved");
    ASSERT_TRUE(writer.publish(std::vector{row})[0].has_value());
    EXPECT_TRUE(fs::exists(file_of(row)));
}

TEST_F(OutcomeWriter, ServesMoreAccountsThanItKeepsOpen) {
    outcome_writer writer(root);
    for (int round = 0; round < 2; ++round) {
        std::vector<job> rows;
        for (int i = 0; i < 150; ++i) {
            rows.push_back(a_created_job());
            rows.back().account = "T" + std::to_string(10'000'000 + i);
        }
        for (const auto& written : writer.publish(rows)) {
            ASSERT_TRUE(written.has_value());
        }
    }
    EXPECT_EQ(everything().size(), 300U);
}

TEST_F(OutcomeWriter, RemovesWhatACrashLeftAndNothingElse) {
    fs::create_directories(root / "T12345678");
    fs::create_directories(root / "reports");
    fs::create_directories(root / "backup");
    fs::create_directories(root / "T12345678/.1111111111111111.tmp");  // a directory: not ours
    const std::set<std::string> foreign = {
        "T12345678/seller-0001.json",   "T12345678/.hidden",
        "T12345678/.0123.tmp",          "T12345678/0123456789abcdef.tmp",
        "backup/.0123456789abcdef.tmp", "reports/default.json"};
    for (const auto& name : foreign) {
        test::write_file(root / name, "keep");
    }
    test::write_file(root / "T12345678/.0123456789abcdef.tmp", "{\"schema");
    test::write_file(root / "reports/.fedcba9876543210.tmp", "");
    fs::create_symlink("x", root / "T12345678/.2222222222222222.tmp");
    const outcome_writer writer(root);
    auto expected = foreign;
    expected.insert({"T12345678", "reports", "backup", "T12345678/.1111111111111111.tmp",
                     "T12345678/.2222222222222222.tmp"});
    EXPECT_EQ(everything(), expected);
}

TEST_F(OutcomeWriter, SaysAtStartWhyADirectoryCannotBeUsed) {
    test::write_file(root, "a file");
    try {
        const outcome_writer writer(root);
        FAIL() << "taken";
    } catch (const config_error& error) {
        EXPECT_EQ(std::string(error.what()),
                  "outcomes.directory: " + root.native() + " cannot be used: Not a directory");
    }
    EXPECT_THROW(outcome_writer(folder.path() / "no" / "parent"), config_error);
}

// Acts as a user whom permissions bind, for as long as it lives.
class as_nobody {
public:
    as_nobody() : was_root_(::geteuid() == 0) {
        if (was_root_ && ::seteuid(65534) != 0) {
            ADD_FAILURE() << "seteuid";
        }
    }
    as_nobody(const as_nobody&) = delete;
    as_nobody& operator=(const as_nobody&) = delete;
    ~as_nobody() {
        if (was_root_ && ::seteuid(0) != 0) {
            std::abort();
        }
    }

private:
    bool was_root_;
};

TEST_F(OutcomeWriter, ReportsWhatItMayNotWriteTo) {
    fs::permissions(folder.path(), fs::perms::all);
    const as_nobody guard;
    outcome_writer writer(root);
    auto other = a_created_job();
    other.account = "P00000001";
    ASSERT_TRUE(writer.publish(std::vector{a_created_job(), other})[0].has_value());
    fs::permissions(root / "T12345678", fs::perms::owner_read | fs::perms::owner_exec);
    auto results = writer.publish(std::vector{a_created_job("new"), other});
    ASSERT_TRUE(results[0].has_error());
    EXPECT_EQ(results[0].error(), boost::system::errc::permission_denied);
    EXPECT_TRUE(results[1].has_value()) << "other accounts go on";
    fs::permissions(root, fs::perms::owner_read | fs::perms::owner_exec);
    EXPECT_THROW(outcome_writer{root}, config_error);
    fs::permissions(root, fs::perms::owner_all);
    fs::permissions(root / "T12345678", fs::perms::owner_all);
}

TEST_F(OutcomeWriter, SurvivesAFullDisk) {
    fs::create_directory(root);
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", root.c_str(), "tmpfs", 0, "size=64k") != 0) {
        GTEST_SKIP() << "needs to be root and allowed to mount a small tmpfs";
    }
    {
        outcome_writer writer(root);
        auto row = a_created_job();
        ASSERT_TRUE(writer.publish(std::vector{row})[0].has_value());
        const auto before = test::read_file(file_of(row));
        std::vector<job> rows(40, row);
        for (std::size_t i = 1; i < rows.size(); ++i) {
            rows[i].reference = "seller-" + std::to_string(i);
        }
        rows[0].the_case.case_status = std::string(200'000, 'x');  // more than the disk has at all
        const auto results = writer.publish(rows);
        EXPECT_EQ(results[0].error(), boost::system::errc::no_space_on_device);
        EXPECT_EQ(test::read_file(file_of(row)), before) << "the old outcome stays";
        std::size_t written = 0;
        for (std::size_t i = 1; i < rows.size(); ++i) {
            written += results[i].has_value() ? 1 : 0;
            EXPECT_EQ(fs::exists(file_of(rows[i])), results[i].has_value());
        }
        EXPECT_LT(written, rows.size() - 1);
        for (const auto& name : everything()) {
            EXPECT_EQ(name.find(".tmp"), std::string::npos) << "the room is given back: " << name;
        }
        EXPECT_TRUE(writer.publish(std::vector{row})[0].has_value()) << "and it goes on by itself";
    }
    ::umount2(root.c_str(), MNT_DETACH);
}

TEST_F(OutcomeWriter, WritesReportsUnderASafeName) {
    outcome_writer writer(root);
    batch_summary summary;
    summary.tallies = {{"T12345678", job_state::created, "", 3, 3}};
    for (const char* batch : {"2026-11-22", "../../etc/passwd", ".hidden", "", "two words"}) {
        summary.batch = batch;
        ASSERT_TRUE(writer.publish_report(summary).has_value()) << batch;
    }
    summary.batch = std::string(255, '\xFF');
    ASSERT_TRUE(writer.publish_report(summary).has_value());
    const auto all = everything();
    EXPECT_EQ(all.size(), 1U + 6U * 2U);
    for (const char* name :
         {"2026-11-22", "%2e.%2f..%2fetc%2fpasswd", "%2ehidden", "%", "two%20words"}) {
        EXPECT_TRUE(all.contains("reports/" + std::string(name) + ".json")) << name;
        EXPECT_TRUE(all.contains("reports/" + std::string(name) + ".txt")) << name;
    }
    summary.batch = "2026-11-22";
    EXPECT_EQ(test::read_file(root / "reports/2026-11-22.json"), render_report_json(summary));
    EXPECT_EQ(test::read_file(root / "reports/2026-11-22.txt"), render_report_text(summary));
    EXPECT_EQ(mode_of(root / "reports"), 0750U);
    EXPECT_EQ(mode_of(root / "reports/2026-11-22.json"), 0640U);
}

TEST_F(OutcomeWriter, TellsWhenAReportCannotBeWritten) {
    outcome_writer writer(root);
    test::write_file(root / "reports", "in the way");
    batch_summary summary;
    summary.batch = "x";
    EXPECT_TRUE(writer.publish_report(summary).has_error());
}

TEST_F(OutcomeWriter, TellsWhichOutcomesAreMissingOrEmpty) {
    outcome_writer writer(root);
    const std::vector<job> rows = {a_created_job("there"), a_created_job("gone"),
                                   a_created_job("empty")};
    writer.publish(rows);
    std::vector<published_outcome> known;
    for (const auto& row : rows) {
        known.push_back({static_cast<job_id>(known.size()), {}, row.account, row.reference});
    }
    known.push_back({3, {}, "P00000001", "never"});
    known.push_back({4, {}, "../escape", "there"});
    fs::remove(file_of(rows[1]));
    fs::resize_file(file_of(rows[2]), 0);
    EXPECT_EQ(writer.missing(known), (std::vector<job_id>{1, 2, 3}));
    EXPECT_TRUE(writer.missing({}).empty());
}

TEST_F(OutcomeWriter, NothingToDoIsNoError) {
    outcome_writer writer(root);
    EXPECT_TRUE(writer.publish({}).empty());
}

// What a consumer counts in the files is what the report says.
TEST_F(OutcomeWriter, ReportsTheTotalsOfTheFiles) {
    outcome_writer writer(root);
    std::vector<job> rows;
    batch_summary summary;
    summary.batch = "2026-11-22";
    for (const auto state : {job_state::created, job_state::rejected, job_state::expired,
                             job_state::conflict, job_state::cancelled, job_state::held}) {
        const auto jobs = static_cast<std::uint64_t>(state);
        for (std::uint64_t i = 0; i < jobs; ++i) {
            rows.push_back(a_created_job(std::string(to_string(state)) + std::to_string(i)));
            rows.back().state = state;
        }
        summary.tallies.push_back({"T12345678", state, "", jobs, jobs});
    }
    for (const auto& written : writer.publish(rows)) {
        ASSERT_TRUE(written.has_value());
    }
    ASSERT_TRUE(writer.publish_report(summary).has_value());
    std::map<std::string, std::int64_t> counted;
    for (const auto& entry : fs::directory_iterator(root / "T12345678")) {
        const auto value = boost::json::parse(test::read_file(entry.path()));
        ++counted[std::string(value.at("state").as_string())];
        ++counted["received"];
    }
    const auto report = boost::json::parse(test::read_file(root / "reports/2026-11-22.json"));
    for (const auto& [name, count] : counted) {
        EXPECT_EQ(report.at(name).as_int64(), count) << name;
    }
}

}  // namespace
}  // namespace onboardd
