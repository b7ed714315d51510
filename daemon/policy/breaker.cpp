#include "onboardd/policy/breaker.hpp"

#include <algorithm>

namespace onboardd {

bool breaker::try_pass(steady_time now) {
    if (closed()) {
        return true;
    }
    if (probing_ || now < until_) {
        return false;
    }
    probing_ = true;
    return true;
}

steady_time breaker::opens_at() const noexcept {
    if (closed()) {
        return steady_time::min();
    }
    return probing_ ? steady_time::max() : until_;
}

void breaker::succeeded() noexcept {
    failures_ = 0;
    pause_ = milliseconds(0);
    probing_ = false;
}

void breaker::failed(steady_time now, random_source& random) {
    ++failures_;
    if (closed() && failures_ < options_.failures_max) {
        return;
    }
    if (closed()) {
        pause_ = options_.pause_min;
    } else if (probing_) {  // answers to requests from before it opened do not lengthen the pause
        pause_ = std::min(pause_ * 2, options_.pause_max);
    } else {
        return;
    }
    probing_ = false;
    until_ = now + jitter(pause_, 0.2, random);
}

}  // namespace onboardd
