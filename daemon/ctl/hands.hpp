#pragma once

// Changing something: through the daemon while it runs, else in its ledger.

#include <memory>
#include <string>

#include "onboardd/admin/control.hpp"
#include "onboardd/config/config.hpp"

namespace onboardd::ctl {

class hands {
public:
    virtual ~hands() = default;

    // One portion. Throws std::runtime_error with a sentence for the operator if it was not done,
    // or if whether it was done is not known.
    virtual admin::operated_view operate(const admin::operating_order& order) = 0;
    virtual pause_change set_pause(const admin::pause_order& order) = 0;

    // Outcomes wait for the next start of the daemon.
    [[nodiscard]] virtual bool without_daemon() const = 0;
};

// Throws not_allowed if this user may neither speak with the daemon nor, while none runs, use its
// ledger; already_owned if a daemon runs that does not listen at the control socket;
// config_error if the ledger cannot be used.
std::unique_ptr<hands> open_hands(const config& settings);

}  // namespace onboardd::ctl
