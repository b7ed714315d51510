#include "daemon/ctl/account_audit.hpp"

#include <utility>

namespace onboardd::ctl {
namespace {

constexpr std::size_t page_max = 500;

// By the ledger the provider has no case of such a job.
bool should_have_no_case(job_state state) {
    switch (state) {
        case job_state::queued:
        case job_state::deferred:
        case job_state::rejected:
        case job_state::expired:
        case job_state::cancelled:
            return true;
        case job_state::submitting:
        case job_state::unknown:
        case job_state::accepted:
        case job_state::created:
        case job_state::conflict:
        case job_state::held:
            return false;
    }
    return false;
}

}  // namespace

account_audit::account_audit(std::string account, ledger_reader& book, milliseconds settle,
                             wall_time begun, tell_finding tell)
    : account_(std::move(account)),
      book_(book),
      settle_(settle),
      begun_(begun),
      tell_(std::move(tell)) {}

void account_audit::tell(std::string kind, std::string subject, std::string text) {
    finding found;
    found.kind = std::move(kind);
    found.subject = std::move(subject);
    found.text = std::move(text);
    tell_(found);
}

void account_audit::see(const cdd_case& found) {
    if (found.reference.empty()) {
        without_reference_.insert(found.facts.id);
        return;
    }
    const auto id = hash_of_id(found.facts.id);
    const auto [first, fresh] = first_.emplace(hash_of_id(found.reference), id);
    if (!fresh && first->second == id) {
        return;  // shown twice
    }
    if (!fresh) {
        repeated_[found.reference];
    }
    judge(found);
}

void account_audit::judge(const cdd_case& found) {
    const auto subject = account_ + "/" + found.reference;
    const auto known = book_.find(account_, found.reference);
    if (known.has_error()) {
        tell("job_damaged", subject,
             "the ledger's record of the job is damaged, so its case " + found.facts.id +
                 " cannot be compared: run onboardctl fsck");
    } else if (!*known) {
        tell("case_without_job", subject,
             "the provider has case " + found.facts.id +
                 ", and the ledger knows no job with this reference");
    } else if (const auto& row = **known; !row.the_case.id.empty()) {
        if (row.the_case.id != found.facts.id) {
            other_ids_[found.reference] =
                "the provider has case " + found.facts.id + ", the ledger says " + row.the_case.id;
        }
    } else if (should_have_no_case(row.state)) {
        tell("case_not_expected", subject,
             "the provider has case " + found.facts.id + ", but the job is " +
                 std::string(to_string(row.state)) + ", which means that there is none");
    }
}

void account_audit::compare(const list_walk& list) {
    for (job_page page; !page.end;) {
        page = book_.jobs(page.last, page_max);
        for (const auto& row : page.rows) {
            if (row.account != account_ || row.the_case.id.empty()) {
                continue;
            }
            without_reference_.erase(row.the_case.id);
            const auto since = row.submitted_at.value_or(row.received_at);
            if (list.sound && !list.ids.contains(hash_of_id(row.the_case.id)) &&
                since + settle_ <= begun_) {
                tell("case_not_listed", account_ + "/" + row.reference,
                     "the job is " + std::string(to_string(row.state)) + " with case " +
                         row.the_case.id + ", which is not in the provider's list");
            }
        }
    }
    for (const auto& id : without_reference_) {
        tell("case_without_job", account_,
             "the provider has case " + id +
                 " without a reference, and it belongs to no job of the ledger");
    }
    for (const auto& [reference, text] : other_ids_) {
        if (!repeated_.contains(reference)) {
            tell("case_differs", account_ + "/" + reference, text);
        }
    }
    if (!list.sound) {
        tell("list_unreadable", account_,
             "some elements of the provider's list are no cases, so a missing case cannot be told");
    }
}

void account_audit::see_again(const cdd_case& found) {
    if (const auto known = repeated_.find(found.reference); known != repeated_.end()) {
        known->second.insert(found.facts.id);
    }
}

void account_audit::tell_repeated() {
    for (const auto& [reference, ids] : repeated_) {
        std::string text =
            "the provider has " + std::to_string(ids.size()) + " cases with this reference:";
        for (const auto& id : ids) {
            text += " " + id;
        }
        const auto known = book_.find(account_, reference);
        if (known.has_value() && *known && !(*known)->the_case.id.empty()) {
            text += "; the ledger's is " + (*known)->the_case.id;
        }
        tell("case_repeated", account_ + "/" + reference, text);
    }
}

}  // namespace onboardd::ctl
