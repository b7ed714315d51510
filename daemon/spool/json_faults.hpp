#pragma once

// Faults and where they are.

#include <boost/json/error.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/spool/job_file.hpp"

namespace onboardd::spooling {

inline constexpr std::size_t faults_max = 20;

// Adds a fault unless there are faults_max already.
void add_fault(std::vector<job_fault>& faults, job_fault fault);

// `pointer` with one more reference token, escaped as RFC 6901 says. Very long ones are cut: reason
// files stay small.
std::string pointer_to(std::string_view pointer, std::string_view token);

// A fault at a byte of a text that is not JSON, told by line and column.
job_fault syntax_fault(std::string_view text, std::size_t offset, std::string_view message,
                       std::string_view allowed);

// The parser stopped at `offset` with `failure`.
job_fault parse_fault(std::string_view text, std::size_t offset,
                      const boost::json::error_code& failure);

}  // namespace onboardd::spooling
