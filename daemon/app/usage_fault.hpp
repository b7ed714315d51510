#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace onboardd {

// What is wrong with a command line, and where to read on: one line without its end.
std::string usage_fault(const CLI::App& program, const CLI::ParseError& error);

}  // namespace onboardd
