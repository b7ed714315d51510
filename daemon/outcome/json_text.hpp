#pragma once

// JSON by appending, for outcome files and reports.

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/text.hpp"

namespace onboardd {

template <std::integral Number>
void append_number(std::string& out, Number value) {
    out += std::to_string(value);
}

// An empty string stands for "not known".
void append_string_or_null(std::string& out, std::string_view text);
void append_time_or_null(std::string& out, const std::optional<wall_time>& time);

// Appends `json`, which must be well formed, with two spaces for each level and `indent` before
// them. Every token stays byte for byte as it is (a number keeps all its digits), but what
// is_disruptive() is escaped.
void append_indented_json(std::string& out, std::string_view json, std::size_t indent);

}  // namespace onboardd
