#pragma once

#include <optional>
#include <string>

#include "daemon/config/yaml_tree.hpp"

namespace onboardd::reading {

// A mapping as the text of a JSON object. Text in quotes is a string; without quotes the core
// schema of YAML 1.2 decides, so NO and 01:30 are strings, and true, null and 12 are not. What
// would not reach the provider as it is written is a fault: 0123, 1e999, .nan, 30 digits. nullopt:
// there were faults.
std::optional<std::string> json_object(const yaml_node& node, const std::string& path,
                                       fault_list& faults);

}  // namespace onboardd::reading
