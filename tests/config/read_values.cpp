#include "read_values.hpp"

#include <ostream>

namespace onboardd::test {

std::vector<std::string> faults_of(std::string_view yaml, const environment& surroundings) {
    auto read = parse_config(yaml, "f", surroundings);
    std::vector<std::string> out;
    if (read.has_error()) {
        for (const auto& fault : read.error())
            out.push_back(fault.to_string().substr(2));
    }
    return out;
}

config config_of(std::string_view yaml, const environment& surroundings) {
    auto read = parse_config(yaml, "f", surroundings);
    if (read.has_value())
        return *read;
    for (const auto& fault : read.error())
        ADD_FAILURE() << fault.to_string();
    return {};
}

std::string name_of(const testing::TestParamInfo<fault_case>& info) {
    return info.param.name;
}

void PrintTo(const fault_case& value, std::ostream* out) {
    *out << value.yaml;
}

}  // namespace onboardd::test
