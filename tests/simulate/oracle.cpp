#include "simulate/oracle.hpp"

#include <algorithm>

namespace onboardd::simulate {
namespace {

// The evidence for sending again may be so much older than what the rules say: a request gets its
// token and its connection after they were asked.
constexpr milliseconds evidence_slack{60'000};

}  // namespace

oracle::oracle(world& around, sim_ledger& store, sim_provider& provider, sim_spool& incoming,
               sim_outcomes& outcomes)
    : world_(around), store_(store), provider_(provider), incoming_(incoming), outcomes_(outcomes) {
    store_.on_record = [this](const job& before, const job& after) { check_record(before, after); };
    store_.on_operated = [this](const job& before, const job& after) {
        check_operated(before, after);
    };
    provider_.may_send = [this](const std::string& account, const std::string& reference,
                                const std::string& body) {
        return check_post(account, reference, body);
    };
    outcomes_.on_outcome = [this](const job& row) { check_outcome(row); };
}

void oracle::violated(const std::string& what) {
    world_.note("VIOLATION", what);
    if (violations_.size() < 20) {
        violations_.push_back(what);
    }
}

// ---- while it runs

std::string oracle::check_post(const std::string& account, const std::string& reference,
                               const std::string& body) {
    const auto identity = identity_of(account, reference);
    const auto row = store_.rows().find(identity);
    if (row == store_.rows().end() || row->second.state != job_state::submitting) {
        return "a POST without a durable intent";
    }
    const auto intent = store_.intent_at(identity);
    const auto spent = spent_.find(identity);
    if (!intent || (spent != spent_.end() && spent->second == *intent)) {
        return "two POSTs for one intent";
    }
    spent_[identity] = *intent;
    return body == store_.accepted(identity)->request ? "" : "other bytes than those accepted";
}

void oracle::check_record(const job& before, const job& after) {
    const auto identity = identity_of(after.account, after.reference);
    if (after.state == job_state::unknown) {
        doubted_.insert(identity);
    }
    if (is_final(after.state) && !is_final(before.state)) {
        finished_[identity] = world_.now();
    }
    const bool known_end = after.state == before.state || after.state == job_state::conflict;
    if (is_final(before.state) && !known_end) {
        violated(identity + ": a job that had ended went on");
    }
    if (after.resends > world_.plan.rules.resend_max) {
        violated(identity + ": more resends than allowed");
    }
    const auto* last = provider_.last_post(identity);
    const auto intent = store_.intent_at(identity);
    const bool fresh = before.state == job_state::submitting && last != nullptr && last->answered &&
                       intent && last->at >= *intent;
    if (fresh && (last->status == 401 || last->status == 403) &&
        (after.state != job_state::deferred || after.attempts + 1 != before.attempts)) {
        violated(identity + ": a refused credential cost an attempt, or more");
    }
}

// An operator's word lets an ended job start again, and one more POST be sent than the rules allow.
void oracle::check_operated(const job& before, const job& after) {
    const auto identity = identity_of(after.account, after.reference);
    if (is_final(after.state)) {
        finished_[identity] = world_.now();
    } else if (is_final(before.state)) {
        finished_.erase(identity);
        ++started_again_[identity];
    }
    if (after.state == job_state::unknown) {
        doubted_.insert(identity);
    }
    const bool touchable = before.state != job_state::submitting &&
                           before.state != job_state::created && before.the_case.id.empty();
    const bool same = before.state == after.state || before.state == job_state::conflict;
    if (!touchable && !same) {
        violated(identity + ": an operator changed what has, or may get, a case");
    }
}

void oracle::check_outcome(const job& row) {
    const auto identity = identity_of(row.account, row.reference);
    const auto durable = store_.rows().find(identity);
    if (durable == store_.rows().end() || durable->second.revision < row.revision) {
        violated(identity + ": an outcome that the ledger does not have");
    }
    const auto seen = outcomes_.files().find(identity);
    if (seen != outcomes_.files().end() && seen->second.revision > row.revision) {
        violated(identity + ": an outcome went back to an earlier revision");
    }
    const bool has_case = !row.the_case.id.empty() && !row.the_case.contract_url.empty();
    const bool has_reason = row.error && !row.error->message.empty();
    const bool good = row.state == job_state::accepted  ? !row.the_case.id.empty()
                      : row.state == job_state::created ? has_case
                                                        : is_final(row.state) && has_reason;
    if (!good) {
        violated(identity + ": an outcome that does not say why");
    }
}

// ---- at the end

bool oracle::all_done() const {
    if (!incoming_.empty() || !reports_agree()) {
        return false;
    }
    return std::ranges::all_of(store_.rows(), [&](const auto& entry) {
        const auto& [identity, row] = entry;
        const auto file = outcomes_.files().find(identity);
        const bool watched = work_of(row) == work_kind::look_up;
        return is_final(row.state) && !watched && file != outcomes_.files().end() &&
               file->second.revision == row.revision;
    });
}

void oracle::judge() {
    for (const auto& fault : provider_.record().faults) {
        violated(fault);
    }
    for (const auto& identity : dropped_) {
        if (!store_.rows().contains(identity)) {
            violated(identity + ": lost, the ledger never had it");
        }
    }
    for (const auto& [identity, row] : store_.rows()) {
        judge_job(identity, row);
    }
    if (!reports_agree()) {
        violated("the sums of a report are wrong");
    }
}

void oracle::judge_job(const std::string& identity, const job& row) {
    if (!is_final(row.state)) {
        violated(identity + ": never ended, " + std::string(to_string(row.state)));
        return;
    }
    const auto file = outcomes_.files().find(identity);
    if (file == outcomes_.files().end()) {
        violated(identity + ": no outcome");
    } else if (file->second.state != row.state || file->second.revision != row.revision) {
        violated(identity + ": the outcome is not what the ledger says");
    }
    const auto posts = provider_.record().posts_of.find(identity);
    if (posts != provider_.record().posts_of.end()) {
        judge_resends(identity, posts->second);
    }
    judge_end(identity, row);
    judge_cases(identity, row);
}

// A POST after one whose fate could not be known needs evidence that the earlier one was not
// applied.
void oracle::judge_resends(const std::string& identity, const std::vector<std::size_t>& posts) {
    const auto& all = provider_.record().posts;
    std::size_t ambiguous = 0;
    for (std::size_t later = 0; later < posts.size(); ++later) {
        const auto& post = all[posts[later]];
        for (std::size_t earlier = 0; earlier < later; ++earlier) {
            const auto& doubtful = all[posts[earlier]];
            if (!doubtful.refused && !had_evidence(doubtful, posts[earlier], post)) {
                violated(identity + ": sent again without evidence that it was not applied");
            }
        }
        ambiguous += post.refused ? 0 : 1;
    }
    const auto again = started_again_.find(identity);
    const auto more = again == started_again_.end() ? 0 : again->second;
    if (ambiguous > 1 + more + world_.plan.rules.resend_max) {
        violated(identity + ": more POSTs of unknown fate than allowed");
    }
}

// Some reading of the list began after the settling time, did not show a case of the earlier POST,
// was fresh, and ended not too long ago. A case that it shows proves it fresh on whichever page it
// is.
bool oracle::had_evidence(const received_post& earlier, std::size_t index,
                          const received_post& later) const {
    const auto& seen = provider_.record();
    const auto settle = world_.plan.rules.settle;
    const auto shows_it = [&](steady_time at) {
        return std::ranges::any_of(seen.cases, [&](const stored_case& one) {
            return one.post == index && one.visible_at <= at;
        });
    };
    const auto readings = seen.readings.find(later.account);
    if (readings == seen.readings.end()) {
        return false;
    }
    const auto witnessed = [&](steady_time at) {
        return std::ranges::any_of(seen.cases, [&](const stored_case& one) {
            return one.account == later.account && one.visible_at <= at &&
                   seen.posts[one.post].at > earlier.at;
        });
    };
    const auto twice = [&](steady_time at) {
        return std::ranges::any_of(readings->second, [&](const list_reading& before) {
            return before.began >= earlier.at && at - before.began >= settle / 2 - 5s;
        });
    };
    return std::ranges::any_of(readings->second, [&](const list_reading& one) {
        const auto at = one.began;
        return one.ended <= later.at && at - earlier.at >= settle - 5s &&
               later.at - one.ended <= settle + evidence_slack && !shows_it(at) &&
               (witnessed(one.ended) || twice(at));
    });
}

void oracle::judge_end(const std::string& identity, const job& row) {
    const auto& seen = provider_.record();
    if (row.state == job_state::created) {
        const auto* own = provider_.find(row.the_case.id);
        if (own == nullptr || identity_of(own->account, own->reference) != identity ||
            own->organization != store_.accepted(identity)->fingerprint.organization_number) {
            violated(identity + ": created, with a case that is not its own");
        }
    } else if (row.state == job_state::rejected) {
        const auto posts = seen.posts_of.find(identity);
        const bool refused = posts != seen.posts_of.end() &&
                             std::ranges::any_of(posts->second, [&](std::size_t index) {
                                 return seen.posts[index].what == fate::bad_request;
                             });
        if (!refused) {
            violated(identity + ": rejected, and the provider never refused it");
        }
    }
}

// Until when a second case must be noticed.
steady_time oracle::watched_until(const std::string& identity, const job& row) const {
    const auto ended = finished_.at(identity);
    if (world_.plan.wall_jumps > 0) {
        return ended;  // how long is watched goes by the wall clock
    }
    return row.resends > 0 ? ended + world_.plan.rules.watch_for
           : row.state == job_state::created && doubted_.contains(identity)
               ? ended + world_.plan.rules.settle
               : ended;
}

void oracle::judge_cases(const std::string& identity, const job& row) {
    std::size_t all = 0;
    std::size_t second = 0;
    std::size_t unseen = 0;
    const auto until = watched_until(identity, row);
    for (const auto& one : provider_.record().cases) {
        if (identity_of(one.account, one.reference) != identity) {
            continue;
        }
        ++all;
        if (one.id != row.the_case.id) {
            ++second;
            unseen += one.visible_at >= until ? 1 : 0;
        }
    }
    if (row.state == job_state::conflict) {
        told_duplicates += all > 1 ? 1 : 0;
    } else if (second > unseen) {
        ++silent_duplicates;
        violated(identity + ": a case that nobody was told of, " +
                 std::string(to_string(row.state)));
    } else {
        left_to_audit += second > 0 ? 1 : 0;
    }
}

bool oracle::reports_agree() const {
    std::map<std::string, std::map<job_state, std::uint64_t>> expected;
    for (const auto& [identity, row] : store_.rows()) {
        ++expected[row.batch][row.state];
    }
    return std::ranges::all_of(expected, [this](const auto& entry) {
        const auto report = outcomes_.reports().find(entry.first);
        std::map<job_state, std::uint64_t> told;
        if (report != outcomes_.reports().end()) {
            for (const auto& line : report->second.tallies) {
                told[line.state] += line.jobs;
            }
        }
        return told == entry.second;
    });
}

}  // namespace onboardd::simulate
