// The ledger in memory: what the others mean, in the simplest code. For tests, so it searches where
// they have indexes.

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <set>
#include <tuple>
#include <unordered_set>

#include "onboardd/ledger/ledger.hpp"

namespace onboardd {
namespace {

struct entry {
    job row;
    content_hash content{};
    case_fingerprint fingerprint;
    std::string request;
    std::string answer;
    std::string reason;  // the class it is counted in
    std::uint32_t published = 0;
    job_history past;
};

struct batch_entry {
    std::uint64_t changed = 0;
    std::uint64_t summarized = 0;
    std::uint64_t reported = 0;
    std::optional<wall_time> last_finished_at;
};

class memory_ledger final : public ledger {
public:
    memory_ledger(asio::any_io_executor executor, clock& time)
        : executor_(std::move(executor)), time_(time) {}

    asio::awaitable<result<std::vector<admission>>> accept(std::vector<new_job> jobs) override {
        co_await turn();
        std::vector<admission> verdicts;
        verdicts.reserve(jobs.size());
        for (auto& fresh : jobs) {
            verdicts.push_back(accept_one(std::move(fresh)));
        }
        counters_.commits += jobs.empty() ? 0 : 1;
        co_return verdicts;
    }

    asio::awaitable<result<std::vector<claimed_job>>> claim(std::string account, work_kind kind,
                                                            std::size_t count_max,
                                                            wall_time now) override {
        co_await turn();
        std::vector<claimed_job> claims;
        for (const auto* found : waiting(account, kind)) {
            if (claims.size() < count_max && found->row.due_at <= now) {
                claimed_.insert(found->row.id);
                claims.push_back({found->row, kind == work_kind::submit ? found->request : "",
                                  found->fingerprint});
            }
        }
        co_return claims;
    }

    asio::awaitable<void> unclaim(std::vector<job_id> jobs) override {
        co_await turn();
        for (const auto id : jobs) {
            claimed_.erase(id);
            revoked_.erase(id);
        }
    }

    asio::awaitable<result<std::optional<wall_time>>> next_due(std::string account,
                                                               work_kind kind) override {
        co_await turn();
        std::optional<wall_time> earliest;
        for (const auto* found : waiting(account, kind)) {
            earliest = std::min(earliest.value_or(found->row.due_at), found->row.due_at);
        }
        co_return earliest;
    }

    asio::awaitable<result<void>> record(job after, job_state from,
                                         std::string raw_answer) override {
        co_await turn();
        const auto found = jobs_.find(after.id);
        if (found == jobs_.end() || found->second.row.state != from ||
            revoked_.contains(after.id)) {
            co_return errc::stale_job;
        }
        claimed_.erase(after.id);
        if (auto step = step_of(from, found->second.row.attempts, after, time_.wall_now())) {
            keep(found->second.past, std::move(*step));
        }
        replace(found->second, std::move(after), std::move(raw_answer));
        ++counters_.commits;
        ++counters_.rows;
        co_return result<void>();
    }

    asio::awaitable<result<operated>> operate(operation what, job_selection among, job_id after,
                                              std::size_t count_max, wall_time now,
                                              std::uint32_t uid) override {
        co_await turn();
        operated done;
        const order given{what, uid, now};
        for (const auto& identity : among.identities) {
            if (const auto found = identities_.find(identity); found != identities_.end()) {
                operate_one(given, jobs_.at(found->second), done);
            } else {
                done.missing.push_back(identity);
            }
        }
        if (among.identities.empty()) {
            operate_portion(given, among, after, count_max, done);
        }
        counters_.commits += 1;
        co_return done;
    }

    asio::awaitable<result<void>> set_pause(std::string account,
                                            std::optional<operator_pause> pause) override {
        co_await turn();
        pauses_.erase(account);
        if (pause) {
            pauses_.emplace(std::move(account), std::move(*pause));
        }
        co_return result<void>();
    }

    asio::awaitable<result<std::vector<operator_pause>>> pauses() override {
        co_await turn();
        std::vector<operator_pause> found;
        for (const auto& [account, pause] : pauses_) {
            found.push_back(pause);
        }
        co_return found;
    }

    asio::awaitable<result<std::vector<job>>> unpublished(std::size_t count_max) override {
        co_await turn();
        std::vector<job> found;
        for (const auto& [id, one] : jobs_) {
            if (one.published < one.row.revision && has_outcome(one.row) &&
                found.size() < count_max) {
                found.push_back(one.row);
            }
        }
        co_return found;
    }

    asio::awaitable<result<void>> published(
        std::vector<std::pair<job_id, std::uint32_t>> outcomes) override {
        co_await turn();
        for (const auto& [id, revision] : outcomes) {
            if (const auto found = jobs_.find(id); found != jobs_.end()) {
                found->second.published = std::max(found->second.published, revision);
            }
        }
        co_return result<void>();
    }

    asio::awaitable<result<std::vector<published_outcome>>> published_outcomes(
        wall_time finished_after, job_id id_after, std::size_t count_max) override {
        co_await turn();
        const auto place = [](const published_outcome& one) {
            return std::pair(one.finished_at, one.id);
        };
        std::vector<published_outcome> found;
        for (const auto& [id, one] : jobs_) {
            const bool holds = !one.request.empty() || !one.answer.empty();
            const bool on_disk = one.row.revision > 0 && one.published >= one.row.revision;
            if (is_final(one.row.state) && one.row.finished_at && holds && on_disk &&
                std::pair(*one.row.finished_at, id) > std::pair(finished_after, id_after)) {
                found.push_back({id, *one.row.finished_at, one.row.account, one.row.reference});
            }
        }
        std::ranges::sort(found, {}, place);
        found.resize(std::min(found.size(), count_max));
        co_return found;
    }

    asio::awaitable<result<void>> publish_again(std::vector<job_id> jobs) override {
        co_await turn();
        for (const auto id : jobs) {
            jobs_.at(id).published = 0;
        }
        co_return result<void>();
    }

    asio::awaitable<result<std::vector<witness>>> witnesses(std::string account, wall_time moment,
                                                            std::size_t count_max) override {
        co_await turn();
        std::vector<const job*> found;
        for (const auto& [id, one] : jobs_) {
            if (one.row.account == account && is_witness(one.row)) {
                found.push_back(&one.row);
            }
        }
        std::ranges::sort(found, [](const job* a, const job* b) {
            return std::tie(a->submitted_at, a->id) > std::tie(b->submitted_at, b->id);
        });
        std::vector<witness> cases;
        std::size_t after = 0;
        std::size_t until = 0;
        for (const auto* one : found) {
            if (++(one->submitted_at > moment ? after : until) <= count_max) {
                cases.push_back({one->the_case.id, *one->submitted_at, one->reference});
            }
        }
        co_return cases;
    }

    asio::awaitable<result<std::vector<std::string>>> finished_batches(
        std::size_t count_max) override {
        co_await turn();
        std::vector<std::string> names;
        for (const auto& name : batch_order_) {
            const auto& batch = batches_.at(name);
            if (batch.reported < batch.changed && !has_open(name) && names.size() < count_max) {
                names.push_back(name);
            }
        }
        co_return names;
    }

    asio::awaitable<result<batch_summary>> summary(std::string batch) override {
        co_await turn();
        batch_summary found;
        found.batch = batch;
        const auto known = batches_.find(batch);
        if (known == batches_.end()) {
            co_return found;
        }
        known->second.summarized = known->second.changed;
        found.last_finished_at = known->second.last_finished_at;
        std::map<std::tuple<std::string, job_state, std::string>, tally> sums;
        for (const auto& [id, one] : jobs_) {
            if (one.row.batch == batch) {
                const auto received_at = one.row.received_at;
                found.first_received_at =
                    std::min(found.first_received_at.value_or(received_at), received_at);
                count(sums[{one.row.account, one.row.state, one.reason}], one.row, one.reason);
            }
        }
        for (auto& [key, sum] : sums) {
            found.tallies.push_back(std::move(sum));
        }
        co_return found;
    }

    asio::awaitable<result<void>> reported(std::string batch) override {
        co_await turn();
        if (const auto found = batches_.find(batch); found != batches_.end()) {
            auto& known = found->second;
            known.reported = known.summarized == known.changed ? known.changed : known.reported;
        }
        co_return result<void>();
    }

    asio::awaitable<result<std::vector<tally>>> totals() override {
        co_await turn();
        std::map<std::pair<std::string, job_state>, tally> sums;
        for (const auto& [id, one] : jobs_) {
            count(sums[{one.row.account, one.row.state}], one.row, {});
        }
        std::vector<tally> found;
        found.reserve(sums.size());
        for (auto& [key, sum] : sums) {
            found.push_back(std::move(sum));
        }
        co_return found;
    }

    asio::awaitable<result<std::optional<job>>> find(std::string account,
                                                     std::string reference) override {
        co_await turn();
        const auto found = identities_.find({account, reference});
        co_return found == identities_.end() ? std::nullopt
                                             : std::optional(jobs_.at(found->second).row);
    }

    asio::awaitable<result<std::string>> answer_of(job_id id) override {
        co_await turn();
        const auto found = jobs_.find(id);
        co_return found == jobs_.end() ? std::string() : found->second.answer;
    }

    asio::awaitable<result<job_history>> history(job_id id) override {
        co_await turn();
        const auto found = jobs_.find(id);
        co_return found == jobs_.end() ? job_history() : found->second.past;
    }

    asio::awaitable<result<std::size_t>> erase_requests(wall_time before,
                                                        std::size_t count_max) override {
        co_await turn();
        std::size_t erased = 0;
        for (auto& [id, one] : jobs_) {
            const bool holds = !one.request.empty() || !one.answer.empty();
            if (erased < count_max && holds && is_final(one.row.state) && one.row.finished_at &&
                *one.row.finished_at < before) {
                one.request.clear();
                one.answer.clear();
                one.past = {};
                ++erased;
            }
        }
        co_return erased;
    }

    ledger_counters counters() const override { return counters_; }
    bool failed() const override { return false; }
    std::string failure() const override { return {}; }

private:
    // Lets others run before each call, as a ledger on a disk does.
    asio::awaitable<void> turn() { return asio::post(executor_, asio::use_awaitable); }

    static void count(tally& sum, const job& row, const std::string& reason) {
        sum.account = row.account;
        sum.state = row.state;
        sum.reason = reason;
        ++sum.jobs;
        sum.attempts += row.attempts;
    }

    admission accept_one(new_job fresh) {
        const auto [known, is_new] =
            identities_.try_emplace({fresh.account, fresh.reference}, last_id_ + 1);
        if (!is_new) {
            auto& one = jobs_.at(known->second);
            if (one.content != fresh.content) {
                return admission::duplicate_reference;
            }
            one.published = 0;
            return admission::known;
        }
        entry one;
        one.row.id = ++last_id_;
        one.row.account = std::move(fresh.account);
        one.row.reference = std::move(fresh.reference);
        one.row.batch = std::move(fresh.batch);
        one.row.priority = fresh.priority;
        one.row.received_at = time_.wall_now();
        one.row.not_before = fresh.not_before;
        one.row.expires_at = fresh.expires_at;
        one.row.due_at =
            std::max(fresh.not_before.value_or(one.row.received_at), one.row.received_at);
        one.content = fresh.content;
        one.fingerprint = std::move(fresh.fingerprint);
        one.request = std::move(fresh.request);
        auto [batch, first] = batches_.try_emplace(one.row.batch);
        if (first) {
            batch_order_.push_back(one.row.batch);
        }
        ++batch->second.changed;
        jobs_.emplace(one.row.id, std::move(one));
        ++counters_.rows;
        return admission::accepted;
    }

    // In the order in which they are handed out.
    std::vector<const entry*> waiting(const std::string& account, work_kind kind) const {
        std::vector<const entry*> found;
        for (const auto& [id, one] : jobs_) {
            const bool waits = kind != work_kind::none && work_of(one.row) == kind;
            if (waits && one.row.account == account && !claimed_.contains(id)) {
                found.push_back(&one);
            }
        }
        std::ranges::sort(found, [](const entry* a, const entry* b) {
            return std::tuple(-a->row.priority, a->row.due_at, a->row.id) <
                   std::tuple(-b->row.priority, b->row.due_at, b->row.id);
        });
        return found;
    }

    void replace(entry& one, job after, std::string raw_answer) {
        auto& batch = batches_.at(one.row.batch);
        after.account = one.row.account;
        after.reference = one.row.reference;
        after.batch = one.row.batch;
        after.received_at = one.row.received_at;
        if (after.finished_at && after.finished_at != one.row.finished_at) {
            batch.last_finished_at =
                std::max(batch.last_finished_at.value_or(*after.finished_at), *after.finished_at);
            ++batch.changed;
        }
        auto reason = class_of(after);
        if (std::tie(after.state, after.attempts, reason) !=
            std::tie(one.row.state, one.row.attempts, one.reason)) {
            ++batch.changed;
        }
        if (!raw_answer.empty()) {
            one.answer = std::move(raw_answer);
        }
        one.reason = std::move(reason);
        one.row = std::move(after);
    }

    struct order {
        operation what;
        std::uint32_t uid;
        wall_time now;
    };

    void operate_portion(const order& given, const job_selection& among, job_id after,
                         std::size_t count_max, operated& done) {
        done.last = after;
        std::size_t looked_at = 0;
        auto next = jobs_.upper_bound(after);
        for (; next != jobs_.end() && looked_at < operate_portion_max &&
               done.changed.size() < count_max;
             ++next, ++looked_at) {
            done.last = next->first;
            const auto& row = next->second.row;
            if ((among.account.empty() || row.account == among.account) &&
                (among.batch.empty() || row.batch == among.batch) &&
                (!among.state || row.state == *among.state)) {
                operate_one(given, next->second, done);
            }
        }
        done.end = next == jobs_.end();
    }

    void operate_one(const order& given, entry& one, operated& done) {
        const auto before = one.row;
        const auto decided = onboardd::operate(
            before, given.what,
            {.now = given.now, .restored_at = {}, .request_kept = !one.request.empty()});
        if (decided.has_error()) {
            done.refused.push_back(
                {before.account, before.reference, before.state, decided.error()});
        } else if (!*decided) {
            ++done.unchanged;
        } else {
            keep(one.past, step_of(given.what, given.uid, before, (*decided)->state, given.now));
            replace(one, **decided, {});
            if (claimed_.contains(before.id)) {
                revoked_.insert(before.id);
            }
            done.changed.push_back({one.row, before.state});
            ++counters_.rows;
        }
    }

    static void keep(job_history& past, job_step step) {
        past.steps.push_back(std::move(step));
        if (past.steps.size() > history_steps_max) {
            past.steps.erase(past.steps.begin());
            ++past.omitted;
        }
    }

    std::string class_of(const job& row) {
        auto reason = reason_of(row);
        auto& known = reasons_[{row.batch, row.account, row.state}];
        if (!known.contains(reason) && !reason.empty() && known.size() >= reasons_max) {
            reason = other_reasons;
        }
        known.insert(reason);
        return reason;
    }

    bool has_open(const std::string& batch) const {
        return std::ranges::any_of(jobs_, [&](const auto& one) {
            return one.second.row.batch == batch && is_open(one.second.row.state);
        });
    }

    asio::any_io_executor executor_;
    clock& time_;
    job_id last_id_ = 0;
    std::map<job_id, entry> jobs_;
    std::map<std::pair<std::string, std::string>, job_id> identities_;
    std::map<std::string, batch_entry> batches_;
    std::vector<std::string> batch_order_;
    std::map<std::tuple<std::string, std::string, job_state>, std::set<std::string>> reasons_;
    std::unordered_set<job_id> claimed_;
    std::unordered_set<job_id> revoked_;  // claimed, and changed by operate() since
    std::map<std::string, operator_pause> pauses_;
    ledger_counters counters_;
};

}  // namespace

std::unique_ptr<ledger> make_memory_ledger(asio::any_io_executor executor, clock& time) {
    return std::make_unique<memory_ledger>(std::move(executor), time);
}

}  // namespace onboardd
