// The decision core with mistakes in it, for simulate_planted alone: the linker takes this file's
// functions in place of those of daemon/engine/decide.cpp. Each calls the true one and spoils what
// goes in or comes out.

#define after_answer true_after_answer
#define after_look_up true_after_look_up
#define after_watch true_after_watch
#define proof_is_stale true_proof_is_stale
#include "daemon/engine/decide.cpp"  // NOLINT(bugprone-suspicious-include)
#undef after_answer
#undef after_look_up
#undef after_watch
#undef proof_is_stale

#include "simulate/scenario.hpp"

namespace onboardd {

using simulate::mistake;
using simulate::planted_now;

decision after_answer(const job& row, const http::response& answer, const decision_rules& rules,
                      wall_time now, random_source& random, const case_fingerprint* ours) {
    auto next = true_after_answer(row, answer, rules, now, random, ours);
    if (planted_now == mistake::retry_500 && answer.status >= 500) {
        defer(next.after, "sent again without looking", static_cast<int>(answer.status), now);
        next.after.lost_at.reset();
    }
    if (planted_now == mistake::charge_refusals && (answer.status == 401 || answer.status == 403)) {
        next.after.attempts += 1;
    }
    return next;
}

decision after_look_up(const job& row, const findings& seen, const decision_rules& rules,
                       wall_time now, random_source& random) {
    auto before = row;
    auto shown = seen;
    auto obeyed = rules;
    if (planted_now == mistake::believe_stale_list) {
        obeyed.settle = milliseconds(0);
        before.absent_since = now - seen.age;
    } else if (planted_now == mistake::trust_wall_clock) {
        shown.clock_trusted_since = wall_time::min();
    } else if (planted_now == mistake::one_reading) {
        before.absent_since = std::max(row.received_at, seen.clock_trusted_since);
    } else if (planted_now == mistake::any_fingerprint) {
        for (auto& one : shown.sightings) {
            one.fingerprint_agrees = true;
        }
    } else if (planted_now == mistake::first_sighting && shown.sightings.size() > 1) {
        shown.sightings.resize(1);
    } else if (planted_now == mistake::resend_for_ever) {
        before.resends = 0;
    }
    return true_after_look_up(before, shown, obeyed, now, random);
}

decision after_watch(const job& row, const findings& seen, const decision_rules& rules,
                     wall_time now) {
    auto shown = seen;
    if (planted_now == mistake::no_watch || planted_now == mistake::first_sighting) {
        shown.sightings.clear();
    }
    return true_after_watch(row, shown, rules, now);
}

bool proof_is_stale(const job& row, const decision_rules& rules, wall_time clock_trusted_since,
                    wall_time now) {
    return planted_now != mistake::stale_proof &&
           true_proof_is_stale(row, rules, clock_trusted_since, now);
}

}  // namespace onboardd
