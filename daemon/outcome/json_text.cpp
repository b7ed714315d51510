#include "daemon/outcome/json_text.hpp"

namespace onboardd {
namespace {

bool is_space(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

// The length of the string literal that `json` begins with, both quotes included.
std::size_t literal_bytes(std::string_view json) {
    std::size_t at = 1;
    while (json[at] != '"') {
        at += json[at] == '\\' ? 2 : 1;
    }
    return at + 1;
}

// Well-formed JSON has no bare control characters, but it may have those beyond ASCII.
void append_literal(std::string& out, std::string_view literal) {
    while (!literal.empty()) {
        const auto point = decode_utf8(literal);
        if (point.value >= 0x7F && is_disruptive(point.value)) {
            out += "\\u";
            append_hex(out, static_cast<unsigned char>(point.value >> 8U));
            append_hex(out, static_cast<unsigned char>(point.value & 0xFFU));
        } else {
            out += literal.substr(0, point.bytes);
        }
        literal.remove_prefix(point.bytes);
    }
}

void skip_spaces(std::string_view& json) {
    while (!json.empty() && is_space(json.front())) {
        json.remove_prefix(1);
    }
}

void new_line(std::string& out, std::size_t indent) {
    out += '\n';
    out.append(indent, ' ');
}

}  // namespace

void append_string_or_null(std::string& out, std::string_view text) {
    if (text.empty()) {
        out += "null";
    } else {
        append_json_string(out, text);
    }
}

void append_time_or_null(std::string& out, const std::optional<wall_time>& time) {
    if (!time) {
        out += "null";
        return;
    }
    out += '"';
    out += format_rfc3339(*time);
    out += '"';
}

void append_indented_json(std::string& out, std::string_view json, std::size_t indent) {
    for (skip_spaces(json); !json.empty(); skip_spaces(json)) {
        const char first = json.front();
        if (first == '"') {
            const auto literal = json.substr(0, literal_bytes(json));
            append_literal(out, literal);
            json.remove_prefix(literal.size());
            continue;
        }
        json.remove_prefix(1);
        if (first == '{' || first == '[') {
            skip_spaces(json);
            out += first;
            if (json.front() != '}' && json.front() != ']') {
                indent += 2;
                new_line(out, indent);
            } else {
                out += json.front();
                json.remove_prefix(1);
            }
        } else if (first == '}' || first == ']') {
            indent -= 2;
            new_line(out, indent);
            out += first;
        } else if (first == ',') {
            out += first;
            new_line(out, indent);
        } else {
            out += first;
            out += first == ':' ? " " : "";
        }
    }
}

}  // namespace onboardd
