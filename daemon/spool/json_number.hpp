#pragma once

// Numbers as texts: which of them survive a reader that keeps doubles, and one text for each value.
// Pure.

#include <string_view>

namespace onboardd::spooling {

// A number, written the shortest way that reads back as the same double. One value has one text.
std::string_view shortest_number(double value, char (&buffer)[32]);

// Whether a program that keeps numbers as doubles would write the same number again. `value` is the
// nearest double, 0 if there is none.
bool survives(std::string_view text, double& value);

}  // namespace onboardd::spooling
