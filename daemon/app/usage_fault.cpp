#include "daemon/app/usage_fault.hpp"

#include <CLI/CLI.hpp>
#include <cctype>
#include <iostream>
#include <memory>
#include <sstream>
#include <string_view>
#include <utility>

#include "onboardd/base/log.hpp"
#include "onboardd/base/text.hpp"

namespace onboardd {
namespace {

// CLI11 leaves it to the terminal where a line ends.
class narrow_help final : public CLI::Formatter {
    static constexpr std::size_t columns = 79;

    static std::string narrowed(const std::string& text, std::size_t width) {
        std::string all;
        std::istringstream paragraphs(text);
        for (std::string paragraph; std::getline(paragraphs, paragraph);) {
            for (const auto& line : wrapped(paragraph, width)) {
                all += (all.empty() ? "" : "\n") + line;
            }
        }
        return all;
    }

    [[nodiscard]] std::size_t beside() const { return columns - get_column_width(); }

    std::string make_description(const CLI::App* app) const override {
        return narrowed(app->get_description(), columns) + '\n';
    }
    std::string make_footer(const CLI::App* app) const override {
        const auto text = app->get_footer();
        return text.empty() ? text : narrowed(text, columns) + '\n';
    }
    std::string make_option_desc(const CLI::Option* option) const override {
        return narrowed(option->get_description(), beside());
    }
    std::string make_subcommand(const CLI::App* command) const override {
        std::stringstream out;
        CLI::detail::format_help(out, command->get_display_name(true),
                                 narrowed(command->get_description(), beside()),
                                 get_column_width());
        return out.str();
    }
};

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
    if (error.get_name() == "ArgumentMismatch" &&
        what.find("At Most 1 required") != std::string::npos) {
        what.replace(what.find(':'), std::string::npos, " is given more than once");
    }
    if (command.get_require_subcommand_min() > 0 && error.get_name() == "RequiredError") {
        const auto unknown = program.remaining(true);
        what = unknown.empty() ? "a command is needed" : "there is no command " + unknown.front();
    }
    return program.get_name() + ": " + printable(what, std::string_view::npos) + "; see " + name +
           " --help";
}

}  // namespace

void keep_help_narrow(CLI::App& program) {
    program.formatter(std::make_shared<narrow_help>());
}

int tell_why_parsing_ended(const CLI::App& program, const CLI::ParseError& error, int fault_code) {
    if (error.get_exit_code() == 0) {
        program.exit(error);
        if (std::cout.flush()) {
            return 0;
        }
        std::cerr << program.get_name() << ": standard output cannot be written\n";
        return 1;
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
