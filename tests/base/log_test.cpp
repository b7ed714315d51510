#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "daemon/base/log_sinks.hpp"
#include "onboardd/base/text.hpp"

namespace onboardd {
namespace {

using testing::ElementsAre;

const wall_time moment =
    wall_time{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}} + milliseconds(3'845'120);

log_record a_record(std::span<const log_field> fields = {}) {
    return {moment, severity::warning, "account_paused", "The provider refused the credential",
            fields};
}

// Both ends of a pipe; what was written can be read back as one text.
class pipe_end {
public:
    explicit pipe_end(int flags = O_CLOEXEC) { EXPECT_EQ(::pipe2(ends_.data(), flags), 0); }
    pipe_end(const pipe_end&) = delete;
    pipe_end& operator=(const pipe_end&) = delete;
    ~pipe_end() {
        ::close(ends_[0]);
        close_writer();
    }
    int fd() const { return ends_[1]; }
    void close_writer() {
        if (ends_[1] >= 0) {
            ::close(ends_[1]);
            ends_[1] = -1;
        }
    }
    std::string read_some() {
        std::string buffer(65536, '\0');
        const auto count = ::read(ends_[0], buffer.data(), buffer.size());
        buffer.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
        return buffer;
    }
    std::string read_all() {
        std::string all;
        for (auto part = read_some(); !part.empty(); part = read_some()) {
            all += part;
        }
        return all;
    }

private:
    std::array<int, 2> ends_{-1, -1};
};

// What log_test's own sd_journal_sendv was given last.
std::vector<std::string> sent;
int journal_answer = 0;

int record_entry(const iovec* fields, int count) {
    sent.clear();
    for (int i = 0; i < count; ++i) {
        sent.emplace_back(static_cast<const char*>(fields[i].iov_base), fields[i].iov_len);
    }
    return journal_answer;
}

TEST(Printable, ShowsWhatWouldDriveATerminal) {
    struct row {
        const char* name;
        std::string text;
        std::string shown;
    };
    const row rows[] = {
        {"nothing", "", ""},
        {"plain", "seller-0001 ok", "seller-0001 ok"},
        {"letters of all lands", "K\xC3\xA5re \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80",
         "K\xC3\xA5re \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80"},
        {"colour sequence", "\x1b[31mred", "\\x1b[31mred"},
        {"line ends", "a\r\nb\tc", R"(a\x0d\x0ab\x09c)"},
        {"zero", std::string("a\0b", 3), "a\\x00b"},
        {"DEL", "a\x7f", "a\\x7f"},
        {"backslash, so that escapes cannot be forged", "\\x1b", "\\x5cx1b"},
        {"C1 control",
         "\xC2\x9B"
         "31m",
         "\\xc2\\x9b31m"},
        {"no-break space is no control", "\xC2\xA0", "\xC2\xA0"},
        // NOLINTBEGIN(misc-misleading-bidirectional): nobody is misled by an escape
        {"right-to-left override",
         "\xE2\x80\xAE"
         "gpj",
         R"(\xe2\x80\xaegpj)"},
        {"embedding", "\xE2\x80\xAA", R"(\xe2\x80\xaa)"},
        {"isolates", "\xE2\x81\xA6\xE2\x81\xA9", R"(\xe2\x81\xa6\xe2\x81\xa9)"},
        // NOLINTEND(misc-misleading-bidirectional)
        {"beside the isolates", "\xE2\x81\xA5\xE2\x81\xAA", "\xE2\x81\xA5\xE2\x81\xAA"},
        {"line separator", "\xE2\x80\xA8", R"(\xe2\x80\xa8)"},
        {"lone continuation", "\x80x", "\\x80x"},
        {"sequence cut short", "\xE6\x97", "\\xe6\\x97"},
        {"sequence broken by a letter", "\xE6\x97z", "\\xe6\\x97z"},
        {"overlong slash", "\xC0\xAF", "\\xc0\\xaf"},
        {"overlong in three bytes", "\xE0\x80\xAF", R"(\xe0\x80\xaf)"},
        {"surrogate", "\xED\xA0\x80", R"(\xed\xa0\x80)"},
        {"beyond Unicode", "\xF4\x90\x80\x80", R"(\xf4\x90\x80\x80)"},
        {"Latin-1", "K\xE5re", "K\\xe5re"},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(printable(row.text), row.shown) << row.name;
    }
}

TEST(Printable, KeepsItsBoundAndNeverCutsACharacterOrAnEscape) {
    EXPECT_EQ(printable("abcdef", 6), "abcdef");
    EXPECT_EQ(printable("abcdefg", 6), "abc\xE2\x80\xA6");
    EXPECT_EQ(printable("abc\n", 6), "abc\xE2\x80\xA6");
    EXPECT_EQ(printable("ab\n", 6), "ab\\x0a");
    EXPECT_EQ(printable("\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5", 6), "\xC3\xA5\xE2\x80\xA6");
    const std::string long_text = std::string(300, 'x') + "\n\xFF\xE6\x97\xA5";
    for (std::size_t bytes_max = 0; bytes_max < 320; ++bytes_max) {
        const auto shown = printable(long_text, bytes_max);
        ASSERT_LE(shown.size(), bytes_max);
        ASSERT_EQ(printable(shown, 1000),
                  [&] {
                      std::string again;
                      for (const char byte : shown) {
                          again += byte == '\\' ? std::string("\\x5c") : std::string(1, byte);
                      }
                      return again;
                  }())
            << "valid UTF-8, at " << bytes_max;
    }
}

TEST(JsonString, IsValidForAnyBytes) {
    // NOLINTNEXTLINE(misc-misleading-bidirectional)
    const std::string text = std::string("q\"b\\n\n\t\x01", 8) + "\x7f\xC2\x9B\xE2\x80\xAE\xFFz";
    std::string out;
    append_json_string(out, text);
    EXPECT_EQ(out, R"("q\"b\\n\n\t\u0001\u007f\u009b\u202e\\xffz")");
    std::string bytes;
    for (int value = 0; value < 256; ++value) {
        bytes += static_cast<char>(value);
    }
    for (std::size_t bytes_max = 0; bytes_max <= bytes.size(); ++bytes_max) {
        std::string line;
        append_json_string(line, bytes, bytes_max);
        boost::json::error_code ec;
        boost::json::parse(line, ec);
        ASSERT_FALSE(ec) << line;
    }
}

TEST(JsonString, CutsBetweenCharacters) {
    std::string out;
    append_json_string(out, "ab\xE6\x97\xA5", 4);
    EXPECT_EQ(out, "\"ab\xE2\x80\xA6\"");
}

TEST(TextLine, QuotesWhereAReaderWouldSplit) {
    const log_field fields[] = {{"account", "T12345678"},
                                {"reason", "two words"},
                                {"empty", ""},
                                {"said", "a\"b=\\"},
                                {"raw", "x\ny"}};
    EXPECT_EQ(
        text_line(a_record(fields), false),
        "2026-11-22T01:04:05.120Z warning account_paused The provider refused the credential "
        "account=T12345678 reason=\"two words\" empty=\"\" said=\"a\\\"b=\\x5c\" raw=x\\x0ay\n");
}

TEST(TextLine, ColoursTheLevelOnly) {
    EXPECT_EQ(text_line(a_record(), true),
              "2026-11-22T01:04:05.120Z \x1b[33mwarning\x1b[0m account_paused "
              "The provider refused the credential\n");
    auto record = a_record();
    record.level = severity::info;
    record.time = std::chrono::floor<std::chrono::seconds>(moment);
    EXPECT_THAT(text_line(record, false),
                testing::StartsWith("2026-11-22T01:04:05.000Z info    account_paused "));
}

TEST(JsonLine, IsOneObjectWithTheFieldsInside) {
    const log_field fields[] = {{"job", "T1/\"x\""}, {"file", "a\xFF\n"}};
    EXPECT_EQ(json_line(a_record(fields)),
              R"({"time":"2026-11-22T01:04:05.120Z","level":"warning","event":"account_paused",)"
              R"("message":"The provider refused the credential",)"
              R"("fields":{"job":"T1/\"x\"","file":"a\\xff\n"}})"
              "\n");
}

TEST(JsonLine, StaysShortWhateverItIsGiven) {
    const log_field fields[] = {{"body", std::string(1'000'000, '\x01')}};
    const auto line = json_line(a_record(fields));
    EXPECT_LT(line.size(), 16'384U);
    boost::json::error_code ec;
    boost::json::parse(line, ec);
    EXPECT_FALSE(ec);
}

TEST(JournalEntry, HasNamesThatTheJournalTakes) {
    const log_field fields[] = {{"account", "T12345678"}, {"http-status x", "401\n"}};
    EXPECT_THAT(
        journal_entry(a_record(fields)),
        ElementsAre("MESSAGE=The provider refused the credential account=T12345678 "
                    "http-status x=401\\x0a",
                    "PRIORITY=4", "SYSLOG_IDENTIFIER=onboardd", "ONBOARDD_EVENT=account_paused",
                    "MESSAGE_ID=e034f6f7f56145629f9708a3041d3c4b", "ONBOARDD_ACCOUNT=T12345678",
                    "ONBOARDD_HTTP_STATUS_X=401\\x0a"));
    const log_field long_name[] = {
        {"a_name_that_is_far_too_long_for_the_journal_to_take_as_a_field", ""}};
    const auto entry = journal_entry(a_record(long_name));
    EXPECT_EQ(entry.back().find('='), 64U);
}

TEST(JournalEntry, TellsTheSeverityAsSyslogDoes) {
    const std::pair<severity, const char*> rows[] = {{severity::debug, "PRIORITY=7"},
                                                     {severity::info, "PRIORITY=6"},
                                                     {severity::warning, "PRIORITY=4"},
                                                     {severity::error, "PRIORITY=3"}};
    for (const auto& [level, expected] : rows) {
        auto record = a_record();
        record.level = level;
        EXPECT_EQ(journal_entry(record)[1], expected);
    }
}

TEST(LineLogger, WritesWholeLinesAndDropsWhatIsBelow) {
    pipe_end out;
    const auto log = make_line_logger(severity::info, log_format::text, out.fd(), false);
    EXPECT_FALSE(log->enabled(severity::debug));
    EXPECT_TRUE(log->enabled(severity::info));
    log->debug("quiet", "not shown");
    log->info("started", "Ready", {{"jobs", "3"}});
    const auto line = out.read_some();
    EXPECT_EQ(line.substr(line.find(' ')), " info    started Ready jobs=3\n");
}

TEST(LineLogger, DoesNotMixLinesOfSeveralThreads) {
    constexpr int threads = 4;
    constexpr int lines_each = 200;
    pipe_end out;
    const auto log = make_line_logger(severity::info, log_format::json, out.fd(), false);
    std::vector<std::thread> writers;
    for (int i = 0; i < threads; ++i) {
        writers.emplace_back([&log, i] {
            for (int n = 0; n < lines_each;
                 ++n) {  // longer than PIPE_BUF: write(2) alone would not be atomic
                log->info("load", std::string(2000, static_cast<char>('a' + i)),
                          {{"more", std::string(2000, 'y')}, {"and", std::string(2000, 'z')}});
            }
        });
    }
    std::string all;
    std::thread reader([&] { all = out.read_all(); });
    for (auto& writer : writers) {
        writer.join();
    }
    out.close_writer();
    reader.join();
    std::istringstream lines(all);
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        boost::json::error_code ec;
        boost::json::parse(line, ec);
        ASSERT_FALSE(ec) << line;
    }
    EXPECT_EQ(count, threads * lines_each);
}

TEST(LineLogger, LosesLinesRatherThanWaitForAFullPipe) {
    pipe_end out(O_CLOEXEC | O_NONBLOCK);
    const auto log = make_line_logger(severity::info, log_format::json, out.fd(), false);
    for (int n = 0; n < 100; ++n) {  // each is longer than PIPE_BUF: the last one fits in part
        log->info("flood", std::string(2000, 'x'), {{"more", std::string(2000, 'y')}});
    }
    (void)out.read_all();
    log->info("after", "there is room again");
    auto tail = out.read_all();
    EXPECT_EQ(tail.front(), '\n') << "the torn line is ended first";
    boost::json::parse(tail.substr(1));
    log->info("after", "and no more empty lines");
    EXPECT_EQ(out.read_all().front(), '{');
}

TEST(JournalLogger, SendsOneEntryForEachEvent) {
    pipe_end out(O_CLOEXEC | O_NONBLOCK);
    journal_answer = 0;
    const auto log =
        make_journal_logger(severity::info, record_entry,
                            make_line_logger(severity::info, log_format::json, out.fd(), false));
    log->error("ledger_failed", "A commit failed", {{"ec", "EIO"}});
    EXPECT_THAT(sent,
                ElementsAre("MESSAGE=A commit failed ec=EIO", "PRIORITY=3",
                            "SYSLOG_IDENTIFIER=onboardd", "ONBOARDD_EVENT=ledger_failed",
                            "MESSAGE_ID=dbfe393b9ae34e1dabb26fc62b0da675", "ONBOARDD_EC=EIO"));
    EXPECT_EQ(out.read_all(), "");
    sent.clear();
    log->debug("quiet", "below");
    EXPECT_TRUE(sent.empty());
}

TEST(JournalLogger, FallsBackToLinesWhenTheJournalRefuses) {
    pipe_end out;
    journal_answer = -1;
    const auto log =
        make_journal_logger(severity::info, record_entry,
                            make_line_logger(severity::info, log_format::json, out.fd(), false));
    log->error("ledger_failed", "A commit failed");
    EXPECT_THAT(out.read_some(), testing::HasSubstr("\"event\":\"ledger_failed\""));
}

TEST(ChooseFormat, FollowsWhatStandardErrorIs) {
    pipe_end out;
    struct stat stream = {};
    ASSERT_EQ(::fstat(out.fd(), &stream), 0);
    const auto device = std::to_string(stream.st_dev);
    const auto inode = std::to_string(stream.st_ino);
    EXPECT_EQ(choose_format(out.fd(), nullptr), log_format::json);
    EXPECT_EQ(choose_format(out.fd(), (device + ":" + inode).c_str()), log_format::journal);
    for (const auto& other :
         {std::string(), device, device + ":", ":" + inode, device + ":" + inode + "0",
          device + ":" + inode + " ", device + "1:" + inode, "-" + device + ":" + inode}) {
        EXPECT_EQ(choose_format(out.fd(), other.c_str()), log_format::json) << other;
    }
    const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal >= 0) {
        EXPECT_EQ(choose_format(terminal, nullptr), log_format::text);
        ::close(terminal);
    }
}

}  // namespace
}  // namespace onboardd
