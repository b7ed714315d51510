#include "daemon/app/usage_fault.hpp"

#include <CLI/CLI.hpp>
#include <cctype>
#include <string_view>

#include "onboardd/base/log.hpp"

namespace onboardd {
namespace {

// CLI11's own words, to stand behind a colon.
std::string within_a_line(std::string text) {
    if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0) {
        text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    }
    return text;
}

// The command as far as it was understood, for example "onboardctl config".
const CLI::App& innermost(const CLI::App& program, std::string& name) {
    const auto* command = &program;
    name = program.get_name();
    for (auto chosen = command->get_subcommands(); !chosen.empty();
         chosen = command->get_subcommands()) {
        command = chosen.front();
        name += ' ' + command->get_name();
    }
    return *command;
}

}  // namespace

std::string usage_fault(const CLI::App& program, const CLI::ParseError& error) {
    std::string name;
    const auto& command = innermost(program, name);
    std::string what = within_a_line(error.what());
    if (command.get_require_subcommand_min() > 0 && error.get_name() == "RequiredError") {
        const auto unknown = program.remaining(true);
        what = unknown.empty() ? "a command is needed" : "there is no command " + unknown.front();
    }
    return program.get_name() + ": " + printable(what, std::string_view::npos) + "; see " + name +
           " --help";
}

}  // namespace onboardd
