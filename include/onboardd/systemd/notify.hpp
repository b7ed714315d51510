#pragma once

// What systemd wants to hear (sd_notify(3)). Quiet when not started by systemd.

#include <chrono>
#include <optional>
#include <string_view>

namespace onboardd {

class systemd_notifier {
public:
    void ready();
    void reloading();
    void stopping();
    void status(std::string_view sentence);
    void watchdog();

    // How often watchdog() must be called at the latest (WATCHDOG_USEC); nullopt: no watchdog.
    [[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval() const;
};

}  // namespace onboardd
