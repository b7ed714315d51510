#pragma once

// SQLite with errors as exceptions and handles that release themselves. Private to the ledger: its
// failures are turned into errc::ledger_failed or config_error at the module's edge.

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "onboardd/base/clock.hpp"

namespace onboardd::sqlite {

// An SQLite call did not return what it must. what(): the call, SQLite's words, its extended code
// and errno.
class failure : public std::runtime_error {
public:
    failure(int code, int system_error, const std::string& text)
        : std::runtime_error(text), code_(code), system_error_(system_error) {}

    [[nodiscard]] int code() const noexcept { return code_; }

    // There was no room for a write, and SQLite had nothing in doubt: what
    // the transaction wrote so far can be rolled back, and the connection may go on. All other
    // failures of a commit leave it undecided. Why a full disk decides it: a transaction is in the
    // log once the whole frame with its commit mark is, and that frame is the last that is written;
    // so a write that found no room came before that. What follows it, the sync and the growth of
    // the log's index, fails with other codes (SQLITE_IOERR_FSYNC, _SHMSIZE). Only padding would
    // come between, and there is none on files with SQLITE_IOCAP_POWERSAFE_OVERWRITE, which is
    // checked at the start. (wal.c: walFrames(), walWriteOneFrame(); os_unix.c: unixWrite(), which
    // makes SQLITE_FULL of ENOSPC alone; lang_transaction.html, "Response To Errors Within A
    // Transaction", for the ROLLBACK.)
    [[nodiscard]] bool found_no_room() const noexcept;

    // The same at the start, where nothing can be in doubt yet: whatever found no room.
    [[nodiscard]] bool found_no_room_at_start() const noexcept;

private:
    int code_;
    int system_error_;
};

// A connection, used by one thread at a time.
class database {
public:
    // How long a call waits for another program that holds a lock of SQLite's.
    static constexpr int busy_wait_milliseconds = 5000;

    enum class access : std::uint8_t { write, read };

    // Opens a file that exists.
    explicit database(const std::filesystem::path& file, access mode = access::write);

    // Runs one or more statements without parameters and without rows; `sql` is always a constant
    // of ours.
    void run(const char* sql);

    // The single integer that a constant query or pragma gives.
    [[nodiscard]] std::int64_t integer(const char* sql);
    [[nodiscard]] std::string text(const char* sql);

    // Whether the file has it: older versions lack some.
    [[nodiscard]] bool has_table(std::string_view name);

    // Leaves the files as they are when the connection is closed: no checkpoint.
    void leave_files_alone() noexcept;

    [[nodiscard]] sqlite3* handle() const noexcept { return handle_.get(); }

    // Throws `failure` with the connection's last error.
    [[noreturn]] void fail(std::string_view doing) const;

private:
    struct closer {
        void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
    };
    std::unique_ptr<sqlite3, closer> handle_;
};

// Text or bytes that outlive the query.
struct bytes_view {
    std::string_view value;
};

class query;

// A prepared statement, kept for the life of the connection. Use it through `query`, one at a time.
class statement {
public:
    statement(database& db, std::string_view sql);

    // Binds all parameters in order, runs to the end, resets.
    template <class... Values>
    void run(const Values&... values) {
        bind_all(values...);
        const reset_at_end guard{*this};
        while (step()) {
        }
    }

    // The same with the columns of a row, whatever they hold; it may be of another connection.
    void run_with(const query& row);

private:
    friend class query;

    struct reset_at_end {
        statement& self;
        ~reset_at_end() { sqlite3_reset(self.handle_.get()); }
    };
    struct finalizer {
        void operator()(sqlite3_stmt* handle) const noexcept { sqlite3_finalize(handle); }
    };

    template <class... Values>
    void bind_all(const Values&... values) {
        int index = 0;
        (bind(++index, values), ...);
    }

    template <std::integral T>
    void bind(int index, T value) {
        bind_integer(index, static_cast<std::int64_t>(value));
    }
    void bind(int index, wall_time value) { bind(index, value.time_since_epoch().count()); }
    void bind(int index, std::string_view value);
    void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
    void bind(int index, bytes_view value);
    void bind(int index, std::nullopt_t);

    template <class T>
    void bind(int index, const std::optional<T>& value) {
        if (value) {
            bind(index, *value);
        } else {
            bind(index, std::nullopt);
        }
    }

    void bind_integer(int index, std::int64_t value);
    bool step();
    void check(int code, const char* doing) const;

    std::unique_ptr<sqlite3_stmt, finalizer> handle_;
};

// One run of a statement that gives rows. What its columns show is valid until next() or the end of
// the query.
class query {
public:
    template <class... Values>
    explicit query(statement& prepared, const Values&... values) : prepared_(prepared) {
        prepared_.bind_all(values...);
    }
    query(const query&) = delete;
    query& operator=(const query&) = delete;
    ~query() { sqlite3_reset(prepared_.handle_.get()); }

    // Moves to the next row; false at the end.
    bool next() { return prepared_.step(); }

    [[nodiscard]] bool is_null(int column) const;
    [[nodiscard]] bool is_integer(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::string_view bytes(int column) const;
    [[nodiscard]] std::string text(int column) const { return std::string(bytes(column)); }
    [[nodiscard]] wall_time time(int column) const {
        return wall_time(milliseconds(integer(column)));
    }
    [[nodiscard]] std::optional<wall_time> time_or_none(int column) const;

    // An integer that was stored from an unsigned 32-bit one. Throws `failure` when it is none: the
    // file is damaged.
    [[nodiscard]] std::uint32_t count(int column) const;

    [[nodiscard]] int columns() const;

private:
    friend class statement;

    statement& prepared_;
};

// Throws `failure` with SQLITE_CORRUPT: the file holds what this program never writes.
[[noreturn]] void fail_corrupt(std::string_view what);

}  // namespace onboardd::sqlite
