#include "daemon/spool/reject_names.hpp"

#include "daemon/spool/file_access.hpp"

namespace onboardd::spooling {
namespace {

constexpr std::string_view reason_ending = ".reason.json";

// Where the extension begins; the size of `name` if it has none worth keeping.
std::size_t extension_at(std::string_view name) {
    constexpr std::size_t extension_bytes_max = 32;
    const auto dot = name.rfind('.');
    return dot == std::string_view::npos || dot == 0 || name.size() - dot > extension_bytes_max
               ? name.size()
               : dot;
}

// `stem`, cut so that `rest` more bytes fit; not in the middle of a UTF-8 character.
std::string fitting(std::string_view stem, std::size_t rest, std::string_view whole_name) {
    if (stem.size() + rest <= name_bytes_max) {
        return std::string(stem);
    }
    const auto hash = "-" + short_hash(whole_name);
    auto size = name_bytes_max - rest - hash.size();
    while (size > 0 && (static_cast<unsigned char>(stem[size]) & 0xc0) == 0x80) {
        --size;
    }
    return std::string(stem.substr(0, size)) + hash;
}

}  // namespace

reject_names names_for(std::string_view name, std::optional<std::uint64_t> line,
                       std::uint64_t number) {
    const auto dot = extension_at(name);
    const auto extension = name.substr(dot);
    std::string middle = line ? ".line-" + std::to_string(*line) : std::string();
    middle += number > 1 ? "~" + std::to_string(number) : std::string();
    std::string ending = line ? ".json" : std::string(extension);
    std::string ending_of_reason = ending == ".json" ? std::string() : ending;
    ending_of_reason += reason_ending;
    const auto stem = fitting(name.substr(0, dot), middle.size() + ending_of_reason.size(), name);
    return {stem + middle + ending, stem + middle + ending_of_reason};
}

}  // namespace onboardd::spooling
