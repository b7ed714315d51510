#include "daemon/ctl/change.hpp"

#include <algorithm>
#include <istream>
#include <map>
#include <ostream>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/hands.hpp"
#include "daemon/ctl/references.hpp"
#include "daemon/ctl/status.hpp"
#include "daemon/ctl/words.hpp"

namespace onboardd::ctl {
namespace {

constexpr const char* everything = "ALL";

std::string counted(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " job" : " jobs");
}

// Tells what became of each job that was named; of a mass change the sums, where a job in a state
// that does not allow the change is one that does not fit.
class teller {
public:
    teller(output& to, bool mass) : to_(to), mass_(mass) {}

    void tell(const admin::operated_view& done) {
        for (const auto& one : done.changed) {
            ++(one.from == one.to ? due_now_ : changed_[one.to]);
            if (to_.json || !mass_) {
                changed(one);
            }
        }
        for (const auto& one : done.refused) {
            ++refused_[std::string(to_string(one.why))];
            ++refusals_;
            if (!mass_) {
                refused(one);
            }
        }
        for (const auto& [account, reference] : done.missing) {
            no_job(std::string(account).append("/").append(reference));
        }
        unchanged_ += done.unchanged;
    }

    void no_job(const std::string& reference) {
        tell_no_job(to_, reference);
        ++missing_;
    }

    void not_told_apart(const std::string& reference) {
        to_.err << "onboardctl: " << shown(reference)
                << " is a job of several accounts: say ACCOUNT/REFERENCE\n";
        ++missing_;
    }

    void damaged(const std::string& subject) {
        tell_damaged(to_, subject);
        ++missing_;
    }

    // No job was of the kind that was asked for.
    [[nodiscard]] bool nothing_fits() const {
        return changes() == 0 && refusals_ == 0 && unchanged_ == 0;
    }

    // The last line; the exit status.
    int sum_up(bool without_daemon) {
        if (to_.json) {
            sum_up_as_json();
        } else {
            sum_up_in_words(without_daemon);
        }
        return missing_ != 0 ? failed : refusals_ != 0 && !mass_ ? found_some : done;
    }

private:
    void changed(const admin::job_change& one) {
        if (to_.json) {
            json_line line;
            line.add("kind", "changed")
                .add("account", one.account)
                .add("reference", one.reference)
                .add("from", to_string(one.from))
                .add("to", to_string(one.to));
            to_.line(line);
            return;
        }
        const std::string from(to_string(one.from));
        to_.line(shown(one.account + "/" + one.reference) + ": " +
                 (one.from == one.to ? from + ", and due now"
                                     : from + " -> " + std::string(to_string(one.to))));
    }

    void refused(const refused_job& one) {
        if (to_.json) {
            json_line line;
            line.add("kind", "refused")
                .add("account", one.account)
                .add("reference", one.reference)
                .add("state", to_string(one.state))
                .add("why", name_of(one.why))
                .add("message", to_string(one.why));
            to_.line(line);
            return;
        }
        to_.err << "onboardctl: " << shown(one.account + "/" + one.reference) << " is "
                << to_string(one.state) << ": " << to_string(one.why) << '\n';
    }

    [[nodiscard]] std::uint64_t changes() const {
        std::uint64_t sum = due_now_;
        for (const auto& [state, count] : changed_) {
            sum += count;
        }
        return sum;
    }

    void sum_up_as_json() {
        json_line line;
        line.add("kind", "summary")
            .add_number("changed", static_cast<std::int64_t>(changes()))
            .add_number("unchanged", static_cast<std::int64_t>(unchanged_))
            .add_number("refused", static_cast<std::int64_t>(refusals_))
            .add_number("missing", static_cast<std::int64_t>(missing_));
        to_.line(line);
    }

    void sum_up_in_words(bool without_daemon) {
        if (mass_) {
            for (const auto& [state, count] : changed_) {
                to_.line(counted(count) + " now " + std::string(to_string(state)));
            }
            if (due_now_ != 0) {
                to_.line(counted(due_now_) + " due now");
            }
            for (const auto& [why, count] : refused_) {
                to_.line(counted(count) + " not changed: " + why);
            }
        }
        if (mass_ && nothing_fits()) {
            to_.line("no job fits");
        } else if (unchanged_ != 0) {
            to_.line(counted(unchanged_) + " already as wanted");
        }
        if (without_daemon && changes() != 0) {
            to_.line("onboardd does not run: it goes on from this when it starts");
        }
    }

    output& to_;
    bool mass_;
    std::map<job_state, std::uint64_t> changed_;
    std::uint64_t due_now_ = 0;  // changed, and in the same state
    std::map<std::string, std::uint64_t> refused_;
    std::uint64_t refusals_ = 0;
    std::uint64_t unchanged_ = 0;
    std::uint64_t missing_ = 0;
};

using identity = std::pair<std::string, std::string>;  // account, reference

std::vector<identity> resolve(job_book& book, const std::vector<std::string>& references,
                              teller& told) {
    std::vector<identity> named;
    find_each(book, references, false,
              [&](const std::string& reference, const admin::found_jobs& found) {
                  if (!found.damaged.empty()) {
                      told.damaged(reference);
                  } else if (found.rows.empty()) {
                      told.no_job(reference);
                  } else if (found.rows.size() > 1) {
                      told.not_told_apart(reference);
                  } else {
                      named.emplace_back(found.rows.front().account, found.rows.front().reference);
                  }
              });
    return named;
}

int change_named(const config& settings, const change_options& options,
                 const std::vector<std::string>& references, output& to) {
    teller told(to, false);
    const auto named = resolve(*open_book(settings), references, told);
    bool without_daemon = false;
    if (!named.empty()) {
        const auto doing = open_hands(settings);
        without_daemon = doing->without_daemon();
        for (std::size_t i = 0; i < named.size(); i += admin::named_jobs_max) {
            admin::operating_order order;
            order.what = options.what;
            const auto end = std::min(named.size(), i + admin::named_jobs_max);
            order.among.identities.assign(named.begin() + static_cast<std::ptrdiff_t>(i),
                                          named.begin() + static_cast<std::ptrdiff_t>(end));
            told.tell(doing->operate(order));
        }
    }
    return told.sum_up(without_daemon);
}

int change_all(const config& settings, const change_options& options, output& to) {
    teller told(to, true);
    const auto doing = open_hands(settings);
    admin::operating_order order;
    order.what = options.what;
    order.all = true;
    order.among.account = options.account;
    order.among.batch = options.batch;
    order.among.state = options.state;
    for (bool end = false; !end;) {
        const auto part = doing->operate(order);
        told.tell(part);
        if (!part.end && part.last <= order.after) {
            throw std::runtime_error("onboardd's answer leads round in a circle");
        }
        order.after = part.last;
        end = part.end;
    }
    if (told.nothing_fits() && tell_unknown_name(settings, options.account, options.batch, to)) {
        return failed;
    }
    return told.sum_up(doing->without_daemon());
}

}  // namespace

int change_jobs(const config& settings, const change_options& options, std::istream& in,
                output& to) {
    const bool filtered = options.state || !options.account.empty() || !options.batch.empty();
    const bool all = std::ranges::find(options.references, everything) != options.references.end();
    if (all && options.references.size() > 1) {
        to.err << "onboardctl: ALL stands alone; a job of that name is ACCOUNT/ALL\n";
        return usage;
    }
    if (filtered && !options.references.empty() && !all) {
        to.err << "onboardctl: either name jobs, or choose them by --batch, --state or --account\n";
        return usage;
    }
    if (filtered && !all) {
        to.err << "onboardctl: this changes every job that fits: say so with the word ALL\n";
        return usage;
    }
    if (all) {
        return change_all(settings, options, to);
    }
    if (options.references.empty()) {
        to.err << "onboardctl: no job is named; see --help\n";
        return usage;
    }
    const auto references = all_references(options.references, in);
    if (references.empty()) {
        tell_nothing_named(to);
        return failed;
    }
    return change_named(settings, options, references, to);
}

namespace {

// What stops the account all the same: a resume ends only what an operator began.
std::string still_paused(const config& settings, const std::string& account) {
    const auto view = look(settings);
    const auto* seen = view.account(account);
    if (seen == nullptr || !seen->pause || seen->pause->by) {
        return {};
    }
    const auto& at = seen->pause->next_try_at;
    return "; it is still paused: " + shown(seen->pause->reason) +
           (at && view.now ? ", next try " + relative(*at, *view.now) : "");
}

}  // namespace

int pause_account(const config& settings, const std::string& account, bool paused, output& to) {
    const auto change = open_hands(settings)->set_pause({.account = account, .paused = paused});
    if (change == pause_change::no_such_account) {
        to.err << "onboardctl: the configuration has no account " << shown(account) << '\n';
        return failed;
    }
    const bool changed = change == pause_change::changed;
    if (to.json) {
        json_line line;
        line.add("account", account).add_bool("paused", paused).add_bool("changed", changed);
        to.line(line);
    } else {
        to.line(shown(account) + (paused ? " is paused" : " goes on") +
                (changed ? "" : ", as it was already") +
                (paused ? "" : still_paused(settings, account)));
    }
    return done;
}

}  // namespace onboardd::ctl
