#include "simulate/scenario.hpp"

#include <cmath>

namespace onboardd::simulate {
namespace {

class dice {
public:
    explicit dice(std::uint64_t seed) : random_(seed) {}

    int number(int least, int most) {
        return least + static_cast<int>(random_() % static_cast<std::uint64_t>(most - least + 1));
    }
    double real() { return static_cast<double>(random_() >> 11U) * 0x1p-53; }
    bool chance(double share) { return real() < share; }

    // Spread evenly over the magnitudes.
    milliseconds time(milliseconds least, milliseconds most) {
        const auto low = std::log(static_cast<double>(least.count()));
        const auto high = std::log(static_cast<double>(most.count()));
        return milliseconds(static_cast<std::int64_t>(std::exp(low + (high - low) * real())));
    }

private:
    random_source random_;
};

void draw_rules(scenario& plan, dice& roll) {
    auto& rules = plan.rules;
    rules.retry_schedule = {1s, 5s, 30s, 2min, 10min};
    rules.settle = roll.time(20s, 10min);
    rules.watch_for = rules.settle * 8;
    rules.resend_max = static_cast<std::uint32_t>(roll.number(0, 3));
    rules.max_age = roll.chance(0.2) ? roll.time(10min, 1h) : milliseconds(3 * 24h);
    rules.accepted_for = roll.time(1min, 1h);
    if (roll.chance(0.1)) {
        rules.follow_interval = roll.time(10min, 1h);
    }
}

void draw_provider(scenario& plan, dice& roll) {
    // Each run has its own mixture: few kinds of faults in some, all in others.
    const double trouble = roll.chance(0.15) ? 0.0 : roll.real();
    for (std::size_t i = 2; i < fates; ++i) {
        plan.weights[i] = roll.chance(0.5) ? trouble * roll.real() * 0.5 : 0.0;
    }
    plan.weights[static_cast<std::size_t>(fate::good)] = 1.0;
    plan.weights[static_cast<std::size_t>(fate::good_without_link)] = roll.chance(0.3) ? 0.5 : 0.0;
    plan.not_sent = roll.chance(0.4) ? 0.1 * roll.real() : 0.0;
    plan.no_connection = roll.chance(0.4) ? 0.1 * roll.real() : 0.0;
    plan.list_fault = roll.chance(0.4) ? 0.4 * roll.real() : 0.0;
    plan.token_fault = roll.chance(0.3) ? 0.5 * roll.real() : 0.0;
    plan.pages = static_cast<paging>(roll.number(0, 2));
    plan.sorted = static_cast<order>(roll.number(0, 2));
    plan.list_as_object = roll.chance(0.3);
    plan.echoes_references = !roll.chance(0.05);
    plan.reads_one = !roll.chance(0.3);
    plan.link_delay_max = roll.time(1s, 30min);
    plan.late_max = roll.time(1s, 20 * plan.rules.settle);
    plan.latency_max = roll.time(10ms, 2s);
    // The rule is that `settle` is longer than the list's lag. It is broken in a few runs.
    plan.list_lag_max = roll.chance(0.5)
                            ? milliseconds(0)
                            : roll.time(1s, plan.rules.settle * (roll.chance(0.1) ? 3 : 1));
    plan.outages = roll.chance(0.3) ? roll.number(1, 2) : 0;
    plan.revocations = roll.chance(0.3) ? roll.number(1, 5) : 0;
    plan.refusals = roll.chance(0.2) ? roll.number(1, 2) : 0;
}

void draw_machine(scenario& plan, dice& roll) {
    plan.crashes = roll.chance(0.7) ? roll.number(1, 6) : 0;
    plan.stops = roll.chance(0.4) ? roll.number(1, 2) : 0;
    plan.wall_jumps = roll.chance(0.15) ? roll.number(1, 3) : 0;
    plan.commit_failure = roll.chance(0.2) ? 0.02 * roll.real() : 0.0;
    plan.outcome_failure = roll.chance(0.2) ? 0.3 * roll.real() : 0.0;
    plan.spool_failure = roll.chance(0.2) ? 0.3 * roll.real() : 0.0;
    plan.full_disks = roll.chance(0.2) ? roll.number(1, 2) : 0;
    plan.commit_time_max = roll.time(1ms, 500ms);
}

// In every third seed, from dice of its own: the others stay what they were.
void draw_operator(scenario& plan) {
    dice roll(plan.seed * 0xd1342543de82ef95U + 7);
    plan.operator_acts = plan.seed % 3 == 1 ? roll.number(1, 60) : 0;
}

}  // namespace

mistake planted_now = mistake::none;

scenario draw_scenario(std::uint64_t seed) {
    dice roll(seed * 0x9e3779b97f4a7c15U + 1);
    scenario plan;
    plan.seed = seed;
    plan.accounts = roll.number(1, 2);
    plan.jobs = roll.number(1, 24);
    plan.drop_time = roll.time(1s, 20min);
    plan.chaos = plan.drop_time + roll.time(1min, 1h);
    plan.in_flight_max = static_cast<std::uint32_t>(roll.number(1, 8));
    if (roll.chance(0.2)) {
        plan.requests_per_second_max = 0.1 + roll.real() * 10;
    }
    draw_rules(plan, roll);
    draw_provider(plan, roll);
    draw_machine(plan, roll);
    draw_operator(plan);
    return plan;
}

}  // namespace onboardd::simulate
