#include "onboardd/base/steadied_wall.hpp"

namespace onboardd {

wall_time steadied_wall::look(wall_time machine, boot_time boot) noexcept {
    const auto expected = wall_ + std::chrono::floor<milliseconds>(boot - boot_);
    const auto ahead = machine - expected;
    const auto is_near = [](milliseconds difference) {
        return difference <= tolerance && -difference <= tolerance;
    };
    if (is_near(ahead)) {
        jump_ = milliseconds(0);
    } else if (jump_ == milliseconds(0) || !is_near(ahead - jump_)) {
        jump_ = ahead;
        jumped_at_ = boot;
        return expected;
    } else if (boot - jumped_at_ < believed_after) {
        return expected;
    } else {
        jump_ = milliseconds(0);
        trusted_since_ = machine;
    }
    wall_ = machine;
    boot_ = boot;
    return machine;
}

}  // namespace onboardd
