#include "daemon/ledger/sqlite_row.hpp"

#include <algorithm>
#include <charconv>

namespace onboardd::sqlite {
namespace {

job_state state_in(std::int64_t stored) {
    const auto known = [stored](job_state state) {
        return static_cast<std::int64_t>(state) == stored;
    };
    if (!std::ranges::any_of(all_job_states, known)) {
        fail_corrupt("a job in a state that does not exist");
    }
    return static_cast<job_state>(stored);
}

error_kind error_kind_in(std::int64_t stored) {
    if (stored < static_cast<int>(error_kind::invalid_job) ||
        stored > static_cast<int>(error_kind::cancelled)) {
        fail_corrupt("a job with an error of a kind that does not exist");
    }
    return static_cast<error_kind>(stored);
}

std::optional<job_error> read_error(const query& rows, int column) {
    if (rows.is_null(column)) {
        return std::nullopt;
    }
    return job_error{.kind = error_kind_in(rows.integer(column)),
                     .http_status = static_cast<int>(rows.integer(column + 1)),
                     .code = rows.text(column + 2),
                     .message = rows.text(column + 3),
                     .details = rows.text(column + 4),
                     .field = rows.text(column + 5)};
}

void append_netstring(std::string& packed, std::string_view part) {
    packed += std::to_string(part.size());
    packed += ':';
    packed += part;
}

std::string take_netstring(std::string_view& packed) {
    std::size_t size = 0;
    const auto* const end = packed.data() + packed.size();
    const auto [colon, ec] = std::from_chars(packed.data(), end, size);
    if (ec != std::errc() || colon == end || *colon != ':' ||
        static_cast<std::size_t>(end - colon - 1) < size) {
        fail_corrupt("a fingerprint that cannot be read");
    }
    std::string part(colon + 1, size);
    packed.remove_prefix(static_cast<std::size_t>(colon + 1 - packed.data()) + size);
    return part;
}

}  // namespace

const char* const job_columns =
    "id, account, batch, state, priority, followed, received_at, not_before, expires_at, due_at, "
    "submitted_at,"
    " finished_at, attempts, retries, resends, absent_since, case_uuid, case_id, contract_url, "
    "case_status,"
    " case_created_at, error_kind, error_http_status, error_code, error_message, error_details, "
    "error_field,"
    " revision, lost_at, reference, fingerprint";

const char* const insert_job =
    "INSERT INTO job (account, batch, tally, priority, due_at, received_at, not_before, "
    "expires_at, reference,"
    " content, fingerprint, state, work, followed, attempts, retries, resends, revision, "
    "published, case_uuid,"
    " case_id, contract_url, case_status, case_created_at, error_http_status, error_code, "
    "error_message,"
    " error_details, error_field)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1, 0, 0, 0, 0, 0, 0, '', '', '', '', '', 0, '', "
    "'', '', '')"
    " ON CONFLICT (account, reference) DO NOTHING";

const char* const update_job =
    "UPDATE job SET tally = ?2, erase_at = ?3, state = ?4, work = ?5, priority = ?6, followed = "
    "?7, not_before = ?8,"
    " expires_at = ?9, due_at = ?10, submitted_at = ?11, finished_at = ?12, attempts = ?13, "
    "retries = ?14,"
    " resends = ?15, absent_since = ?16, case_uuid = ?17, case_id = ?18, contract_url = ?19, "
    "case_status = ?20,"
    " case_created_at = ?21, error_kind = ?22, error_http_status = ?23, error_code = ?24, "
    "error_message = ?25,"
    " error_details = ?26, error_field = ?27, revision = ?28, lost_at = ?29 WHERE id = ?1";

job read_row(const query& rows) {
    job row;
    row.id = rows.integer(0);
    row.state = state_in(rows.integer(3));
    row.priority = static_cast<std::int8_t>(rows.integer(4));
    row.followed = rows.integer(5) != 0;
    row.received_at = rows.time(6);
    row.not_before = rows.time_or_none(7);
    row.expires_at = rows.time_or_none(8);
    row.due_at = rows.time(9);
    row.submitted_at = rows.time_or_none(10);
    row.finished_at = rows.time_or_none(11);
    row.attempts = rows.count(12);
    row.retries = rows.count(13);
    row.resends = rows.count(14);
    row.absent_since = rows.time_or_none(15);
    row.the_case.id = rows.text(16);
    row.the_case.case_id = rows.text(17);
    row.the_case.contract_url = rows.text(18);
    row.the_case.case_status = rows.text(19);
    row.the_case.created_at = rows.text(20);
    row.error = read_error(rows, 21);
    row.revision = rows.count(27);
    row.lost_at = rows.time_or_none(28);
    row.reference = rows.text(29);
    return row;
}

void update_row(statement& update, const job& after, std::int64_t tally,
                std::optional<wall_time> erase_at) {
    static const job_error none;
    const auto& error = after.error ? *after.error : none;
    const auto kind = after.error ? std::optional(static_cast<int>(error.kind)) : std::nullopt;
    const auto& the_case = after.the_case;
    update.run(after.id, tally, erase_at, static_cast<int>(after.state),
               static_cast<int>(work_of(after.state, after.followed, after.lost_at.has_value())),
               static_cast<int>(after.priority), after.followed, after.not_before, after.expires_at,
               after.due_at, after.submitted_at, after.finished_at, after.attempts, after.retries,
               after.resends, after.absent_since, the_case.id, the_case.case_id,
               the_case.contract_url, the_case.case_status, the_case.created_at, kind,
               error.http_status, error.code, error.message, error.details, error.field,
               after.revision, after.lost_at);
}

std::string pack(const case_fingerprint& fingerprint) {
    std::string packed;
    append_netstring(packed, fingerprint.organization_number);
    for (const auto& product : fingerprint.products) {
        append_netstring(packed, product);
    }
    return packed;
}

case_fingerprint unpack(std::string_view packed) {
    case_fingerprint fingerprint;
    fingerprint.organization_number = take_netstring(packed);
    while (!packed.empty()) {
        fingerprint.products.push_back(take_netstring(packed));
    }
    return fingerprint;
}

}  // namespace onboardd::sqlite
