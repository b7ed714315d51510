#include "onboardd/admin/rate_history.hpp"

namespace onboardd::admin {
namespace {

double seconds(steady_time::duration time) {
    return std::chrono::duration<double>(time).count();
}

}  // namespace

void rate_history::sample(steady_time now, wall_time wall, std::uint64_t ended) {
    if (recent_.empty()) {
        began_ = {now, ended};
        began_wall_ = wall;
    }
    recent_.push_back({now, ended});
    while (now - recent_.front().at > recent_max) {
        recent_.pop_front();
    }
    if (now - began_.at < step_) {
        return;
    }
    const auto more = static_cast<double>(ended - began_.ended);
    points_.push_back({began_wall_, more / seconds(now - began_.at)});
    began_ = {now, ended};
    began_wall_ = wall;
    if (points_.size() >= points_max) {
        halve();
    }
}

void rate_history::halve() {
    for (std::size_t i = 0; i < points_.size() / 2; ++i) {
        const auto& first = points_[2 * i];
        const auto& second = points_[2 * i + 1];
        points_[i] = {first.at, (first.per_second + second.per_second) / 2};
    }
    points_.resize(points_.size() / 2);
    step_ *= 2;
}

double rate_history::recent_per_second() const noexcept {
    if (recent_.size() < 2) {
        return 0;
    }
    const auto& first = recent_.front();
    const auto& last = recent_.back();
    return static_cast<double>(last.ended - first.ended) / seconds(last.at - first.at);
}

}  // namespace onboardd::admin
