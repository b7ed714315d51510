#pragma once

// Knows what onboardd owes its users, and nothing of how it is done. It watches what becomes
// durable, what leaves and what consumers see, and judges the whole at the end.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "simulate/sim_ledger.hpp"
#include "simulate/sim_machine.hpp"
#include "simulate/sim_provider.hpp"

namespace onboardd::simulate {

class oracle {
public:
    oracle(world& around, sim_ledger& store, sim_provider& provider, sim_spool& incoming,
           sim_outcomes& outcomes);

    void dropped(const new_job& one) { dropped_.insert(identity_of(one.account, one.reference)); }
    void violated(const std::string& what);

    // Everything that is owed has been done.
    [[nodiscard]] bool all_done() const;
    // After all_done(): the verdict on the whole run.
    void judge();

    [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }

    // Second cases that came when nobody looked any more, and those that ended in a `conflict`.
    std::uint64_t left_to_audit = 0;
    std::uint64_t told_duplicates = 0;
    std::uint64_t silent_duplicates = 0;

private:
    std::string check_post(const std::string& account, const std::string& reference,
                           const std::string& body);
    void check_operated(const job& before, const job& after);
    void check_record(const job& before, const job& after);
    void check_outcome(const job& row);
    void judge_job(const std::string& identity, const job& row);
    void judge_resends(const std::string& identity, const std::vector<std::size_t>& posts);
    void judge_cases(const std::string& identity, const job& row);
    void judge_end(const std::string& identity, const job& row);
    [[nodiscard]] bool reports_agree() const;
    [[nodiscard]] bool had_evidence(const received_post& earlier, std::size_t index,
                                    const received_post& later) const;
    [[nodiscard]] steady_time watched_until(const std::string& identity, const job& row) const;

    world& world_;
    sim_ledger& store_;
    sim_provider& provider_;
    sim_spool& incoming_;
    sim_outcomes& outcomes_;
    std::set<std::string> dropped_;
    std::map<std::string, std::uint32_t> started_again_;  // by an operator
    std::set<std::string> doubted_;                       // were `unknown` at some time
    std::map<std::string, steady_time> finished_;
    std::map<std::string, steady_time> spent_;  // intents that a POST has used
    std::vector<std::string> violations_;
};

}  // namespace onboardd::simulate
