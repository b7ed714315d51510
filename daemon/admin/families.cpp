#include "daemon/admin/families.hpp"

#include <limits>
#include <utility>

namespace onboardd::admin {

families& families::begin(std::string name, std::string help, prometheus::MetricType type) {
    auto& family = all_.emplace_back();
    family.name = std::move(name);
    family.help = std::move(help);
    family.type = type;
    return *this;
}

families& families::gauge(std::string name, std::string help) {
    return begin(std::move(name), std::move(help), prometheus::MetricType::Gauge);
}

families& families::counter_of(std::string name, std::string help) {
    return begin(std::move(name), std::move(help), prometheus::MetricType::Counter);
}

families& families::value(double now, labels of) {
    auto& family = all_.back();
    auto& added = family.metric.emplace_back();
    added.label = std::move(of);
    if (family.type == prometheus::MetricType::Counter) {
        added.counter.value = now;
    } else {
        added.gauge.value = now;
    }
    return *this;
}

// The parts are read one after the other while somebody may write: the sum may be ahead by what
// came in between, the count never differs from its buckets.
void families::histogram_of(std::string name, std::string help, const histogram& seen) {
    begin(std::move(name), std::move(help), prometheus::MetricType::Histogram);
    auto& made = all_.back().metric.emplace_back().histogram;
    const auto bounds = seen.bounds();
    for (std::size_t i = 0; i <= bounds.size(); ++i) {
        made.sample_count += seen.count(i);
        const double bound =
            i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
        made.bucket.push_back({.cumulative_count = made.sample_count, .upper_bound = bound});
    }
    made.sample_sum = seen.sum();
}

}  // namespace onboardd::admin
