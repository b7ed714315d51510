// The drawn parts of the page: SVG with classes, since the page's policy allows no inline styles.

#include <algorithm>
#include <cstdio>

#include "daemon/admin/html.hpp"
#include "daemon/admin/page.hpp"

namespace onboardd::admin {
namespace {

constexpr double chart_width = 600;
constexpr double chart_height = 160;

// The states as people see them: in the order and colour of the bar.
struct kind {
    const char* name;
    const char* colour;
    std::vector<job_state> states;
};

const std::vector<kind>& kinds() {
    static const std::vector<kind> all = {
        {"created", "good", {job_state::created}},
        {"accepted", "wait", {job_state::accepted}},
        {"refused", "bad", {job_state::rejected, job_state::expired}},
        {"conflict", "bad", {job_state::conflict}},
        {"cancelled", "rest", {job_state::cancelled}},
        {"held", "doubt", {job_state::held}},
        {"unknown", "doubt", {job_state::unknown}},
        {"in flight", "wait", {job_state::submitting}},
        {"waiting", "track", {job_state::queued, job_state::deferred}},
    };
    return all;
}

std::uint64_t sum_of(const state_counts& counts, const std::vector<job_state>& states) {
    std::uint64_t sum = 0;
    for (const auto state : states) {
        sum += counts[static_cast<std::size_t>(state)];
    }
    return sum;
}

std::string number(double value) {
    char out[32];
    std::snprintf(out, sizeof out, "%.1f", value);
    return out;
}

std::string line_of(const std::vector<rate_history::point>& points, double top) {
    std::string out;
    const double step =
        chart_width / static_cast<double>(std::max<std::size_t>(1, points.size() - 1));
    for (std::size_t i = 0; i < points.size(); ++i) {
        out += number(static_cast<double>(i) * step) + ',' +
               number(chart_height * (1 - points[i].per_second / top)) + ' ';
    }
    return out;
}

// A round number that is not below `value`: where the chart ends.
double round_up(double value) {
    double unit = 0.1;
    while (unit * 10 < value) {
        unit *= 10;
    }
    for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
        if (unit * factor >= value) {
            return unit * factor;
        }
    }
    return unit * 10;
}

}  // namespace

std::string progress_bar(const state_counts& counts, const char* shape) {
    std::uint64_t all = 0;
    std::string label;
    for (const auto& each : kinds()) {
        const auto jobs = sum_of(counts, each.states);
        all += jobs;
        if (jobs != 0) {
            label += (label.empty() ? "" : ", ") + html::count(jobs) + ' ' + each.name;
        }
    }
    std::string out = R"(<svg class=")" + std::string(shape) +
                      R"(" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" )"
                      R"(aria-label=")" +
                      (label.empty() ? "no jobs" : label) + R"(">)";
    double from = 0;
    for (const auto& each : kinds()) {
        const double width = all == 0 ? 0
                                      : 1000 * static_cast<double>(sum_of(counts, each.states)) /
                                            static_cast<double>(all);
        if (width > 0) {
            out += R"(<rect class="f-)" + std::string(each.colour) + R"(" x=")" + number(from) +
                   R"(" width=")" + number(width) + R"(" y="0" height="10"/>)";
        }
        from += width;
    }
    return out + "</svg>";
}

std::string legend(const state_counts& counts) {
    std::string out = R"(<ul class="legend">)";
    for (const auto& each : kinds()) {
        if (const auto jobs = sum_of(counts, each.states); jobs != 0) {
            out += R"(<li class="d-)" + std::string(each.colour) + R"("><b>)" + html::count(jobs) +
                   "</b> " + each.name + "</li>";
        }
    }
    return out + "</ul>";
}

std::string rate_chart(const rate_history& rate, wall_time now) {
    const auto& points = rate.points();
    if (points.size() < 2) {
        return R"(<p class="soft">The chart begins a few seconds after the start.</p>)";
    }
    double highest = 0;
    for (const auto& one : points) {
        highest = std::max(highest, one.per_second);
    }
    const double top = round_up(highest);
    const auto line = line_of(points, top);
    const auto since = std::chrono::floor<std::chrono::seconds>(now - points.front().at);
    return R"(<svg class="chart" viewBox="0 0 600 160" preserveAspectRatio="none" role="img" )"
           R"(aria-label="Jobs ended per second over the last )" +
           html::duration(since) + ": " + html::rate(rate.recent_per_second()) + " now, at most " +
           html::rate(highest) +
           R"("><path class="s-grid" d="M0 0H600M0 80H600M0 160H600"/>)"
           R"(<polygon class="f-area" points="0,160 )" +
           line + R"(600,160"/><polyline class="s-line" points=")" + line +
           R"("/></svg><p class="axis"><span>)" + html::time(points.front().at, now) +
           "</span><span>full height: " + html::rate(top) +
           " per second</span><span>now</span></p>";
}

}  // namespace onboardd::admin
