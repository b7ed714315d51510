#pragma once

// A YAML text as a tree of values with their positions: the part of YAML that a configuration
// needs, and no more.
//
// Built from yaml-cpp's events instead of its nodes. Events show what its nodes hide (a key given
// twice, a tag, a second document), nothing is ever expanded, so a bomb of aliases is just a fault,
// and the depth has our own bound.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/fault.hpp"

namespace onboardd::reading {

inline constexpr std::size_t yaml_depth_max = 32;

enum class yaml_kind : std::uint8_t {
    null,    // nothing, ~ or null
    plain,   // a scalar without quotes
    quoted,  // a scalar in quotes, or a block scalar: always text
    sequence,
    mapping,
    refused,  // already reported: to be passed over in silence
};

struct yaml_member;

struct yaml_node {
    yaml_kind kind = yaml_kind::null;
    mark where;
    std::string text{};              // of a scalar; of a null as written, "" where there is nothing
    std::vector<yaml_node> items{};  // of a sequence
    std::vector<yaml_member> members;  // of a mapping, in order, each key once
};

struct yaml_member {
    std::string key;
    mark where;  // of the key
    yaml_node value;
};

// Reads the one document in `text`. Faults are added to `faults`; false: the tree ends where the
// parser gave up, so nothing can be concluded from what it lacks. No text at all gives a null.
bool read_yaml(std::string_view text, yaml_node& root, fault_list& faults);

}  // namespace onboardd::reading
