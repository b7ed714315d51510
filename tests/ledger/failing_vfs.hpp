#pragma once

// A disk that fails when told, under SQLite. It stands between SQLite and the system's own file
// layer, and knows what a power cut would leave: what was synced, without what was lost in a sync
// that failed (the kernel forgets that).

#include <sqlite3.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace onboardd::test {

class failing_vfs {
public:
    failing_vfs();  // SQLite's default from now on; one at a time
    failing_vfs(const failing_vfs&) = delete;
    failing_vfs& operator=(const failing_vfs&) = delete;
    ~failing_vfs();

    // The n-th write, truncation or sync from now on, counted from 0, fails; all later ones too if
    // `for_ever`.
    void fail_at(std::size_t n, bool for_ever);
    void fail_next_sync();

    // The same where the disk is full: the n-th write finds room for half of its bytes, and so does
    // every later one if `for_ever`. Only writes to the file `only` count, where one is named.
    void fill_at(std::size_t n, bool for_ever, const std::string& only = {});
    void work();  // no failure from now on

    // Writes, truncations and syncs since then: "write ledger.db-wal".
    void clear_log();
    std::vector<std::string> log() const;

    // The contents that each file has after a power cut now.
    std::map<std::filesystem::path, std::string> after_power_cut() const;

private:
    struct range {
        std::size_t start = 0;
        std::size_t end = 0;
    };
    struct tracked_file {
        std::string durable;
        std::string cached;  // as programs see it
        std::vector<range> dirty;
    };

    struct open_file {
        std::filesystem::path name;
        const sqlite3_io_methods* methods = nullptr;
    };

    static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags);
    static int close(sqlite3_file* file);
    static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset);
    static int truncate(sqlite3_file* file, sqlite3_int64 size);
    static int sync(sqlite3_file* file, int flags);

    bool fails(const char* action, sqlite3_file* file);
    void write_through(sqlite3_file* file, const void* data, std::size_t size,
                       sqlite3_int64 offset);
    const sqlite3_io_methods& really(sqlite3_file* file) { return *open_.at(file).methods; }
    tracked_file& file_of(sqlite3_file* file) { return files_[open_.at(file).name]; }

    static failing_vfs* current_;  // NOLINT(readability-identifier-naming): private, so with suffix

    mutable std::mutex mutex_;
    sqlite3_vfs* real_;
    sqlite3_vfs shim_;
    std::map<const sqlite3_io_methods*, sqlite3_io_methods> methods_;  // by what they stand for
    std::map<sqlite3_file*, open_file> open_;
    std::map<std::filesystem::path, tracked_file> files_;
    std::vector<std::string> log_;
    std::size_t calls_ = 0;
    std::size_t fail_at_ = static_cast<std::size_t>(-1);
    bool for_ever_ = false;
    bool full_ = false;  // what fails finds no room
    std::string only_;
    bool fail_next_sync_ = false;
};

}  // namespace onboardd::test
