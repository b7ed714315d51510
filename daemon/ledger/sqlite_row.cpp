#include "daemon/ledger/sqlite_row.hpp"

#include <algorithm>
#include <charconv>

#include "daemon/ledger/checksum.hpp"

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
    "id, tally, state, work, priority, followed, not_before, expires_at, due_at, submitted_at,"
    " finished_at, attempts, retries, resends, absent_since, case_uuid, case_id, contract_url,"
    " case_status, case_created_at, error_kind, error_http_status, error_code, error_message,"
    " error_details, error_field, revision, lost_at, origin_sum, state_sum,"
    " account, batch, received_at, reference, content, fingerprint, published, erase_at";

const char* const insert_job =
    "INSERT INTO job (tally, state, work, priority, followed, not_before, expires_at, due_at,"
    " submitted_at, finished_at, attempts, retries, resends, absent_since, case_uuid, case_id,"
    " contract_url, case_status, case_created_at, error_kind, error_http_status, error_code,"
    " error_message, error_details, error_field, revision, lost_at, origin_sum, state_sum,"
    " account, batch, received_at, reference, content, fingerprint, published)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
    " ?, ?, ?, ?, ?, ?, ?, 0)"
    " ON CONFLICT (account, reference) DO NOTHING";

const char* const update_job =
    "UPDATE job SET tally = ?1, state = ?2, work = ?3, priority = ?4, followed = ?5,"
    " not_before = ?6, expires_at = ?7, due_at = ?8, submitted_at = ?9, finished_at = ?10,"
    " attempts = ?11, retries = ?12, resends = ?13, absent_since = ?14, case_uuid = ?15,"
    " case_id = ?16, contract_url = ?17, case_status = ?18, case_created_at = ?19,"
    " error_kind = ?20, error_http_status = ?21, error_code = ?22, error_message = ?23,"
    " error_details = ?24, error_field = ?25, revision = ?26, lost_at = ?27, origin_sum = ?28,"
    " state_sum = ?29, erase_at = ?30 WHERE id = ?31";

namespace {

// Calls `use` with what state_sum covers, in the order of the columns.
template <class Use>
void with_state(const job& row, std::int64_t tally, std::int64_t origin_sum, Use use) {
    static const job_error none;
    const auto& error = row.error ? *row.error : none;
    const auto kind = row.error ? std::optional(static_cast<int>(row.error->kind)) : std::nullopt;
    const auto& the_case = row.the_case;
    use(tally, static_cast<int>(row.state), static_cast<int>(work_of(row)),
        static_cast<int>(row.priority), row.followed, row.not_before, row.expires_at, row.due_at,
        row.submitted_at, row.finished_at, row.attempts, row.retries, row.resends, row.absent_since,
        the_case.id, the_case.case_id, the_case.contract_url, the_case.case_status,
        the_case.created_at, kind, error.http_status, error.code, error.message, error.details,
        error.field, row.revision, row.lost_at, origin_sum);
}

template <class... Values>
std::int64_t seal(const Values&... values) {
    checksum sum;
    (sum.add(values), ...);
    return sum.value();
}

void add_column(checksum& sum, const query& rows, int column) {
    if (rows.is_null(column)) {
        sum.add(std::nullopt);
    } else if (rows.is_integer(column)) {
        sum.add(rows.integer(column));
    } else {
        sum.add(rows.bytes(column));
    }
}

}  // namespace

std::int64_t sum_of(const job_origin& origin) {
    return seal(origin.account_name, origin.batch_name, origin.received_at, origin.reference,
                origin.content, origin.fingerprint);
}

std::int64_t origin_sum_of(const query& rows, std::string_view account_name,
                           std::string_view batch_name) {
    checksum sum;
    sum.add(account_name);
    sum.add(batch_name);
    for (int column = received_column; column <= fingerprint_column; ++column) {
        add_column(sum, rows, column);
    }
    return sum.value();
}

std::int64_t state_sum_of(const query& rows, std::int64_t origin_sum) {
    checksum sum;
    for (int column = tally_column; column < origin_sum_column; ++column) {
        add_column(sum, rows, column);
    }
    sum.add(origin_sum);
    return sum.value();
}

job read_row(const query& rows) {
    job row;
    row.id = rows.integer(id_column);
    row.state = state_in(rows.integer(state_column));
    row.priority = static_cast<std::int8_t>(rows.integer(4));
    row.followed = rows.integer(5) != 0;
    row.not_before = rows.time_or_none(6);
    row.expires_at = rows.time_or_none(7);
    row.due_at = rows.time(8);
    row.submitted_at = rows.time_or_none(9);
    row.finished_at = rows.time_or_none(finished_column);
    row.attempts = rows.count(attempts_column);
    row.retries = rows.count(12);
    row.resends = rows.count(13);
    row.absent_since = rows.time_or_none(14);
    row.the_case.id = rows.text(case_uuid_column);
    row.the_case.case_id = rows.text(16);
    row.the_case.contract_url = rows.text(17);
    row.the_case.case_status = rows.text(18);
    row.the_case.created_at = rows.text(19);
    row.error = read_error(rows, 20);
    row.revision = rows.count(revision_column);
    row.lost_at = rows.time_or_none(27);
    row.received_at = rows.time(received_column);
    row.reference = rows.text(reference_column);
    return row;
}

void insert_row(statement& insert, const job& fresh, std::int64_t tally, const job_origin& origin) {
    with_state(fresh, tally, sum_of(origin), [&](const auto&... state) {
        insert.run(state..., seal(state...), origin.account, origin.batch, origin.received_at,
                   origin.reference, bytes_view{origin.content}, origin.fingerprint);
    });
}

void update_row(statement& update, const job& after, std::int64_t tally,
                std::optional<wall_time> erase_at, std::int64_t origin_sum) {
    with_state(after, tally, origin_sum, [&](const auto&... state) {
        update.run(state..., seal(state...), erase_at, after.id);
    });
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
