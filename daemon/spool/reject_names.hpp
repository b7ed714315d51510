#pragma once

// Names in rejected/, which is flat while incoming/ is not, and where names may grow by a suffix.
// Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace onboardd::spooling {

inline constexpr std::size_t name_bytes_max = 255;

struct reject_names {
    std::string file;
    std::string reason;
};

// For the file `name`, or for line `line` of the .jsonl file `name`. `number` is 1 for the plain
// names; others get ~NUMBER before the extension. Names that would be too long are cut and told
// apart by a hash.
reject_names names_for(std::string_view name, std::optional<std::uint64_t> line,
                       std::uint64_t number);

}  // namespace onboardd::spooling
