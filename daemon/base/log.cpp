#include "onboardd/base/log.hpp"

#include <sys/stat.h>
#include <unistd.h>

// The place in our source is no news to an operator, and the macros behind it are old-style casts.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <mutex>

#include "daemon/base/flood_gate.hpp"
#include "daemon/base/log_sinks.hpp"

namespace onboardd {
namespace {

wall_time wall_clock_now() {
    return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

class line_logger final : public logger {
public:
    line_logger(severity least, log_format format, int fd, bool coloured)
        : least_(least), format_(format), fd_(fd), coloured_(coloured) {}

    void write(severity level, std::string_view event, std::string_view message,
               std::span<const log_field> fields) override {
        if (!enabled(level)) {
            return;
        }
        const log_record record{wall_clock_now(), level, event, message, fields};
        put(format_ == log_format::json ? json_line(record) : text_line(record, coloured_));
    }

    bool enabled(severity level) const override { return level >= least_; }

private:
    // One write(2) a line. A reader that does not keep up must not stop the daemon: where standard
    // error does not block and is full, the line is lost; if a part of it is out already, the next
    // one begins on a new line.
    void put(std::string line) {
        const std::scoped_lock lock(mutex_);
        if (torn_) {
            line.insert(line.begin(), '\n');
        }
        std::string_view rest = line;
        while (!rest.empty()) {
            const auto written = ::write(fd_, rest.data(), rest.size());
            if (written < 0 && errno == EINTR) {
                continue;
            }
            if (written <= 0) {
                break;
            }
            rest.remove_prefix(static_cast<std::size_t>(written));
        }
        torn_ = !rest.empty() && (torn_ || rest.size() < line.size());
    }

    severity least_;
    log_format format_;
    int fd_;
    bool coloured_;
    std::mutex mutex_;
    bool torn_ = false;
};

class journal_logger final : public logger {
public:
    journal_logger(severity least, journal_send send, std::unique_ptr<logger> fallback)
        : least_(least), send_(send), fallback_(std::move(fallback)) {}

    void write(severity level, std::string_view event, std::string_view message,
               std::span<const log_field> fields) override {
        if (!enabled(level)) {
            return;
        }
        auto entry = journal_entry({wall_clock_now(), level, event, message, fields});
        std::vector<iovec> parts;
        parts.reserve(entry.size());
        for (auto& part : entry) {
            parts.push_back({part.data(), part.size()});
        }
        if (send_(parts.data(), static_cast<int>(parts.size())) < 0) {
            fallback_->write(level, event, message, fields);
        }
    }

    bool enabled(severity level) const override { return level >= least_; }

private:
    severity least_;
    journal_send send_;
    std::unique_ptr<logger> fallback_;
};

class quiet_logger final : public logger {
public:
    quiet_logger(std::unique_ptr<logger> behind, std::function<steady_time()> now)
        : behind_(std::move(behind)), now_(std::move(now)) {}

    ~quiet_logger() override { tell_of(gate_.take_ended(steady_time::max())); }

    void write(severity level, std::string_view event, std::string_view message,
               std::span<const log_field> fields) override {
        if (!enabled(level)) {
            return;
        }
        if (level == severity::debug || may_pass(level, event, fields)) {
            behind_->write(level, event, message, fields);
        }
    }

    bool enabled(severity level) const override { return behind_->enabled(level); }

private:
    // Who changed what is told of every job, as often as it may be.
    static constexpr std::string_view done_by_operator = "operator";

    bool may_pass(severity level, std::string_view event, std::span<const log_field> fields) {
        std::string_view account;
        for (const auto& field : fields) {
            account = field.name == "account" ? std::string_view(field.value) : account;
        }
        std::unique_lock lock(mutex_);
        const auto now = now_();
        const auto ended = gate_.take_ended(now);
        const bool passes = event == done_by_operator || gate_.pass(level, event, account, now);
        lock.unlock();
        tell_of(ended);
        return passes;
    }

    void tell_of(const std::vector<flood_gate::flood>& ended) {
        for (const auto& one : ended) {
            std::vector<log_field> fields = {{"of", one.event},
                                             {"events", std::to_string(one.left_out)}};
            if (!one.account.empty()) {
                fields.push_back({"account", one.account});
            }
            behind_->write(one.level, "log_flood", "more events of this kind were left out",
                           fields);
        }
    }

    std::unique_ptr<logger> behind_;
    std::function<steady_time()> now_;
    std::mutex mutex_;
    flood_gate gate_;
};

// JOURNAL_STREAM is "device:inode" of the stream that systemd gave us. A child with another
// standard error inherits the variable, so only the numbers decide.
bool is_journal_stream(const struct stat& stream, const char* journal_stream) {
    if (journal_stream == nullptr) {
        return false;
    }
    const std::string_view text = journal_stream;
    const char* const end = text.data() + text.size();
    dev_t device = 0;
    ino_t inode = 0;
    const auto [colon, bad_device] = std::from_chars(text.data(), end, device);
    if (bad_device != std::errc{} || colon == end || *colon != ':') {
        return false;
    }
    const auto [rest, bad_inode] = std::from_chars(colon + 1, end, inode);
    return bad_inode == std::errc{} && rest == end && device == stream.st_dev &&
           inode == stream.st_ino;
}

bool wants_colour(int fd) {
    const char* const no_colour = std::getenv("NO_COLOR");
    return ::isatty(fd) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

// Without a journal sd_journal_sendv() reports success and drops the entry.
bool journal_listens() {
    return ::access("/run/systemd/journal/socket", W_OK) == 0;
}

}  // namespace

log_format choose_format(int fd, const char* journal_stream) {
    struct stat stream = {};
    if (::fstat(fd, &stream) == 0 && is_journal_stream(stream, journal_stream)) {
        return log_format::journal;
    }
    return ::isatty(fd) == 1 ? log_format::text : log_format::json;
}

std::unique_ptr<logger> make_line_logger(severity least, log_format format, int fd, bool coloured) {
    return std::make_unique<line_logger>(least, format, fd, coloured);
}

std::unique_ptr<logger> make_journal_logger(severity least, journal_send send,
                                            std::unique_ptr<logger> fallback) {
    return std::make_unique<journal_logger>(least, send, std::move(fallback));
}

std::unique_ptr<logger> make_quiet_logger(std::unique_ptr<logger> behind,
                                          std::function<steady_time()> now) {
    return std::make_unique<quiet_logger>(std::move(behind), std::move(now));
}

namespace {

std::unique_ptr<logger> make_sink(severity least, log_format format) {
    if (format == log_format::automatic) {
        format = choose_format(STDERR_FILENO, std::getenv("JOURNAL_STREAM"));
    }
    if (format != log_format::journal) {
        return make_line_logger(least, format, STDERR_FILENO, wants_colour(STDERR_FILENO));
    }
    auto lines = make_line_logger(least, log_format::json, STDERR_FILENO, false);
    return journal_listens() ? make_journal_logger(least, ::sd_journal_sendv, std::move(lines))
                             : std::move(lines);
}

}  // namespace

std::unique_ptr<logger> make_logger(severity least, log_format format) {
    return make_quiet_logger(make_sink(least, format), std::chrono::steady_clock::now);
}

}  // namespace onboardd
