#pragma once

// What a schema cannot say. Plain functions of text.

#include <boost/json/value.hpp>
#include <string_view>
#include <vector>

#include "onboardd/config/config.hpp"
#include "onboardd/spool/job_file.hpp"

namespace onboardd::spooling {

bool is_country(std::string_view code) noexcept;   // ISO 3166-1 alpha-2, capital letters
bool is_currency(std::string_view code) noexcept;  // ISO 4217, capital letters

// Nine digits, the last one the check digit (modulus 11).
bool is_norwegian_organization_number(std::string_view text) noexcept;

// An absolute https URL with a host, without user information.
bool is_https_url(std::string_view text);

// ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$
bool is_reference(std::string_view text) noexcept;

// Adds the faults of the merged `case`; values of the wrong type are the schema's business and
// passed over.
void check_case(const boost::json::value& merged, const checks_config& checks,
                std::vector<job_fault>& faults);

}  // namespace onboardd::spooling
