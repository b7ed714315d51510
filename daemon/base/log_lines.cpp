// How an event looks in each format. Everything here is pure: tests compare whole lines.

#include <algorithm>

#include "daemon/base/log_sinks.hpp"
#include "onboardd/base/text.hpp"

namespace onboardd {
namespace {

// A line stays readable, and an error text that quotes half a file cannot fill the disk.
constexpr std::size_t value_bytes_max = 2048;
constexpr std::string_view ellipsis = "\xE2\x80\xA6";

std::string_view name_of(severity level) {
    switch (level) {
        case severity::debug:
            return "debug";
        case severity::info:
            return "info";
        case severity::warning:
            return "warning";
        case severity::error:
            return "error";
    }
    return "error";
}

std::string_view colour_of(severity level) {
    switch (level) {
        case severity::debug:
            return "\x1b[2m";
        case severity::info:
            return "\x1b[32m";
        case severity::warning:
            return "\x1b[33m";
        case severity::error:
            return "\x1b[1;31m";
    }
    return "";
}

// syslog(3): what journalctl -p filters by.
char priority_of(severity level) {
    switch (level) {
        case severity::debug:
            return '7';
        case severity::info:
            return '6';
        case severity::warning:
            return '4';
        case severity::error:
            return '3';
    }
    return '3';
}

// Always with milliseconds, unlike format_rfc3339(): columns line up, and lines sort by their text.
std::string time_of(wall_time time) {
    auto text = format_rfc3339(time);
    if (text.size() == sizeof "2026-11-22T01:04:05Z" - 1) {
        text.insert(text.size() - 1, ".000");
    }
    return text;
}

bool needs_quotes(std::string_view value) {
    return value.empty() || value.find_first_of(" \"=") != std::string_view::npos;
}

// printable() has written every backslash as \x5c, so \" can only be a quote.
void append_text_value(std::string& out, std::string_view value) {
    const auto shown = printable(value, value_bytes_max);
    if (!needs_quotes(shown)) {
        out += shown;
        return;
    }
    out += '"';
    for (const char byte : shown) {
        if (byte == '"') {
            out += '\\';
        }
        out += byte;
    }
    out += '"';
}

void append_message_and_fields(std::string& out, const log_record& record) {
    out += printable(record.message, value_bytes_max);
    for (const auto& field : record.fields) {
        out += ' ';
        out += printable(field.name);
        out += '=';
        append_text_value(out, field.value);
    }
}

// The journal takes A-Z, 0-9 and _ in at most 64 bytes, and drops an entry's field with another
// name.
std::string journal_name(std::string_view name) {
    std::string out = "ONBOARDD_";
    for (const char byte : name.substr(0, 64 - out.size())) {
        const bool lower = byte >= 'a' && byte <= 'z';
        const bool kept = (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
        out += lower ? static_cast<char>(byte - 'a' + 'A') : kept ? byte : '_';
    }
    return out;
}

bool is_plain(char byte) {
    return byte >= ' ' && byte < '\x7F' && byte != '\\';
}

std::string shown_code_point(code_point point, std::string_view bytes) {
    if (point.valid && point.value != '\\' && !is_disruptive(point.value)) {
        return std::string(bytes);
    }
    std::string out;
    for (const char byte : bytes) {
        out += "\\x";
        append_hex(out, static_cast<unsigned char>(byte));
    }
    return out;
}

}  // namespace

std::string printable(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max && std::all_of(text.begin(), text.end(), is_plain)) {
        return std::string(text);  // nearly always
    }
    std::string out;
    out.reserve(std::min(text.size(), bytes_max));
    std::size_t room_for_mark = 0;  // the longest prefix after which the mark of a cut still fits
    while (!text.empty()) {
        const auto point = decode_utf8(text);
        const auto shown = shown_code_point(point, text.substr(0, point.bytes));
        if (out.size() + shown.size() > bytes_max) {
            out.resize(room_for_mark);
            return bytes_max < ellipsis.size() ? out : out.append(ellipsis);
        }
        out += shown;
        if (out.size() + ellipsis.size() <= bytes_max) {
            room_for_mark = out.size();
        }
        text.remove_prefix(point.bytes);
    }
    return out;
}

std::string text_line(const log_record& record, bool coloured) {
    const auto level = name_of(record.level);
    std::string out = time_of(record.time);
    out += ' ';
    if (coloured) {
        out += colour_of(record.level);
    }
    out += level;
    if (coloured) {
        out += "\x1b[0m";
    }
    out.append(name_of(severity::warning).size() + 1 - level.size(), ' ');
    out += printable(record.event);
    out += ' ';
    append_message_and_fields(out, record);
    out += '\n';
    return out;
}

std::string json_line(const log_record& record) {
    std::string out = R"({"time":")" + time_of(record.time) + R"(","level":")";
    out += name_of(record.level);
    out += R"(","event":)";
    append_json_string(out, record.event, value_bytes_max);
    out += ",\"message\":";
    append_json_string(out, record.message, value_bytes_max);
    out += ",\"fields\":{";
    bool first = true;
    for (const auto& field : record.fields) {
        out += first ? "" : ",";
        first = false;
        append_json_string(out, field.name, value_bytes_max);
        out += ':';
        append_json_string(out, field.value, value_bytes_max);
    }
    out += "}}\n";
    return out;
}

std::vector<std::string> journal_entry(const log_record& record) {
    std::vector<std::string> out;
    out.reserve(record.fields.size() + 5);
    append_message_and_fields(out.emplace_back("MESSAGE="), record);
    out.emplace_back("PRIORITY=") += priority_of(record.level);
    out.emplace_back("SYSLOG_IDENTIFIER=onboardd");
    out.push_back("ONBOARDD_EVENT=" + printable(record.event));
    if (const auto id = message_id_of(record.event); !id.empty()) {
        out.push_back("MESSAGE_ID=" + std::string(id));
    }
    for (const auto& field : record.fields) {
        out.push_back(journal_name(field.name) + '=' + printable(field.value, value_bytes_max));
    }
    return out;
}

}  // namespace onboardd
