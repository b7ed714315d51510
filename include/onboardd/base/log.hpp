#pragma once

// Events with fields. An event has a stable name, a sentence for people, and fields; never a secret
// and never a person's data. Severity is what the operator should do: error = act, warning = look,
// info = milestones.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace onboardd {

enum class severity : std::uint8_t { debug, info, warning, error };

struct log_field {
    std::string_view name;  // lower case with underscores: job, account, attempt
    std::string value;
};

class logger {
public:
    logger() = default;
    logger(const logger&) = delete;
    logger& operator=(const logger&) = delete;
    virtual ~logger() = default;

    // Writes one event. Values may hold any bytes: each sink escapes control bytes and bad UTF-8.
    // Safe to call from any thread.
    virtual void write(severity level, std::string_view event, std::string_view message,
                       std::span<const log_field> fields) = 0;

    // Whether events of `level` are written at all: ask before you build costly fields.
    [[nodiscard]] virtual bool enabled(severity level) const = 0;

    void debug(std::string_view event, std::string_view message,
               std::initializer_list<log_field> fields = {}) {
        write(severity::debug, event, message, std::span(fields.begin(), fields.size()));
    }
    void info(std::string_view event, std::string_view message,
              std::initializer_list<log_field> fields = {}) {
        write(severity::info, event, message, std::span(fields.begin(), fields.size()));
    }
    void warning(std::string_view event, std::string_view message,
                 std::initializer_list<log_field> fields = {}) {
        write(severity::warning, event, message, std::span(fields.begin(), fields.size()));
    }
    void error(std::string_view event, std::string_view message,
               std::initializer_list<log_field> fields = {}) {
        write(severity::error, event, message, std::span(fields.begin(), fields.size()));
    }
};

enum class log_format : std::uint8_t {
    automatic,  // journal when systemd started us (JOURNAL_STREAM), text on a terminal, else json
    journal,
    text,
    json,
};

// Writes to the journal, or to standard error. Events below `least` are dropped.
std::unique_ptr<logger> make_logger(severity least, log_format format);

// `text` for a terminal or a log line: control bytes, bad UTF-8 and backslashes as \xNN, at most
// `bytes_max` bytes.
std::string printable(std::string_view text, std::size_t bytes_max = 256);

}  // namespace onboardd
