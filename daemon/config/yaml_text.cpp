#include "daemon/config/yaml_text.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace onboardd::reading {
namespace {

struct character {
    std::uint32_t value = 0;
    std::size_t bytes = 0;  // 0: not UTF-8
};

std::uint32_t bits(char c, unsigned mask) {
    return static_cast<unsigned char>(c) & mask;
}

// One character at the front of `text`, which is not empty. Overlong forms, surrogates and values
// beyond U+10FFFF are not UTF-8.
character decode(std::string_view text) {
    auto first = static_cast<unsigned char>(text.front());
    if (first < 0x80)
        return {first, 1};
    std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < bytes)
        return {};
    auto value = bits(text.front(), 0xFFU >> (bytes + 1));
    for (auto c : text.substr(1, bytes - 1)) {
        if (bits(c, 0xC0) != 0x80)
            return {};
        value = value << 6U | bits(c, 0x3F);
    }
    bool overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
    if (overlong || (value >= 0xD800 && value <= 0xDFFF) || value > 0x10FFFF)
        return {};
    return {value, bytes};
}

// YAML's c-printable, without the byte order mark in the middle of a file.
bool is_allowed(std::uint32_t value) {
    if (value < 0x20)
        return value == '\t' || value == '\n' || value == '\r';
    return value != 0x7F && !(value >= 0x80 && value < 0xA0) && value != 0xFEFF &&
           value != 0xFFFE && value != 0xFFFF;
}

std::string hex(std::uint32_t value) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (unsigned shift = 24; shift > 0;) {
        shift -= 4;
        if (out.empty() && shift >= 16 && value >> shift == 0)
            continue;
        out += digits[value >> shift & 0x0FU];
    }
    return out;
}

// The first character that must not be there ends the check: what follows may be anything, even
// another encoding.
bool check_characters(std::string_view text, fault_list& faults) {
    for (std::size_t i = 0; i < text.size();) {
        auto next = decode(text.substr(i));
        std::string wrong;
        if (next.bytes == 0) {
            wrong = "this byte is not UTF-8; allowed: UTF-8 text";
        } else if (!is_allowed(next.value)) {
            wrong = "the character U+" + hex(next.value) + " is not allowed here";
        } else if (next.value == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) {
            wrong = "a carriage return without a line feed; allowed: lines that end in LF or CR LF";
        }
        if (!wrong.empty()) {
            faults.add(position_finder(text).at(i), "", wrong);
            return false;
        }
        i += next.bytes;
    }
    return true;
}

// What is wrong with one line by itself, or an empty string; `column` is the byte where.
std::string check_line(std::string_view line, std::size_t& column) {
    column = 0;
    if (line.starts_with('%'))
        return "directives are not allowed; remove this line";
    auto content = line.find_first_not_of(" \t\r");
    column = line.find('\t');
    if (content != std::string_view::npos && column < content)
        return "a tab in the indentation; allowed: spaces";
    return {};
}

}  // namespace

mark position_finder::at(std::size_t offset) {
    if (offset < offset_) {
        offset_ = 0;
        last_ = {1, 1};
    }
    for (; offset_ < std::min(offset, text_.size()); ++offset_) {
        if (text_[offset_] == '\n') {
            last_ = {last_.line + 1, 1};
        } else if (bits(text_[offset_], 0xC0) != 0x80) {
            ++last_.column;
        }
    }
    return last_;
}

bool check_text(std::string_view text, fault_list& faults) {
    if (text.size() > config_bytes_max) {
        faults.add({}, "",
                   "the file is larger than " + std::to_string(config_bytes_max) + " bytes");
        return false;
    }
    if (!check_characters(text, faults))
        return false;
    bool good = true;
    for (int line = 1; !text.empty(); ++line) {
        std::size_t column = 0;
        auto end = std::min(text.find('\n'), text.size() - 1) + 1;
        if (auto wrong = check_line(text.substr(0, end), column); !wrong.empty()) {
            faults.add({line, static_cast<int>(column) + 1}, "", wrong);
            good = false;
        }
        text.remove_prefix(end);
    }
    return good;
}

}  // namespace onboardd::reading
