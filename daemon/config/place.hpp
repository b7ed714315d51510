#pragma once

// Rules for scalars with a form of their own: account ids, addresses and time windows.

#include <string>

#include "daemon/config/rules.hpp"

namespace onboardd::reading {

// ^[PT]\d{8}$
reading_of<std::string> read_account_id(const yaml_node& node);

// Text without a colon, which ends it in HTTP Basic (RFC 7617).
reading_of<std::string> read_client_id(const yaml_node& node);

// https only; gives it without a slash at the end. Never repeats the value: somebody may have put a
// password there.
reading_of<std::string> read_base_url(const yaml_node& node);

// sqlite:// and an absolute path.
reading_of<std::string> read_ledger_url(const yaml_node& node);

// HOST:PORT of this machine itself: what is served there asks nobody who they are.
reading_of<std::string> read_http_address(const yaml_node& node);

// HH:MM-HH:MM Zone
reading_of<time_window> read_window(const yaml_node& node);

}  // namespace onboardd::reading
