#include "onboardd/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace onboardd {
namespace {

constexpr std::string_view ellipsis = "\xE2\x80\xA6";

constexpr bool is_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

// How long the sequence is that `lead` announces; 0: it cannot begin one.
constexpr std::size_t sequence_bytes(unsigned char lead) {
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        return 3;
    }
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

constexpr bool is_scalar(char32_t value, std::size_t bytes) {
    constexpr std::array<char32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    return value >= least[bytes] && value <= 0x10FFFF && !surrogate;
}

constexpr bool is_plain_json(char byte) {
    return byte >= ' ' && byte < '\x7F' && byte != '"' && byte != '\\';
}

void append_unit(std::string& out, std::uint16_t unit) {
    out += "\\u";
    append_hex(out, static_cast<unsigned char>(unit >> 8U));
    append_hex(out, static_cast<unsigned char>(unit & 0xFFU));
}

void append_json_code_point(std::string& out, code_point point, std::string_view bytes) {
    if (!point.valid) {
        out += "\\\\x";
        append_hex(out, static_cast<unsigned char>(bytes.front()));
    } else if (point.value == '"' || point.value == '\\') {
        out += '\\';
        out += bytes;
    } else if (point.value == '\n') {
        out += "\\n";
    } else if (point.value == '\t') {
        out += "\\t";
    } else if (is_disruptive(point.value)) {  // all of them are in the basic plane: one unit
        append_unit(out, static_cast<std::uint16_t>(point.value));
    } else {
        out += bytes;
    }
}

}  // namespace

void cut_utf8(std::string& text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) {
        return;
    }
    auto end = bytes_max;
    while (end + 3 > bytes_max && is_continuation(text[end])) {
        --end;
    }
    // No sequence is longer than 4 bytes: what goes on before that is no UTF-8, so any cut will do.
    text.resize(is_continuation(text[end]) ? bytes_max : end);
}

code_point decode_utf8(std::string_view text) noexcept {
    const auto lead = static_cast<unsigned char>(text.front());
    const auto bytes = sequence_bytes(lead);
    if (bytes == 1) {
        return {lead, 1, true};
    }
    const code_point bad{lead, 1, false};
    if (bytes == 0 || text.size() < bytes) {
        return bad;
    }
    auto value = static_cast<char32_t>(lead & (0xFFU >> (bytes + 1)));
    for (const char byte : text.substr(1, bytes - 1)) {
        if (!is_continuation(byte)) {
            return bad;
        }
        value = (value << 6U) | (static_cast<unsigned char>(byte) & 0x3FU);
    }
    return is_scalar(value, bytes) ? code_point{value, bytes, true} : bad;
}

bool is_disruptive(char32_t value) noexcept {
    return value < 0x20 || (value >= 0x7F && value <= 0x9F) ||
           (value >= 0x2028 && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069);
}

void append_hex(std::string& out, unsigned char byte) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += digits[byte >> 4U];
    out += digits[byte & 0xFU];
}

void append_json_string(std::string& out, std::string_view text, std::size_t bytes_max) {
    out += '"';
    std::size_t at = 0;
    while (at < text.size()) {
        const auto plain_from = at;
        while (at < text.size() && at < bytes_max && is_plain_json(text[at])) {
            ++at;
        }
        out.append(text, plain_from, at - plain_from);
        if (at == text.size()) {
            break;
        }
        const auto point = decode_utf8(text.substr(at));
        if (point.bytes > bytes_max - at) {
            out += ellipsis;
            break;
        }
        append_json_code_point(out, point, text.substr(at, point.bytes));
        at += point.bytes;
    }
    out += '"';
}

std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
    std::vector<std::string> lines(1);
    std::size_t used = 0;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        const auto width =
            word.size() - static_cast<std::size_t>(std::ranges::count_if(word, is_continuation));
        if (used != 0 && used + 1 + width > columns) {
            lines.emplace_back();
            used = 0;
        }
        lines.back().append(used == 0 ? "" : " ").append(word);
        used += width + (used == 0 ? 0 : 1);
        text.remove_prefix(std::min(word.size() + 1, text.size()));
    }
    return lines;
}

}  // namespace onboardd
