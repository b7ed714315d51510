#include "daemon/engine/context.hpp"

#include <algorithm>

namespace onboardd {
namespace {

// Whether a transition brings the run nearer to its end. Trying again and again does not.
bool is_progress(job_state from, job_state to) {
    return is_final(to) || to == job_state::accepted || from == job_state::queued ||
           from == job_state::unknown;
}

retry_reason reason_of_retry(const job& after, job_state from) {
    if (from == job_state::unknown) {
        return retry_reason::proven_absence;
    }
    const int status = after.error ? after.error->http_status : 0;
    switch (status) {
        case 0:
            return retry_reason::no_connection;
        case 401:
        case 403:
            return retry_reason::shut_out;
        case 429:
        case 503:
            return retry_reason::too_many;
        default:
            return retry_reason::other_status;
    }
}

reconciliation result_of_doubt(job_state to) {
    switch (to) {
        case job_state::accepted:
        case job_state::created:
            return reconciliation::found;
        case job_state::queued:
        case job_state::deferred:
            return reconciliation::absent;
        case job_state::conflict:
        case job_state::held:
            return reconciliation::undecided;
        case job_state::submitting:
        case job_state::unknown:
        case job_state::rejected:
        case job_state::expired:
        case job_state::cancelled:
            return reconciliation::ended;
    }
    return reconciliation::ended;
}

void measure(measures& seen, const job& after, job_state from) {
    if (after.state == job_state::submitting && after.attempts == 1 && after.submitted_at) {
        const auto due = std::max(after.received_at, after.not_before.value_or(after.received_at));
        seen.queue_wait.observe(*after.submitted_at - due);
    }
    if (after.state == job_state::deferred) {
        seen.retries[static_cast<std::size_t>(reason_of_retry(after, from))].add();
    }
    if (from == job_state::unknown) {
        seen.reconciled[static_cast<std::size_t>(result_of_doubt(after.state))].add();
    }
    if (is_final(after.state) && !is_final(from) && after.finished_at) {
        seen.job_time.observe(*after.finished_at - after.received_at);
    }
}

}  // namespace

void engine_context::count(const std::string& account, job_state state, std::uint64_t jobs) {
    const auto index = static_cast<std::size_t>(state);
    status.by_state[index] += jobs;
    by_account[account][index] += jobs;
}

void engine_context::moved(const job& after, std::optional<job_state> from) {
    if (from == after.state) {
        return;
    }
    if (from) {
        measure(seen, after, *from);
    }
    status.moves += !from || is_progress(*from, after.state) ? 1 : 0;
    const auto to = static_cast<std::size_t>(after.state);
    auto& of_account = by_account[after.account];
    ++status.by_state[to];
    ++of_account[to];
    ++status.reached[to];
    if (from) {
        --status.by_state[static_cast<std::size_t>(*from)];
        --of_account[static_cast<std::size_t>(*from)];
    }
    batches_moved.insert(after.batch);
    if (!is_open(after.state)) {
        batch_may_be_done();
    }
    if (parts.log.enabled(severity::debug)) {
        parts.log.debug("job_moved", std::string(to_string(after.state)),
                        {{"account", after.account}, {"job", after.reference}});
    }
}

}  // namespace onboardd
