#include "daemon/outcome/safe_name.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "onboardd/base/text.hpp"

namespace onboardd {
namespace {

constexpr std::size_t account_bytes = 9;
constexpr std::size_t reference_bytes_max = 64;

// A name has at most 255 bytes, and an ending follows.
constexpr std::size_t report_name_bytes_max = 200;

constexpr std::string_view temporary_end = ".tmp";
constexpr std::size_t temporary_digits = 16;

bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

bool is_letter_or_digit(char byte) {
    return is_digit(byte) || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

bool is_name_byte(char byte) {
    return is_letter_or_digit(byte) || byte == '.' || byte == '_' || byte == '-';
}

bool is_hex_digit(char byte) {
    return is_digit(byte) || (byte >= 'a' && byte <= 'f');
}

std::string hash_of(std::string_view text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::string out;
    for (const auto byte : digest) {
        append_hex(out, byte);
    }
    return out;
}

}  // namespace

bool is_account(std::string_view text) noexcept {
    return text.size() == account_bytes && (text[0] == 'P' || text[0] == 'T') &&
           std::all_of(text.begin() + 1, text.end(), is_digit);
}

bool is_reference(std::string_view text) noexcept {
    return !text.empty() && text.size() <= reference_bytes_max && is_letter_or_digit(text[0]) &&
           std::all_of(text.begin(), text.end(), is_name_byte);
}

// An escape is % and two digits, so neither a lone % nor %- can come from another name.
std::string report_name(std::string_view batch) {
    if (batch.empty()) {
        return "%";
    }
    std::string out;
    for (const char byte : batch) {
        if (is_name_byte(byte) && !(byte == '.' && out.empty())) {
            out += byte;
        } else {
            out += '%';
            append_hex(out, static_cast<unsigned char>(byte));
        }
    }
    if (out.size() > report_name_bytes_max) {
        const auto hash = hash_of(batch);
        out.resize(report_name_bytes_max - hash.size() - 2);
        out += "%-" + hash;
    }
    return out;
}

std::string temporary_name(std::uint64_t random) {
    std::string out = ".";
    for (unsigned shift = 0; shift < 64; shift += 8) {
        append_hex(out, static_cast<unsigned char>(random >> shift & 0xFFU));
    }
    return out.append(temporary_end);
}

bool is_temporary_name(std::string_view name) noexcept {
    return name.size() == 1 + temporary_digits + temporary_end.size() && name.front() == '.' &&
           name.ends_with(temporary_end) &&
           std::all_of(name.begin() + 1, name.begin() + 1 + temporary_digits, is_hex_digit);
}

}  // namespace onboardd
