#include "onboardd/systemd/notify.hpp"

#include <systemd/sd-daemon.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "onboardd/base/log.hpp"

namespace onboardd {
namespace {

// sd_notify() keeps NOTIFY_SOCKET for the next call (first argument 0) and says nothing where it is
// not set. Its result is of no use: nobody to tell is no fault of the daemon, and the manager
// notices silence by itself.
void tell(const std::string& lines) {
    ::sd_notify(0, lines.c_str());
}

}  // namespace

void systemd_notifier::ready() {
    tell("READY=1");
}

// systemd 253 and later want the time with RELOADING=1 under Type=notify-reload; 252 ignores it.
void systemd_notifier::reloading() {
    using std::chrono::microseconds;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();  // CLOCK_MONOTONIC
    const auto time = std::chrono::duration_cast<microseconds>(now).count();
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(time));
}

void systemd_notifier::stopping() {
    tell("STOPPING=1");
}

// A line end in the sentence would begin another assignment, so it goes through printable().
void systemd_notifier::status(std::string_view sentence) {
    tell("STATUS=" + printable(sentence, 1024));
}

void systemd_notifier::watchdog() {
    tell("WATCHDOG=1");
}

// Half the time that systemd allows, as sd_watchdog_enabled(3) advises: one late beat is not the
// end.
std::optional<std::chrono::microseconds> systemd_notifier::watchdog_interval() const {
    std::uint64_t allowed = 0;
    if (::sd_watchdog_enabled(0, &allowed) <= 0) {
        return std::nullopt;
    }
    return std::chrono::microseconds(allowed / 2);
}

}  // namespace onboardd
