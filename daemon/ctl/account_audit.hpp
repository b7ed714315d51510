#pragma once

// The provider's list of one account against the ledger. What passes by is compared at once; kept
// are hashes, so that a list of 200,000 cases costs some tens of MiB.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/ctl/finding.hpp"
#include "daemon/engine/case_list_walk.hpp"
#include "onboardd/ledger/ledger_reader.hpp"

namespace onboardd::ctl {

class account_audit {
public:
    using tell_finding = std::function<void(const finding&)>;

    // `settle`: what was submitted so shortly before `begun` need not be in the list yet.
    account_audit(std::string account, ledger_reader& book, milliseconds settle, wall_time begun,
                  tell_finding tell);

    // One case of the list. The ledger is asked after the case was seen, so a job that is being
    // worked on is never taken for a stranger.
    void see(const cdd_case& found);

    // The list has ended: what of the ledger is not in it?
    void compare(const list_walk& list);

    // References with more than one case. To name all of their cases the list is read once more,
    // each case shown to see_again(); tell_repeated() ends it.
    [[nodiscard]] bool any_repeated() const { return !repeated_.empty(); }
    void see_again(const cdd_case& found);
    void tell_repeated();

private:
    void judge(const cdd_case& found);
    void tell(std::string kind, std::string subject, std::string text);

    std::string account_;
    ledger_reader& book_;
    milliseconds settle_;
    wall_time begun_;
    tell_finding tell_;
    std::unordered_map<std::size_t, std::size_t> first_;  // hash of reference: of its first id
    std::map<std::string, std::set<std::string>> repeated_;
    std::map<std::string, std::string> other_ids_;  // reference: text, unless it is repeated
    std::set<std::string> without_reference_;       // ids
};

}  // namespace onboardd::ctl
