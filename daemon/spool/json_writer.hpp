#pragma once

// Two ways to write JSON: the request, as near to the producer's bytes as its merge with the
// defaults allows, and the canonical form, which is the same for all texts that mean the same.

#include <boost/json/value.hpp>
#include <span>
#include <string>
#include <string_view>

namespace onboardd::spooling {

// Appends `job` with `defaults` merged under it: the job wins, objects merge member by member, the
// job's members come first. `numbers` are the texts of the numbers of `job` in the order of the
// document: they are written as they were.
void write_merged(std::string& out, const boost::json::value& job,
                  const boost::json::value& defaults, std::span<const std::string_view> numbers);

// The same merge on the value itself.
void merge_under(boost::json::value& job, const boost::json::value& defaults);

// Appends the canonical form: members sorted by the bytes of their names, no white space, numbers
// in one form.
void write_canonical(std::string& out, const boost::json::value& value);

// How many numbers are in `value`.
std::size_t count_numbers(const boost::json::value& value);

}  // namespace onboardd::spooling
