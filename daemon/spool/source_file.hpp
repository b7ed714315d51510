#pragma once

// A file whose jobs are under way: kept from being handed out twice, and removed when the last of
// them is in the ledger.

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "daemon/spool/file_access.hpp"
#include "onboardd/spool/spool.hpp"

namespace onboardd::spooling {

// The files in open portions. Used by the scan on one thread and by the loop on another.
class handed_out {
public:
    bool contains(const std::string& path) const;
    void insert(const std::string& path);
    void erase(const std::string& path);

private:
    mutable std::mutex mutex_;
    std::unordered_set<std::string> paths_;
};

// The name in incoming/ by which `handed_out` knows a file.
std::string path_of(const open_directory& where, std::string_view name);

class source_file {
public:
    source_file(std::shared_ptr<handed_out> all, directory_ptr where, std::string name,
                file_identity identity, unique_fd fd);
    source_file(const source_file&) = delete;
    source_file& operator=(const source_file&) = delete;
    ~source_file();

    const directory_ptr& where() const noexcept { return where_; }
    const std::string& name() const noexcept { return name_; }
    const file_identity& identity() const noexcept { return identity_; }
    int fd() const noexcept { return fd_.get(); }  // of a .jsonl file, else -1

    // Who still needs the file: each portion with jobs of it, and the stream that reads a .jsonl.
    void hold() noexcept { ++holders_; }

    // True if that was the last holder and all of them did their part: the caller removes the file.
    bool release() noexcept { return --holders_ == 0 && !failed_; }

    // It stays, and a later scan sees it again.
    void fail() noexcept { failed_ = true; }
    bool failed() const noexcept { return failed_; }

    // The same, and reading the rest of it is pointless: all of it will be read again.
    void abandon() noexcept {
        failed_ = true;
        abandoned_ = true;
    }
    bool abandoned() const noexcept { return abandoned_; }

    enum class removal { removed, replaced };

    // Removes it unless its name stands for another file by now, or it was written to.
    result<removal> remove() const;

private:
    std::shared_ptr<handed_out> all_;
    directory_ptr where_;
    std::string name_;
    file_identity identity_;
    unique_fd fd_;
    std::atomic<int> holders_ = 0;
    std::atomic<bool> failed_ = false;
    std::atomic<bool> abandoned_ = false;
};

}  // namespace onboardd::spooling

namespace onboardd {

struct portion::origin {
    struct entry {
        std::shared_ptr<spooling::source_file> file;
        std::uint64_t line = 0;  // of a .jsonl file, else 0
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };

    std::vector<entry> entries;                                 // one for each job
    std::vector<std::shared_ptr<spooling::source_file>> files;  // each held once
    bool finished = false;

    origin() = default;
    origin(const origin&) = delete;
    origin& operator=(const origin&) = delete;
    ~origin();  // of an unfinished portion: its files stay, however it was lost
};

}  // namespace onboardd
