#include "daemon/app/usage_fault.hpp"

#include <CLI/CLI.hpp>
#include <cctype>
#include <iostream>
#include <string_view>
#include <utility>

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

}  // namespace

int tell_why_parsing_ended(const CLI::App& program, const CLI::ParseError& error, int fault_code) {
    if (error.get_exit_code() == 0) {
        return program.exit(error);
    }
    std::cerr << usage_fault(program, error) << '\n';
    return fault_code;
}

std::function<std::string(const std::string&)> between(double least, double most,
                                                       std::string allowed) {
    return [range = CLI::Range(least, most), allowed = std::move(allowed)](
               const std::string& text) { return range(text).empty() ? std::string() : allowed; };
}

}  // namespace onboardd
