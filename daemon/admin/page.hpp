#pragma once

// The status page: rendered here, whole, so that it is complete without a script. Its frame, style
// and script are files in daemon/admin/page/, embedded by CMake. Everything that comes from outside
// is escaped in one place, html::text().

#include <string>
#include <string_view>

#include "onboardd/admin/overview.hpp"

namespace onboardd::admin {

extern const std::string_view page_frame;  // HTML with {{style}}, {{body}} and {{script}}
extern const std::string_view page_style;
extern const std::string_view page_script;

// What the page may load and do: its own style and script by their hashes, itself again, nothing
// else.
const std::string& page_policy();

std::string render_page(const overview& now);

// The parts of the page, for page.cpp alone.
std::string rate_chart(const rate_history& rate, wall_time now);
std::string progress_bar(const state_counts& counts, const char* shape);
std::string legend(const state_counts& counts);

}  // namespace onboardd::admin
