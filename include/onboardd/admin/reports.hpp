#pragma once

// The run reports on disk, to be looked at from outside: only files of the reports directory itself
// whose names the daemon could have given them; nothing is followed.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/base/clock.hpp"

namespace onboardd::admin {

struct report_file {
    std::string name;  // without .json or .txt
    wall_time written_at{};
};

// Whether a report's file may have this name: of A-Z a-z 0-9 . _ - %, no dot first, .json or .txt.
bool is_report_file(std::string_view name);

// The newest first, at most `count_max`. Blocking; what cannot be read counts as empty.
std::vector<report_file> list_reports(const std::filesystem::path& directory,
                                      std::size_t count_max);

// nullopt: there is no such report. Blocking.
std::optional<std::string> read_report(const std::filesystem::path& directory,
                                       const std::string& name);

}  // namespace onboardd::admin
