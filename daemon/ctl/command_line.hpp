#pragma once

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "daemon/ctl/change.hpp"
#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/status.hpp"

namespace onboardd::ctl {

enum class command : std::uint8_t {
    config_check,
    check,
    submit,
    import,
    status,
    watch,
    list,
    show,
    explain,
    report,
    change,
    pause,
    resume,
    fsck,
    audit,
};

struct command_line {
    std::filesystem::path config_file = "/etc/onboardd/onboardd.yaml";
    bool json = false;
    command what = command::list;
    list_options list;
    submit_options submit;
    import_options import;
    std::vector<std::filesystem::path> files;
    std::vector<std::string> accounts;
    std::string subject;                  // of show, report, pause and resume
    std::vector<std::string> references;  // of explain
    watch_options watch;
    change_options change;
    fsck_options fsck;
};

// The options, or the exit status after --help, --version or a usage error, for which the text has
// been printed.
std::variant<command_line, int> parse_command_line(int argc, const char* const* argv);

}  // namespace onboardd::ctl
