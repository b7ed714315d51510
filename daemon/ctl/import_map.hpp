#pragma once

// How the columns of a sheet become members of a job: map.yaml, read as strictly as the daemon's
// configuration.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/base/error.hpp"
#include "onboardd/config/load_config.hpp"

namespace onboardd::ctl {

enum class cell_type : std::uint8_t { string, integer, number, boolean, list };

struct column_rule {
    std::string name;                 // as in the sheet's first line
    std::vector<std::string> target;  // a JSON pointer's parts; empty: the column is passed over
    cell_type type = cell_type::string;
    bool required = false;        // an empty cell is a fault, else the member is left out
    std::string separator = "|";  // of a list
};

struct import_map {
    std::vector<column_rule> columns;
    std::string constants = "{}";  // a JSON object: what every job has
};

// All faults with their places.
result<import_map, std::vector<config_fault>> parse_import_map(std::string_view yaml,
                                                               std::string_view file_name);

// The parts of a JSON pointer (RFC 6901); false: it is none.
bool parse_pointer(std::string_view text, std::vector<std::string>& parts);

}  // namespace onboardd::ctl
