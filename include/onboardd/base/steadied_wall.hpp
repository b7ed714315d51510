#pragma once

// A wall clock that does not jump because somebody set the machine's. It runs with the boot clock;
// small corrections are followed at once, a jump only when it has lasted for a while. Otherwise a
// wrong hour, taken back a minute later, would expire jobs or make an answer look long settled.

#include <optional>

#include "onboardd/base/clock.hpp"

namespace onboardd {

class steadied_wall {
public:
    // What the machine's clock may differ by, at once, without being a jump.
    static constexpr milliseconds tolerance{2'000};
    // A jump is believed when it has lasted for so long.
    static constexpr milliseconds believed_after = std::chrono::minutes(15);

    steadied_wall(wall_time machine, boot_time boot) noexcept
        : wall_(machine), boot_(boot), trusted_since_(machine) {}

    // The time now, given what both clocks of the machine say. To be called at least every few
    // minutes.
    wall_time look(wall_time machine, boot_time boot) noexcept;

    // How far the machine's clock is ahead, while that is not believed; else 0.
    [[nodiscard]] milliseconds jump() const noexcept { return jump_; }

    // Since then look() has counted true seconds: no jump was taken over.
    [[nodiscard]] wall_time trusted_since() const noexcept { return trusted_since_; }

private:
    wall_time wall_;  // at boot_
    boot_time boot_;
    wall_time trusted_since_;
    milliseconds jump_{0};
    boot_time jumped_at_{};
};

}  // namespace onboardd
