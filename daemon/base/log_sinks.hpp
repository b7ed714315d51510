#pragma once

// The parts behind make_logger(), apart so that each can be tested: what a line looks like, and
// where it goes.

#include <sys/uio.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/log.hpp"

namespace onboardd {

struct log_record {
    wall_time time{};
    severity level = severity::info;
    std::string_view event;
    std::string_view message;
    std::span<const log_field> fields;
};

// 2026-11-22T01:04:05.120Z info    event message name=value other="two words", with the line end.
std::string text_line(const log_record& record, bool coloured);

// One JSON object with the line end: time, level, event, message, fields.
std::string json_line(const log_record& record);

// The journal's fields as NAME=value. MESSAGE ends with the fields as text, since that is all
// journalctl shows.
std::vector<std::string> journal_entry(const log_record& record);

// 32 hexadecimal digits for an event that the journal's catalog explains; else empty.
std::string_view message_id_of(std::string_view event) noexcept;

// What `automatic` means for a standard error `fd`, given the value of JOURNAL_STREAM (null: not
// set).
log_format choose_format(int fd, const char* journal_stream);

// Lines to `fd`, which stays the caller's. `format` is text or json.
std::unique_ptr<logger> make_line_logger(severity least, log_format format, int fd, bool coloured);

// Hands entries to `send`, which is sd_journal_sendv or a test's. What it refuses goes to
// `fallback`.
using journal_send = int (*)(const iovec* fields, int count);
std::unique_ptr<logger> make_journal_logger(severity least, journal_send send,
                                            std::unique_ptr<logger> fallback);

// Keeps floods out of `behind` (see flood_gate.hpp): of debug events nothing, who asks for them
// wants them all; of what operators do everything. What was left out of a flood is told with the
// next event after it, or at the end.
std::unique_ptr<logger> make_quiet_logger(std::unique_ptr<logger> behind,
                                          std::function<steady_time()> now);

}  // namespace onboardd
