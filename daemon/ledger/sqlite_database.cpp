#include "daemon/ledger/sqlite_database.hpp"

#include <cerrno>
#include <limits>
#include <system_error>

namespace onboardd::sqlite {
namespace {

std::string describe(std::string_view doing, int code, const char* words, int system_error) {
    std::string text(doing);
    text += ": ";
    text += words;
    text += " (SQLite " + std::to_string(code);
    if (system_error != 0) {
        text += ", " + std::generic_category().message(system_error);
    }
    return text + ")";
}

}  // namespace

bool failure::found_no_room() const noexcept {
    return code_ == SQLITE_FULL;
}

bool failure::found_no_room_at_start() const noexcept {
    return found_no_room() || code_ == SQLITE_IOERR_SHMSIZE || system_error_ == ENOSPC ||
           system_error_ == EDQUOT;
}

void fail_corrupt(std::string_view what) {
    throw failure(SQLITE_CORRUPT, 0,
                  describe(what, SQLITE_CORRUPT, sqlite3_errstr(SQLITE_CORRUPT), 0));
}

database::database(const std::filesystem::path& file, access mode) {
    sqlite3* opened = nullptr;
    // One thread at a time uses the connection, so SQLite need not lock its mutexes.
    const int flags = (mode == access::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const int code = sqlite3_open_v2(file.c_str(), &opened, flags, nullptr);
    handle_.reset(opened);
    if (code != SQLITE_OK) {
        const int system_error = opened != nullptr ? sqlite3_system_errno(opened) : 0;
        throw failure(code, system_error,
                      describe("open", code, sqlite3_errstr(code), system_error));
    }
    sqlite3_busy_timeout(opened, busy_wait_milliseconds);
}

void database::run(const char* sql) {
    if (sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
        fail(sql);
    }
}

std::int64_t database::integer(const char* sql) {
    statement prepared(*this, sql);
    query rows(prepared);
    if (!rows.next()) {
        fail_corrupt(sql);
    }
    return rows.integer(0);
}

std::string database::text(const char* sql) {
    statement prepared(*this, sql);
    query rows(prepared);
    if (!rows.next()) {
        fail_corrupt(sql);
    }
    return rows.text(0);
}

void database::leave_files_alone() noexcept {
    sqlite3_db_config(handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void database::fail(std::string_view doing) const {
    const int code = sqlite3_extended_errcode(handle());
    const int system_error = sqlite3_system_errno(handle());
    throw failure(code, system_error,
                  describe(doing, code, sqlite3_errmsg(handle()), system_error));
}

statement::statement(database& db, std::string_view sql) {
    sqlite3_stmt* prepared = nullptr;
    const int code = sqlite3_prepare_v3(db.handle(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
    if (code != SQLITE_OK) {
        db.fail(sql);
    }
    handle_.reset(prepared);
}

void statement::check(int code, const char* doing) const {
    if (code == SQLITE_OK) {
        return;
    }
    auto* db = sqlite3_db_handle(handle_.get());
    const int system_error = sqlite3_system_errno(db);
    throw failure(code, system_error, describe(doing, code, sqlite3_errmsg(db), system_error));
}

void statement::bind_integer(int index, std::int64_t value) {
    check(sqlite3_bind_int64(handle_.get(), index, value), "bind");
}

void statement::bind(int index, std::string_view value) {
    // A null pointer would bind NULL where the text is empty.
    const char* const data = value.data() != nullptr ? value.data() : "";
    check(sqlite3_bind_text64(handle_.get(), index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8),
          "bind");
}

void statement::bind(int index, bytes_view value) {
    const char* const data = value.value.data() != nullptr ? value.value.data() : "";
    check(sqlite3_bind_blob64(handle_.get(), index, data, value.value.size(), SQLITE_STATIC),
          "bind");
}

void statement::bind(int index, std::nullopt_t) {
    check(sqlite3_bind_null(handle_.get(), index), "bind");
}

bool statement::step() {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) {
        return true;
    }
    check(code == SQLITE_DONE ? SQLITE_OK : code, sqlite3_sql(handle_.get()));
    return false;
}

bool database::has_table(std::string_view name) {
    statement find(*this, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?");
    return query(find, name).next();
}

void statement::run_with(const query& row) {
    auto* const from = row.prepared_.handle_.get();
    for (int column = 0; column < row.columns(); ++column) {
        check(sqlite3_bind_value(handle_.get(), column + 1, sqlite3_column_value(from, column)),
              "sqlite3_bind_value");
    }
    run();
}

int query::columns() const {
    return sqlite3_column_count(prepared_.handle_.get());
}

bool query::is_null(int column) const {
    return sqlite3_column_type(prepared_.handle_.get(), column) == SQLITE_NULL;
}

bool query::is_integer(int column) const {
    return sqlite3_column_type(prepared_.handle_.get(), column) == SQLITE_INTEGER;
}

std::int64_t query::integer(int column) const {
    return sqlite3_column_int64(prepared_.handle_.get(), column);
}

std::string_view query::bytes(int column) const {
    auto* const row = prepared_.handle_.get();
    const void* const data = sqlite3_column_blob(row, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(row, column));
    return data == nullptr ? std::string_view()
                           : std::string_view(static_cast<const char*>(data), size);
}

std::optional<wall_time> query::time_or_none(int column) const {
    return is_null(column) ? std::nullopt : std::optional(time(column));
}

std::uint32_t query::count(int column) const {
    const auto value = integer(column);
    if (value < 0 || value > std::numeric_limits<std::uint32_t>::max()) {
        fail_corrupt("a count out of range");
    }
    return static_cast<std::uint32_t>(value);
}

}  // namespace onboardd::sqlite
