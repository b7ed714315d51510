#pragma once

// Where the parts of the reader put what they find wrong.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/config/load_config.hpp"

namespace onboardd::reading {

// A hostile file could hold tens of thousands of faults; nobody reads past the first screens.
inline constexpr std::size_t faults_max = 100;

// Counted from 1, columns in characters; line 0: no position.
struct mark {
    int line = 0;
    int column = 0;
};

class fault_list {
public:
    void add(mark where, std::string key, std::string message);

    [[nodiscard]] bool empty() const { return found_.empty(); }

    // From here on faults are only counted.
    [[nodiscard]] bool full() const;

    // All of them in the order of the file, at most faults_max and a last one that counts the rest.
    [[nodiscard]] std::vector<config_fault> in_order(std::string_view file_name) &&;

private:
    std::vector<config_fault> found_;
    std::size_t dropped_ = 0;
};

// Text from the file as it may appear in a fault: in quotes, control bytes escaped, cut when long.
std::string shown(std::string_view text);

// As shown(), but a word that needs no quotes gets none. For the parts of a key's path.
std::string shown_key(std::string_view key);

}  // namespace onboardd::reading
