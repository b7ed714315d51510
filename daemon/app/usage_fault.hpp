#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace onboardd {

// Help for a terminal of 80 columns. Before commands are added to it: they take it over.
void keep_help_narrow(CLI::App& program);

// Tells why the command line was not read to its end, and returns the exit code. --help and
// --version: on standard output, 0, or 1 where that cannot be written. Else `fault_code`, and on
// standard error one line that says what is wrong and where to read on.
int tell_why_parsing_ended(const CLI::App& program, const CLI::ParseError& error, int fault_code);

// A check of CLI11 that says in our words what is allowed.
std::function<std::string(const std::string&)> between(double least, double most,
                                                       std::string allowed);

}  // namespace onboardd
