#pragma once

#include <chrono>
#include <filesystem>
#include <variant>

namespace onboardd {

struct command_line {
    std::filesystem::path config_file = "/etc/onboardd/onboardd.yaml";
    bool check_config = false;
    bool drain = false;
    std::chrono::milliseconds patience =
        std::chrono::minutes(10);  // a drain gives up when nothing moved for this long
};

// Exit codes of the contract.
enum exit_code : int {
    exit_done = 0,
    exit_failed = 1,
    exit_usage = 2,
    exit_some_not_created = 3,
    exit_jobs_open = 4,
    exit_already_owned = 75,
    exit_bad_config = 78,
};

// The options, or the exit code after --help, --version or a usage error, for which the text has
// been printed.
std::variant<command_line, int> parse_command_line(int argc, const char* const* argv);

}  // namespace onboardd
