#include "daemon/ctl/explain.hpp"

#include <algorithm>
#include <utility>

#include "daemon/ctl/words.hpp"

namespace onboardd::ctl {
namespace {

std::string plural(std::uint64_t count, const char* one, const char* many) {
    return std::to_string(count) + ' ' + (count == 1 ? one : many);
}

std::string said(const job& row) {
    if (!row.error) {
        return row.state == job_state::unknown ? "onboardd ended before the answer was there"
                                               : std::string();
    }
    std::string text = redacted(row.error->message);
    if (!row.error->code.empty()) {
        text += " (" + row.error->code + ")";
    }
    if (!row.error->field.empty()) {
        text += ", about " + row.error->field;
    }
    return text;
}

std::string provider_said(const job& row) {
    auto text = said(row);
    if (row.error && row.error->http_status != 0) {
        text = "HTTP status " + std::to_string(row.error->http_status) + ": " + text;
    }
    return text;
}

// systemd shows the daemon other users as nobody (PrivateUsers=).
constexpr std::uint32_t nobody = 65534;

std::string operator_named(std::uint32_t uid) {
    return uid == nobody ? "an operator (the system's log has who: onboardctl)"
                         : "the user with the uid " + std::to_string(uid);
}

class storyteller {
public:
    storyteller(const job& row, const job_history& past, const status_view& daemon,
                const decision_rules& rules, wall_time now)
        : row_(row),
          past_(past),
          daemon_(daemon),
          account_(daemon.account(row.account)),
          rules_(rules),
          now_(now),
          name_(row.account + "/" + row.reference) {}

    explanation tell() {
        tell_past();
        switch (row_.state) {
            case job_state::queued:
            case job_state::deferred:
                waiting_to_be_sent();
                break;
            case job_state::submitting:
                in_flight();
                break;
            case job_state::unknown:
                unknown();
                break;
            case job_state::accepted:
                accepted();
                break;
            case job_state::created:
                created();
                break;
            case job_state::rejected:
                rejected();
                break;
            case job_state::expired:
                expired();
                break;
            case job_state::conflict:
                conflict();
                break;
            case job_state::held:
                held();
                break;
            case job_state::cancelled:
                cancelled();
                break;
        }
        if (is_final(row_.state) && row_.lost_at) {
            watched();
        }
        return std::move(told_);
    }

private:
    void step(const std::optional<wall_time>& at, std::string text) {
        if (at && *at <= now_) {
            told_.story.push_back({*at, std::move(text)});
        }
    }

    void why(std::string text) { told_.why.push_back(std::move(text)); }

    void next(std::string text, std::optional<wall_time> at = {}) {
        told_.next = std::move(text);
        told_.until = at;
    }

    void advise(const char* command, std::string text) {
        told_.commands.push_back({std::string("onboardctl ") + command, std::move(text)});
    }
    void advise_job(const std::string& command, std::string text) {
        advise((command + ' ' + name_).c_str(), std::move(text));
    }

    void tell_past() {
        tell_history();
        step(row_.received_at,
             "taken in, in batch " + row_.batch +
                 (row_.priority == 0 ? "" : ", with priority " + std::to_string(row_.priority)));
        step(row_.not_before, "from now on it may be submitted");
        if (row_.attempts > 0) {
            step(row_.submitted_at, "attempt " + std::to_string(row_.attempts) +
                                        ": the intent was noted, then the request sent");
        }
        if (row_.state == job_state::unknown) {
            if (!last_step([](const job_step& one) {
                    return one.to == job_state::unknown && one.from != job_state::unknown;
                })) {
                step(row_.lost_at,
                     "from then on nobody knew whether there is a case: " + said(row_));
            }
            step(row_.absent_since, "a complete reading of the provider's list did not show it");
        }
        step(row_.expires_at, "its expires_at passed");
        if (row_.finished_at) {
            step(row_.finished_at, "it ended as " + std::string(to_string(row_.state)));
        }
        std::ranges::stable_sort(told_.story, {}, &story_step::at);
    }

    void tell_history() {
        if (past_.omitted != 0 && !past_.steps.empty()) {
            step(past_.steps.front().at,
                 "before this " + plural(past_.omitted, "step", "steps") + " more, no longer kept");
        }
        for (const auto& one : past_.steps) {
            step(one.at, one.what ? by_operator(one) : by_itself(one));
        }
    }

    static std::string by_operator(const job_step& one) {
        auto text = operator_named(one.uid) + ": " + std::string(to_string(*one.what)) +
                    "; it was " + std::string(to_string(one.from)) + " and became " +
                    std::string(to_string(one.to));
        return one.words.empty() ? text : text + ". Until then: " + redacted(one.words);
    }

    static std::string by_itself(const job_step& one) {
        const auto it = one.attempt == 0 ? "it" : "attempt " + std::to_string(one.attempt);
        const auto words = one.words.empty() ? std::string() : ": " + redacted(one.words);
        const bool sent = one.from == job_state::submitting;
        switch (one.to) {
            case job_state::deferred:
                return sent ? it + " was not applied" + words
                       : one.from == job_state::unknown
                           ? "that the provider has no case of " + it + " was proved"
                           : "nothing could be sent" + words;
            case job_state::unknown:
                return sent ? "whether " + it + " was applied was not known" +
                                  (words.empty() ? ": onboardd ended before the answer was there"
                                                 : words)
                       : one.words == put_back_words
                           ? "whether " + it + " had been sent since was not known" + words
                           : "its absence was to be proved anew";
            case job_state::accepted:
            case job_state::created:
                return "the provider's list showed its case";
            default:
                return "it became " + std::string(to_string(one.to)) + words;
        }
    }

    // The latest step, if it is of that kind.
    template <class Kind>
    const job_step* last_step(Kind kind) const {
        return past_.steps.empty() || !kind(past_.steps.back()) ? nullptr : &past_.steps.back();
    }

    // What keeps every job of the account from going on. False: nothing does.
    bool blocked() {
        if (!daemon_.running) {
            why("onboardd does not run");
            return true;
        }
        if (account_ == nullptr || !account_->configured) {
            why("the configuration has no account " + row_.account + ": nothing is sent for it");
            return true;
        }
        return paused();
    }

    bool paused() {
        if (!account_->pause) {
            return false;
        }
        const auto& pause = *account_->pause;
        if (pause.by) {
            why("account " + row_.account + " was paused by " + operator_named(pause.by->uid) +
                ", " + relative(pause.by->since, now_));
            advise(("resume " + row_.account).c_str(), "lets the account go on");
        } else {
            why("account " + row_.account + " is paused: " + pause.reason +
                (pause.next_try_at ? "; the next try is due " + relative(*pause.next_try_at, now_)
                                   : ""));
            if (pause.kind == "credential_refused" || pause.kind == "forbidden") {
                why(pause.kind == "forbidden"
                        ? "check what the client may do; the account goes on by itself when it may"
                        : "check client_id, client_secret_file and audience; the account goes on "
                          "by itself when a token works");
            }
            ends_at_ = pause.next_try_at;
        }
        return true;
    }

    // The window is closed; until when, where that is known.
    void closed_window() {
        const auto& at = account_->window->opens_at;
        why("the window of account " + row_.account + " (" + account_->window->text +
            ") is closed" + (at ? "; it opens " + relative(*at, now_) : ""));
        if (at) {
            ends_at_ = std::max(*at, ends_at_.value_or(*at));
        }
    }

    // What else a job that is due to be sent may wait for.
    void limits() {
        if (account_->has_no_token()) {
            const auto& at = account_->token_next_try_at;
            why("the account has no token that is valid, and the last try to get one failed: " +
                account_->token_failure + (at ? "; the next is due " + relative(*at, now_) : ""));
            ends_at_ = at;
        } else if (!account_->token_obtained_at) {
            why("the account has no token that is valid: one is asked for");
        }
        if (daemon_.provider_failing) {
            why("the provider fails again and again: one probe at a time is sent" +
                (daemon_.next_probe_at ? ", the next " + relative(*daemon_.next_probe_at, now_)
                                       : std::string()));
        }
        if (account_->limit != 0 && account_->in_flight >= account_->limit) {
            why("all " + plural(account_->limit, "place", "places") +
                " for requests of the account are taken (limiter; in_flight_max is " +
                std::to_string(account_->limit_max) + ")");
        }
        if (account_->requests_per_second_max) {
            auto rate = std::to_string(*account_->requests_per_second_max);
            rate.erase(rate.find_last_not_of('0') + 1);
            rate.erase(rate.find_last_not_of('.') + 1);
            why("the account sends at most " + rate + " requests a second");
        }
    }

    wall_time due() const { return std::max({row_.due_at, now_, ends_at_.value_or(row_.due_at)}); }

    // When the next step is taken; nullopt: what blocks the job has no end that is known.
    std::optional<wall_time> due_unless(bool stands) const {
        return stands && !ends_by_itself() ? std::nullopt : std::optional(due());
    }

    bool ends_by_itself() const {
        const auto* pause = account_ != nullptr && account_->pause ? &*account_->pause : nullptr;
        return daemon_.running && pause != nullptr && pause->next_try_at;
    }

    static std::string then(bool stands, const std::string& what) {
        return (stands ? "once that is over, " : "") + what;
    }

    // A retry does not end what blocks the whole account.
    static std::string at_once(const char* what, bool stands) {
        return what + std::string(stands ? " as soon as that is over" : " at once");
    }

    void waiting_to_be_sent() {
        const bool again = row_.state == job_state::deferred;
        if (again) {
            why("the last attempt was not applied: " + said(row_));
        }
        const auto said_so_far = told_.why.size();
        const bool stands = blocked();
        if (row_.not_before && *row_.not_before > now_) {
            why("it is not to be submitted before its not_before, " +
                relative(*row_.not_before, now_));
        } else if (row_.due_at > now_) {
            why("its turn on the retry schedule is " + relative(row_.due_at, now_));
        }
        const bool closed = account_ != nullptr && account_->window && !account_->window->open;
        if (closed) {
            closed_window();
        }
        if (!stands) {
            if (!closed && row_.due_at <= now_) {
                limits();
            }
            if (told_.why.size() == said_so_far) {
                why("it waits for its turn among " +
                    plural(account_->jobs[static_cast<std::size_t>(job_state::queued)],
                           "queued job", "queued jobs") +
                    " of the account");
            }
        }
        const auto expiry = expiry_of(row_, rules_);
        next((again ? "it is sent again" : "it is sent") +
                 std::string(stands ? " once that is over" : "") + "; not later than " +
                 format_rfc3339(expiry) + ", else it expires",
             due_unless(stands));
        if (again && row_.due_at > now_) {
            advise_job("retry", at_once("sends it", stands));
        }
        advise_job("hold", "keeps it from being sent");
        advise_job("cancel", "ends it unsent");
    }

    void in_flight() {
        if (!daemon_.running) {
            why("onboardd ended while the request was under way");
            next("at its next start the provider's list is asked whether there is a case");
            return;
        }
        why("its request is under way");
        next("the answer decides; if none comes, the provider's list is asked");
    }

    void unknown() {
        why("whether the provider has a case is not known: " + said(row_));
        const bool stands = blocked();
        const auto settled = row_.lost_at.value_or(row_.due_at) + rules_.settle;
        if (settled > now_) {
            why("that the list does not show it is not believed before " + format_rfc3339(settled) +
                " (reconcile.settle)");
        }
        if (row_.resends > 0) {
            why("it was sent again " + plural(row_.resends, "time", "times") +
                " after its absence was proved; the configuration allows " +
                std::to_string(rules_.resend_max));
        }
        next(then(stands,
                  "the provider's list is read: a case is adopted, proved absence lets it be sent "
                  "again, anything else is left to a person (conflict)"),
             due_unless(stands));
        advise_job("retry", at_once("reads the list", stands));
    }

    void accepted() {
        why("the provider has case " + row_.the_case.id + ", whose contract link is not there yet");
        const bool stands = blocked();
        const auto published = row_.submitted_at.value_or(row_.received_at) + rules_.accepted_for;
        next(then(stands, "the case is read again; without a link its outcome is written by " +
                              format_rfc3339(published)),
             due_unless(stands));
        advise_job("retry", at_once("reads it", stands));
    }

    void created() {
        why("the provider has case " + row_.the_case.id +
            (row_.the_case.case_status.empty() ? "" : " (" + row_.the_case.case_status + ")") +
            "; the contract link is in the outcome");
        if (row_.followed && !row_.lost_at) {
            next("its status is read again (follow.interval)", due());
        }
        advise_job("show", "prints the contract link");
    }

    void again() {
        if (row_.expires_at && *row_.expires_at <= now_) {
            why("its expires_at has passed: it can be handed in under a new reference only");
            return;
        }
        advise_job("retry", row_.resends > 0 || row_.lost_at
                                ? "looks it up, and sends it again if there is no case"
                            : row_.attempts > 0
                                ? "sends it again, for as long as its request is kept"
                                : "lets it be sent after all, for as long as its request is kept");
    }

    void rejected() {
        why("the provider refused it: " + provider_said(row_));
        why("if the data is wrong, correct it and hand it in under a new reference");
        again();
    }

    void expired() {
        why(said(row_));
        again();
    }

    void conflict() {
        why("a person has to decide: " + said(row_));
        if (!row_.error->details.empty()) {
            why("cases: " + row_.error->details);
        }
        why("look for the reference in the provider's back office");
        advise_job("release", "looks it up again, once that is settled; nothing is sent blindly");
    }

    void held() {
        const auto* by = last_step([](const job_step& one) { return one.what == operation::hold; });
        why(by == nullptr
                ? "an operator holds it until it is released or cancelled; the log says who and "
                  "since when (event operator)"
                : operator_named(by->uid) + " held it " + relative(by->at, now_) +
                      ": so it stays until it is released or cancelled");
        const bool sent = row_.resends > 0 || row_.lost_at;
        advise_job("release",
                   sent ? "looks it up, and sends it if there is no case" : "lets it be sent");
        advise_job("cancel", "ends it unsent");
    }

    void cancelled() {
        why(said(row_));
        again();
    }

    void watched() {
        why("since an answer was lost before, the provider's list is watched for a second case");
        if (told_.next.empty()) {
            next("the list is read again", due());
        }
    }

    const job& row_;
    const job_history& past_;
    const status_view& daemon_;
    const account_view* account_;
    const decision_rules& rules_;
    wall_time now_;
    std::optional<wall_time> ends_at_;  // what keeps the account from going on, where that is known
    std::string name_;
    explanation told_;
};

}  // namespace

explanation explain(const job& row, const job_history& past, const status_view& daemon,
                    const decision_rules& rules, wall_time now) {
    return storyteller(row, past, daemon, rules, now).tell();
}

}  // namespace onboardd::ctl
