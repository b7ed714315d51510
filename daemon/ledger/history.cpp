#include "onboardd/ledger/history.hpp"

#include <algorithm>

#include "onboardd/base/text.hpp"

namespace onboardd {
namespace {

std::string words_of(const std::optional<job_error>& error) {
    if (!error) {
        return {};
    }
    std::string words;
    const auto status = "HTTP status " + std::to_string(error->http_status);
    if (error->http_status != 0 && error->message.find(status) == std::string::npos) {
        words = status + ": ";
    }
    words += error->message;
    if (!error->code.empty()) {
        words += " (" + error->code + ")";
    }
    cut_utf8(words, step_words_bytes_max);
    return words;
}

}  // namespace

std::optional<job_step> step_of(job_state from, std::uint32_t attempts, const job& after,
                                wall_time at) {
    const bool put_off = after.state == job_state::deferred;
    const bool lost = after.state == job_state::unknown && from != job_state::unknown;
    const bool adopted = from == job_state::unknown &&
                         (after.state == job_state::accepted || after.state == job_state::created);
    if (!put_off && !lost && !adopted) {
        return std::nullopt;
    }
    // It was found before it ended, though it is recorded after.
    const auto found_at = adopted ? std::min(at, after.finished_at.value_or(at)) : at;
    return job_step{.at = found_at,
                    .from = from,
                    .to = after.state,
                    // One that was refused for the account's sake does not count any more.
                    .attempt = std::max(attempts, after.attempts),
                    .what = {},
                    .uid = 0,
                    .words = words_of(after.error)};
}

job_step step_of(operation what, std::uint32_t uid, const job& before, job_state to, wall_time at) {
    return {.at = at,
            .from = before.state,
            .to = to,
            .attempt = before.attempts,
            .what = what,
            .uid = uid,
            .words = words_of(before.error)};
}

}  // namespace onboardd
