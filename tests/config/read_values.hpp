#pragma once

// Short ways to a configuration or to its faults.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "onboardd/config/load_config.hpp"

namespace onboardd::test {

// The least that a configuration needs. It ends in the middle of its account, so that a test can go
// on with keys of it.
inline constexpr std::string_view one_account =
    "accounts:\n"
    "- id: T12345678\n"
    "  client_id: me\n"
    "  client_secret_file: /secret\n";

// As operators see them: LINE:COLUMN: key: message.
std::vector<std::string> faults_of(std::string_view yaml, const environment& surroundings = {});

// The configuration; a failure of the test where it has faults.
config config_of(std::string_view yaml, const environment& surroundings = {});

// A text with a name that GoogleTest accepts, and what it leads to.
struct fault_case {
    std::string name;
    std::string yaml;
    std::vector<std::string> faults;
};

std::string name_of(const testing::TestParamInfo<fault_case>& info);

// What GoogleTest prints when such a case fails.
void PrintTo(const fault_case& value, std::ostream* out);

}  // namespace onboardd::test
