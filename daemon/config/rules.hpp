#pragma once

// One rule for each kind of scalar: reads it, or says what is wrong and what is allowed. Rules
// never repeat a value that could be a secret put in the wrong place.

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/config/yaml_tree.hpp"
#include "onboardd/config/config.hpp"

namespace onboardd::reading {

template <class T>
struct reading_of {
    std::optional<T> value;
    std::string wrong;  // where there is no value: a sentence with what is allowed

    static reading_of good(T read) { return {std::move(read), {}}; }
    static reading_of bad(std::string sentence) { return {std::nullopt, std::move(sentence)}; }
};

struct duration_rule {
    milliseconds min;
    milliseconds max;
    reading_of<milliseconds> operator()(const yaml_node& node) const;
};

struct size_rule {
    std::uint64_t min;
    std::uint64_t max;
    reading_of<std::uint64_t> operator()(const yaml_node& node) const;
};

struct count_rule {
    std::uint32_t min;
    std::uint32_t max;
    reading_of<std::uint32_t> operator()(const yaml_node& node) const;
};

struct rate_rule {
    double min;
    double max;
    reading_of<double> operator()(const yaml_node& node) const;
};

struct boolean_rule {
    reading_of<bool> operator()(const yaml_node& node) const;
};

// Text of one line without variables.
struct text_rule {
    std::size_t bytes_max;
    reading_of<std::string> operator()(const yaml_node& node) const;
};

// An absolute path without variables.
struct path_rule {
    std::size_t bytes_max;
    reading_of<std::filesystem::path> operator()(const yaml_node& node) const;
};

// An absolute path, perhaps below ${CREDENTIALS_DIRECTORY}.
struct file_rule {
    const environment& surroundings;
    reading_of<std::filesystem::path> operator()(const yaml_node& node) const;
};

template <class Enum, std::size_t Count>
struct choice_rule {
    std::array<std::pair<std::string_view, Enum>, Count> choices;

    reading_of<Enum> operator()(const yaml_node& node) const {
        std::string allowed;
        for (const auto& [name, value] : choices) {
            if (node.text == name)
                return reading_of<Enum>::good(value);
            allowed += (allowed.empty() ? "" : ", ") + std::string(name);
        }
        return reading_of<Enum>::bad(shown(node.text) + " is not one of them; allowed: " + allowed);
    }
};

// Why `text` cannot be taken as one line of text, or an empty string.
std::string wrong_with_text(std::string_view text, std::size_t bytes_max);

}  // namespace onboardd::reading
