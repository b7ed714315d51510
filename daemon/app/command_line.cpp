#include "daemon/app/command_line.hpp"

#include <CLI/CLI.hpp>

#include "daemon/app/usage_fault.hpp"

namespace onboardd {
namespace {

constexpr const char* exit_codes_text =
    "Exit codes: 0 done, and in a drain every job is created; 1 unexpected failure; 2 usage; 3 a "
    "drain ended with some job rejected, expired, in conflict, cancelled or held, or some file "
    "refused; 4 a drain gave up with jobs still open; 75 another onboardd owns this spool or "
    "ledger; 78 bad configuration.";

}  // namespace

std::variant<command_line, int> parse_command_line(int argc, const char* const* argv) {
    command_line options;
    double patience_seconds = std::chrono::duration<double>(options.patience).count();
    CLI::App program(
        "Onboards sellers with the payment provider: takes job files from a spool directory, "
        "submits "
        "each once, and writes what came of it.",
        "onboardd");
    keep_help_narrow(program);
    program.set_version_flag("--version", "onboardd " ONBOARDD_VERSION);
    program.add_option("--config", options.config_file, "the configuration")
        ->type_name("FILE")
        ->capture_default_str();
    auto* check = program.add_flag("--check-config", options.check_config,
                                   "check the configuration, print every fault, and exit");
    auto* drain = program.add_flag(
        "--drain", options.drain,
        "take what is in the spool, bring every job to a final state, print the run "
        "report, and exit");
    drain->excludes(check);
    program
        .add_option("--patience", patience_seconds,
                    "a drain gives up when nothing has moved for this long")
        ->transform(
            CLI::AsNumberWithUnit(
                std::map<std::string, double>{{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}},
                CLI::AsNumberWithUnit::UNIT_REQUIRED, "DURATION")
                .description(""))
        ->check(between(0.001, 7.0 * 24 * 3600, "allowed is 1ms to 168h"))
        ->type_name("DURATION")
        ->default_str("10m")
        ->needs(drain);
    program.footer(exit_codes_text);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return tell_why_parsing_ended(program, error, exit_usage);
    }
    options.patience =
        std::chrono::milliseconds(static_cast<std::int64_t>(patience_seconds * 1000));
    return options;
}

}  // namespace onboardd
