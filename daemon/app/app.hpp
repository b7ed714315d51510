#pragma once

#include <functional>
#include <optional>

#include "daemon/app/command_line.hpp"
#include "onboardd/config/config.hpp"

namespace onboardd {

// Builds every part from `settings` in dependency order and works until SIGTERM or SIGINT, the end
// of the drain, or a failure; returns the exit code. On SIGHUP `reread` loads the configuration
// again (nullopt: it is bad, the faults have been told); a good one is taken by ending the run and
// building every part anew. Throws config_error and already_owned if the parts cannot be built at
// the start, and std::exception when the run fails.
int run_daemon(config settings, const command_line& options,
               const std::function<std::optional<config>()>& reread);

}  // namespace onboardd
