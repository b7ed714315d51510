#include "onboardd/ledger/job.hpp"

#include "onboardd/base/text.hpp"
#include "onboardd/ledger/ledger.hpp"

namespace onboardd {
std::string_view to_string(job_state state) noexcept {
    switch (state) {
        case job_state::queued:
            return "queued";
        case job_state::submitting:
            return "submitting";
        case job_state::unknown:
            return "unknown";
        case job_state::deferred:
            return "deferred";
        case job_state::accepted:
            return "accepted";
        case job_state::created:
            return "created";
        case job_state::rejected:
            return "rejected";
        case job_state::expired:
            return "expired";
        case job_state::conflict:
            return "conflict";
        case job_state::held:
            return "held";
        case job_state::cancelled:
            return "cancelled";
    }
    return "invalid";
}

std::optional<job_state> parse_job_state(std::string_view text) noexcept {
    for (const auto state : all_job_states) {
        if (to_string(state) == text) {
            return state;
        }
    }
    return std::nullopt;
}

bool is_final(job_state state) noexcept {
    switch (state) {
        case job_state::created:
        case job_state::rejected:
        case job_state::expired:
        case job_state::conflict:
        case job_state::cancelled:
            return true;
        case job_state::queued:
        case job_state::submitting:
        case job_state::unknown:
        case job_state::deferred:
        case job_state::accepted:
        case job_state::held:
            return false;
    }
    return false;
}

bool is_open(job_state state) noexcept {
    return !is_final(state) && state != job_state::held;
}

bool is_witness(const job& row) noexcept {
    const bool has_case = row.state == job_state::accepted || row.state == job_state::created;
    return has_case && !row.the_case.id.empty() && row.submitted_at.has_value();
}

work_kind work_of(const job& row) noexcept {
    const bool watched = row.lost_at.has_value();
    switch (row.state) {
        case job_state::queued:
        case job_state::deferred:
            return work_kind::submit;
        case job_state::unknown:
            return work_kind::look_up;
        case job_state::accepted:
            return work_kind::read;
        case job_state::created:
            return watched ? work_kind::look_up : row.followed ? work_kind::read : work_kind::none;
        case job_state::rejected:
        case job_state::expired:
        case job_state::cancelled:
            return watched ? work_kind::look_up : work_kind::none;
        case job_state::submitting:
        case job_state::conflict:
        case job_state::held:
            return work_kind::none;
    }
    return work_kind::none;
}

bool has_outcome(const job& row) noexcept {
    return row.revision > 0 && (is_final(row.state) || row.state == job_state::accepted);
}

std::string_view to_string(error_kind kind) noexcept {
    switch (kind) {
        case error_kind::invalid_job:
            return "invalid_job";
        case error_kind::duplicate_reference:
            return "duplicate_reference";
        case error_kind::refused:
            return "refused";
        case error_kind::expired:
            return "expired";
        case error_kind::conflict:
            return "conflict";
        case error_kind::cancelled:
            return "cancelled";
    }
    return "invalid";
}

std::string reason_of(const job& row) {
    if (!row.error) {
        return {};
    }
    std::string reason(to_string(row.error->kind));
    if (row.error->http_status != 0) {
        reason += ' ' + std::to_string(row.error->http_status);
    }
    if (!row.error->code.empty()) {
        reason += ' ' + row.error->code;
    }
    if (!row.error->message.empty()) {
        reason += ": " + row.error->message;
    }
    cut_utf8(reason, 200);
    return reason;
}

}  // namespace onboardd
