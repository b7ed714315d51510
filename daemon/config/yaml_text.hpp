#pragma once

// What can be said about the bytes before any YAML parser sees them.

#include <cstddef>
#include <string_view>

#include "daemon/config/fault.hpp"

namespace onboardd::reading {

// Positions of bytes. Going on from the last answer makes asking for every value of a file linear
// in its size, even where it is one long line.
class position_finder {
public:
    explicit position_finder(std::string_view text) : text_(text) {}

    mark at(std::size_t offset);

private:
    std::string_view text_;
    std::size_t offset_ = 0;
    mark last_{1, 1};
};

// Checks size, UTF-8, control bytes, line ends, indentation and directives. False: do not parse
// this.
//
// yaml-cpp takes the byte 0x04 for the end of the file, guesses UTF-16 from NULs, ignores
// directives it does not know and accepts tabs as indentation within flow collections and quotes;
// with this check none of that can happen.
bool check_text(std::string_view text, fault_list& faults);

}  // namespace onboardd::reading
