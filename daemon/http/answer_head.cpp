#include "daemon/http/answer_head.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace onboardd::http {
namespace {

constexpr std::string_view line_end = "\r\n";

constexpr std::array<bool, 256> make_token_table() {
    std::array<bool, 256> table{};
    for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}

constexpr auto token_table = make_token_table();

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return token_table[static_cast<unsigned char>(c)];
    });
}

// Tabs, spaces, visible ASCII and what is above it; so no NUL and no carriage return.
bool is_field_text(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= ' ' && byte != 0x7f);
    });
}

std::string_view trimmed(std::string_view text) noexcept {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool same_word(std::string_view left, std::string_view lower_case) noexcept {
    return std::equal(
        left.begin(), left.end(), lower_case.begin(), lower_case.end(), [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
        });
}

bool lists_close(std::string_view value) noexcept {
    while (true) {
        const auto comma = value.find(',');
        if (same_word(trimmed(value.substr(0, comma)), "close")) {
            return true;
        }
        if (comma == std::string_view::npos) {
            return false;
        }
        value.remove_prefix(comma + 1);
    }
}

// Digits only: no sign, no list, no space, and no value that overflows.
bool parse_length(std::string_view value, std::uint64_t& length) noexcept {
    if (value.empty() || !std::all_of(value.begin(), value.end(), is_digit)) {
        return false;
    }
    const auto read = std::from_chars(value.data(), value.data() + value.size(), length);
    return read.ec == std::errc();
}

class head_reader {
public:
    const char* read_status_line(std::string_view line);
    const char* read_field(std::string_view line);
    const char* finish();

    answer_head head;

private:
    const char* read_framing(std::string_view name, std::string_view value);

    bool http_1_0_ = false;
    bool has_length_ = false;
    bool has_coding_ = false;
    std::size_t fields_ = 0;
};

// HTTP-version SP 3DIGIT SP [reason]
const char* head_reader::read_status_line(std::string_view line) {
    constexpr std::string_view shape = "HTTP/1.d ddd ";
    if (line.size() < shape.size()) {
        return "short status line";
    }
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] == 'd' ? !is_digit(line[i]) : line[i] != shape[i]) {
            return "bad status line";
        }
    }
    if (line[7] > '1') {
        return "unknown HTTP version";
    }
    http_1_0_ = line[7] == '0';
    head.keep_alive = !http_1_0_;
    std::from_chars(line.data() + 9, line.data() + 12, head.status);
    if (head.status < 100 || head.status > 599) {
        return "status out of range";
    }
    return is_field_text(line.substr(shape.size())) ? nullptr : "bad reason phrase";
}

const char* head_reader::read_framing(std::string_view name, std::string_view value) {
    if (same_word(name, "content-length")) {
        if (std::exchange(has_length_, true)) {
            return "more than one Content-Length";
        }
        return parse_length(value, head.content_length) ? nullptr : "bad Content-Length";
    }
    if (std::exchange(has_coding_, true)) {
        return "more than one Transfer-Encoding";
    }
    return same_word(value, "chunked") ? nullptr : "Transfer-Encoding other than chunked";
}

const char* head_reader::read_field(std::string_view line) {
    if (++fields_ > fields_max) {
        return "too many fields";
    }
    if (line.front() == ' ' || line.front() == '\t') {
        return "folded field";
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
        return "bad field name";
    }
    const auto name = line.substr(0, colon);
    const auto value = trimmed(line.substr(colon + 1));
    if (!is_field_text(value)) {
        return "control byte in a field";
    }
    if (same_word(name, "content-length") || same_word(name, "transfer-encoding")) {
        return read_framing(name, value);
    }
    if (same_word(name, "connection") && lists_close(value)) {
        head.keep_alive = false;
    } else if (same_word(name, "retry-after") && !head.retry_after) {
        head.retry_after = value;
    } else if (same_word(name, "content-type") && !head.content_type) {
        head.content_type = value;
    }
    return nullptr;
}

const char* head_reader::finish() {
    if (has_length_ && has_coding_) {
        return "Content-Length together with Transfer-Encoding";
    }
    if (has_coding_ && http_1_0_) {
        return "Transfer-Encoding in HTTP/1.0";
    }
    if (head.status < 200 || head.status == 204 || head.status == 304) {
        // No body follows, whatever the fields say. Where they announce one all the same (304 may,
        // for the body that it stands for), the connection is not trusted with a second exchange.
        head.keep_alive = head.keep_alive && !has_coding_ && head.content_length == 0;
        head.body = framing::none;
        return head.status < 200 && (has_length_ || has_coding_) ? "framing in an interim answer"
                                                                 : nullptr;
    }
    if (!has_length_ && !has_coding_) {
        return "answer framed by the end of the connection";
    }
    head.body = has_coding_ ? framing::chunked : framing::length;
    return nullptr;
}

}  // namespace

head_end find_head_end(std::string_view bytes, std::size_t scanned) noexcept {
    constexpr std::string_view start = "HTTP/1.";
    const auto shown = std::min(bytes.size(), start.size());
    if (bytes.substr(0, shown) != start.substr(0, shown)) {
        return {head_end::kind::malformed, 0};
    }
    for (auto at = bytes.find('\n', scanned); at != std::string_view::npos;
         at = bytes.find('\n', at + 1)) {
        if (bytes[at - 1] != '\r') {
            return {head_end::kind::malformed, 0};
        }
        if (bytes[at - 2] == '\n') {
            return {head_end::kind::complete, at + 1};
        }
    }
    return {head_end::kind::incomplete, 0};
}

result<answer_head, malformed> parse_answer_head(std::string_view head) {
    if (!head.ends_with("\r\n\r\n")) {
        return malformed{"no empty line"};
    }
    head_reader reader;
    auto end = head.find(line_end);
    const char* reason = reader.read_status_line(head.substr(0, end));
    while (reason == nullptr) {
        head.remove_prefix(end + line_end.size());
        end = head.find(line_end);
        if (end == 0) {
            break;
        }
        reason = reader.read_field(head.substr(0, end));
    }
    if (reason == nullptr && head.size() != line_end.size()) {
        reason = "bytes after the empty line";
    }
    if (reason == nullptr) {
        reason = reader.finish();
    }
    if (reason != nullptr) {
        return malformed{reason};
    }
    return reader.head;
}

}  // namespace onboardd::http
