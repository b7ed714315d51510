#include "ledger/failing_vfs.hpp"

#include <algorithm>
#include <string_view>

#include "ledger/ledger_fixture.hpp"

namespace onboardd::test {

failing_vfs* failing_vfs::current_ = nullptr;

failing_vfs::failing_vfs() : real_(sqlite3_vfs_find(nullptr)), shim_(*real_) {
    shim_.zName = "onboardd-failing";
    shim_.pNext = nullptr;
    shim_.xOpen = &failing_vfs::open;
    current_ = this;
    sqlite3_vfs_register(&shim_, 1);
}

failing_vfs::~failing_vfs() {
    sqlite3_vfs_unregister(&shim_);
    sqlite3_vfs_register(real_, 1);
    current_ = nullptr;
}

void failing_vfs::fail_at(std::size_t n, bool for_ever) {
    const std::lock_guard lock(mutex_);
    calls_ = 0;
    fail_at_ = n;
    for_ever_ = for_ever;
    full_ = false;
    only_.clear();
}

void failing_vfs::fill_at(std::size_t n, bool for_ever, const std::string& only) {
    fail_at(n, for_ever);
    const std::lock_guard lock(mutex_);
    full_ = true;
    only_ = only;
}

void failing_vfs::fail_next_sync() {
    const std::lock_guard lock(mutex_);
    fail_next_sync_ = true;
}

void failing_vfs::work() {
    fail_at(static_cast<std::size_t>(-1), false);
}

void failing_vfs::clear_log() {
    const std::lock_guard lock(mutex_);
    log_.clear();
}

std::vector<std::string> failing_vfs::log() const {
    const std::lock_guard lock(mutex_);
    return log_;
}

std::map<std::filesystem::path, std::string> failing_vfs::after_power_cut() const {
    const std::lock_guard lock(mutex_);
    std::map<std::filesystem::path, std::string> contents;
    for (const auto& [name, file] : files_) {
        contents.emplace(name, file.durable);
    }
    return contents;
}

bool failing_vfs::fails(const char* action, sqlite3_file* file) {
    log_.push_back(std::string(action) + ' ' + open_.at(file).name.filename().string());
    const auto name = open_.at(file).name.filename();
    if (full_ && (std::string_view(action) != "write" || (!only_.empty() && name != only_))) {
        return false;  // only writes need room
    }
    const auto call = calls_++;
    return call == fail_at_ || (for_ever_ && call > fail_at_);
}

// The real layer makes its file; only its table of methods is exchanged, so that nothing has to be
// passed on by hand.
int failing_vfs::open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags,
                      int* out_flags) {
    auto& self = *current_;
    const int code = self.real_->xOpen(self.real_, name, file, flags, out_flags);
    if (code != SQLITE_OK || name == nullptr) {
        return code;
    }
    const std::lock_guard lock(self.mutex_);
    self.open_[file] = {.name = name, .methods = file->pMethods};
    const auto methods = self.methods_.try_emplace(file->pMethods, *file->pMethods).first;
    methods->second.xClose = &failing_vfs::close;
    methods->second.xWrite = &failing_vfs::write;
    methods->second.xTruncate = &failing_vfs::truncate;
    methods->second.xSync = &failing_vfs::sync;
    file->pMethods = &methods->second;
    if (!self.files_.contains(name)) {
        const auto contents = read_file(name);
        self.files_[name] = {.durable = contents, .cached = contents, .dirty = {}};
    }
    return code;
}

int failing_vfs::close(sqlite3_file* file) {
    auto& self = *current_;
    const std::lock_guard lock(self.mutex_);
    const auto& methods = self.really(file);
    self.open_.erase(file);
    return methods.xClose(file);
}

int failing_vfs::write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    auto& self = *current_;
    const std::lock_guard lock(self.mutex_);
    if (self.fails("write", file)) {
        if (!self.full_) {
            return SQLITE_IOERR_WRITE;
        }
        const auto half = static_cast<std::size_t>(size) / 2;
        self.write_through(file, data, half, offset);
        self.really(file).xWrite(file, data, static_cast<int>(half), offset);
        return SQLITE_FULL;
    }
    self.write_through(file, data, static_cast<std::size_t>(size), offset);
    return self.really(file).xWrite(file, data, size, offset);
}

void failing_vfs::write_through(sqlite3_file* file, const void* data, std::size_t size,
                                sqlite3_int64 offset) {
    auto& tracked = file_of(file);
    const auto start = static_cast<std::size_t>(offset);
    const auto end = start + size;
    tracked.cached.resize(std::max(tracked.cached.size(), end));
    tracked.cached.replace(start, size, static_cast<const char*>(data), size);
    tracked.dirty.push_back({start, end});
}

int failing_vfs::truncate(sqlite3_file* file, sqlite3_int64 size) {
    auto& self = *current_;
    const std::lock_guard lock(self.mutex_);
    if (self.fails("truncate", file)) {
        return SQLITE_IOERR_TRUNCATE;
    }
    self.file_of(file).cached.resize(
        static_cast<std::size_t>(size));  // on the disk with the next sync
    return self.really(file).xTruncate(file, size);
}

int failing_vfs::sync(sqlite3_file* file, int flags) {
    auto& self = *current_;
    const std::lock_guard lock(self.mutex_);
    auto& tracked = self.file_of(file);
    const bool failing = self.fails("sync", file) || std::exchange(self.fail_next_sync_, false);
    if (!failing) {
        tracked.durable.resize(tracked.cached.size());
        for (const auto& [start, end] : tracked.dirty) {
            const auto present = std::min(end, tracked.cached.size());
            if (start < present) {
                tracked.durable.replace(start, present - start, tracked.cached, start,
                                        present - start);
            }
        }
    }
    tracked.dirty.clear();  // clean in the kernel's eyes, also after a failure
    return failing ? SQLITE_IOERR_FSYNC : self.really(file).xSync(file, flags);
}

}  // namespace onboardd::test
