#pragma once

// What parse_config() finds and load_config() goes on from.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/fault.hpp"
#include "onboardd/config/config.hpp"

namespace onboardd::reading {

enum class file_kind : std::uint8_t { secret, certificates };

// A file that the configuration names, for load_config() to look at.
struct named_file {
    file_kind kind;
    std::filesystem::path path;
    mark where;
    std::string key;
};

struct reading_result {
    config value;  // of use only without faults
    std::vector<named_file> files;
    fault_list faults;
};

reading_result read_config(std::string_view yaml, const environment& surroundings);

}  // namespace onboardd::reading
