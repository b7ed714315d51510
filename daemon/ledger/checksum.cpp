#include "daemon/ledger/checksum.hpp"

#include <endian.h>

#include <bit>
#include <cstring>

#define XXH_INLINE_ALL  // of one source: no library to load for one function
#include <xxhash.h>

namespace onboardd::sqlite {
namespace {

void append(std::string& bytes, char kind, std::int64_t value) {
    const auto portable = htole64(std::bit_cast<std::uint64_t>(value));
    char raw[1 + sizeof portable];
    raw[0] = kind;
    std::memcpy(raw + 1, &portable, sizeof portable);
    bytes.append(raw, sizeof raw);
}

}  // namespace

void checksum::add_integer(std::int64_t value) {
    append(bytes_, '\1', value);
}

void checksum::add(std::string_view value) {
    append(bytes_, '\2', static_cast<std::int64_t>(value.size()));
    bytes_ += value;
}

std::int64_t checksum::value() const {
    return std::bit_cast<std::int64_t>(XXH3_64bits(bytes_.data(), bytes_.size()));
}

std::int64_t checksum_of_body(std::int64_t origin, std::string_view body) {
    return std::bit_cast<std::int64_t>(
        XXH3_64bits_withSeed(body.data() != nullptr ? body.data() : "", body.size(),
                             std::bit_cast<std::uint64_t>(origin)));
}

}  // namespace onboardd::sqlite
