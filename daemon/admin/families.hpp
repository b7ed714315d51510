#pragma once

// Builds metric families for Prometheus's serializer, a line for each.

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "onboardd/base/measures.hpp"

namespace onboardd::admin {

using labels = std::vector<prometheus::ClientMetric::Label>;

class families {
public:
    // Values that are added until the next family begins belong to this one.
    families& gauge(std::string name, std::string help);
    families& counter_of(std::string name, std::string help);
    families& value(double now, labels of = {});

    void histogram_of(std::string name, std::string help, const histogram& seen);

    [[nodiscard]] const std::vector<prometheus::MetricFamily>& all() const noexcept { return all_; }

private:
    families& begin(std::string name, std::string help, prometheus::MetricType type);

    std::vector<prometheus::MetricFamily> all_;
};

}  // namespace onboardd::admin
