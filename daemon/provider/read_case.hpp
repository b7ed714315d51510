#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>

#include "onboardd/provider/cdd_case.hpp"

namespace onboardd {

// The typed case of a parsed JSON value; see parse_case().
std::optional<cdd_case> read_case(const boost::json::value& json);

}  // namespace onboardd
