#include "text.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace onboardd::sandbox {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

int base64_digit(char c) {
    if (c == '+' || c == '-') {
        return 62;
    }
    if (c == '/' || c == '_') {
        return 63;
    }
    const auto at = base64_digits.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::tm utc(std::int64_t wall_ms) {
    const auto seconds = static_cast<std::time_t>(wall_ms / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return parts;
}

}  // namespace

std::int64_t wall_now_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void append_time(std::string& to, std::int64_t wall_ms) {
    // Lists render a hundred thousand of these; neighbours mostly share their second.
    thread_local std::int64_t second = -1;
    thread_local std::array<char, 32> rendered{};
    thread_local std::size_t size = 0;
    if (second != wall_ms / 1000) {
        second = wall_ms / 1000;
        const auto parts = utc(wall_ms);
        size = std::strftime(rendered.data(), rendered.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    to.append(rendered.data(), size);
}

std::string http_date(std::int64_t wall_ms) {
    std::array<char, 64> rendered{};
    const auto parts = utc(wall_ms);
    const auto size =
        std::strftime(rendered.data(), rendered.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {rendered.data(), size};
}

void append_number(std::string& to, std::uint64_t number) {
    std::array<char, 24> digits{};
    const auto [end, ec] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    to.append(digits.data(), end);
}

void append_json_string(std::string& to, std::string_view text) {
    to += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            to += '\\';
            to += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            std::array<char, 8> escape{};
            const int size = std::snprintf(escape.data(), escape.size(), "\\u%04x", c);
            to.append(escape.data(), static_cast<std::size_t>(size));
        } else {
            to += c;
        }
    }
    to += '"';
}

std::string base64url(std::string_view bytes) {
    std::string text;
    std::uint32_t bits = 0;
    int held = 0;
    const auto put = [&](std::uint32_t digit) {
        text += digit == 62 ? '-' : digit == 63 ? '_' : base64_digits[digit];
    };
    for (const char c : bytes) {
        bits = (bits << 8) | static_cast<unsigned char>(c);
        for (held += 8; held >= 6; held -= 6) {
            put((bits >> (held - 6)) & 63);
        }
    }
    if (held > 0) {
        put((bits << (6 - held)) & 63);
    }
    return text;
}

bool decode_base64(std::string_view text, std::string& bytes) {
    while (text.ends_with('=')) {
        text.remove_suffix(1);
    }
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        const int digit = base64_digit(c);
        if (digit < 0) {
            return false;
        }
        bits = (bits << 6) | static_cast<std::uint32_t>(digit);
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes += static_cast<char>((bits >> held) & 0xFF);
        }
    }
    return true;
}

std::string percent_decoded(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool whole = text[at] == '%' && at + 2 < text.size();
        const int high = whole ? hex_digit(text[at + 1]) : -1;
        const int low = whole ? hex_digit(text[at + 2]) : -1;
        if (high >= 0 && low >= 0) {
            plain += static_cast<char>(high * 16 + low);
            at += 2;
        } else {
            plain += text[at];
        }
    }
    return plain;
}

bool query_value(std::string_view query, std::string_view name, std::string& value) {
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        query.remove_prefix(pair.size() == query.size() ? pair.size() : pair.size() + 1);
        const auto equals = pair.find('=');
        if (percent_decoded(pair.substr(0, equals)) == name) {
            value =
                equals == std::string_view::npos ? "" : percent_decoded(pair.substr(equals + 1));
            return true;
        }
    }
    return false;
}

}  // namespace onboardd::sandbox
