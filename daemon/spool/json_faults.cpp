#include "daemon/spool/json_faults.hpp"

#include <algorithm>

namespace onboardd::spooling {
namespace json = boost::json;
namespace {

constexpr std::size_t pointer_bytes_max = 1024;

struct position {
    int line = 1;
    int column = 1;
};

position position_of(std::string_view text, std::size_t offset) {
    const auto before = text.substr(0, offset);
    const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    return {static_cast<int>(1 + std::count(before.begin(), before.end(), '\n')),
            static_cast<int>(before.size() - line_start + 1)};
}

// The likely cause, judged by the byte at which the parser stopped.
std::string_view message_for_byte(unsigned char byte) {
    if (byte >= 0x80) {
        return "bytes that are not UTF-8, or not in a string";
    }
    if (byte < 0x20 || byte == 0x7f) {
        return "a control character where none may be";
    }
    switch (byte) {
        case '\'':
            return "strings and names stand in double quotes";
        case '/':
        case '#':
            return "comments are not part of JSON";
        case '}':
        case ']':
            return "a closing bracket that does not fit here";
        case ',':
            return "a comma that does not fit here";
        default:
            return "this is not JSON";
    }
}

}  // namespace

void add_fault(std::vector<job_fault>& faults, job_fault fault) {
    if (faults.size() < faults_max) {
        faults.push_back(std::move(fault));
    }
}

std::string pointer_to(std::string_view pointer, std::string_view token) {
    std::string path(pointer);
    if (path.size() + token.size() > pointer_bytes_max) {
        return path.ends_with("/...") ? path : path + "/...";
    }
    path += '/';
    for (const char byte : token) {
        if (byte == '~') {
            path += "~0";
        } else if (byte == '/') {
            path += "~1";
        } else {
            path += byte;
        }
    }
    return path;
}

job_fault syntax_fault(std::string_view text, std::size_t offset, std::string_view message,
                       std::string_view allowed) {
    const auto at = position_of(text, offset);
    job_fault fault;
    fault.message = message;
    fault.allowed = allowed;
    fault.line = at.line;
    fault.column = at.column;
    return fault;
}

job_fault parse_fault(std::string_view text, std::size_t offset, const json::error_code& failure) {
    constexpr std::string_view one_value = "one JSON object (RFC 8259) in UTF-8";
    if (failure == json::error::incomplete || offset >= text.size()) {
        return syntax_fault(text, text.size(), "the text ends too early", one_value);
    }
    if (failure == json::error::too_deep) {
        return syntax_fault(text, offset, "nested too deep",
                            std::to_string(json_depth_max) + " levels at most");
    }
    if (failure == json::error::exponent_overflow) {
        return syntax_fault(text, offset, "a number with an enormous exponent",
                            "a size up to 1.7e308");
    }
    if (failure == json::error::extra_data) {
        return syntax_fault(text, offset, "text after the end of the object", one_value);
    }
    constexpr std::size_t escape_bytes = 6;  // \\uD800, of which the second half does not follow
    const bool after_escape =
        offset >= escape_bytes && text.substr(offset - escape_bytes, 2) == "\\u";
    if (failure == json::error::illegal_leading_surrogate ||
        failure == json::error::illegal_trailing_surrogate ||
        failure == json::error::expected_utf16_escape || after_escape) {
        return syntax_fault(text, offset, "half of a surrogate pair",
                            "both halves as \\uD800\\uDC00, or UTF-8");
    }
    if (failure == json::error::expected_hex_digit) {
        return syntax_fault(text, offset, "an incomplete escape",
                            "\\u and four hexadecimal digits");
    }
    return syntax_fault(text, offset, message_for_byte(static_cast<unsigned char>(text[offset])),
                        one_value);
}

}  // namespace onboardd::spooling
