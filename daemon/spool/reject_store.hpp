#pragma once

// rejected/: what is not a job, untouched, beside the reason. The reason is there first, so whoever
// sees the file finds out why; nothing that is there is ever replaced.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/spool/file_access.hpp"
#include "daemon/spool/reject_names.hpp"
#include "onboardd/base/log.hpp"
#include "onboardd/spool/job_file.hpp"

namespace onboardd::spooling {

struct reject_reason {
    std::string_view kind = "invalid_job";  // or duplicate_reference
    std::string_view file;                  // its name as it was in the spool
    std::string_view batch;
    std::optional<std::uint64_t> line;  // of a .jsonl file
    std::vector<job_fault> faults;
};

// One fault for a whole file.
std::vector<job_fault> whole_fault(std::string_view message, std::string_view allowed);

// Whether a name in rejected/ is that of a temporary.
bool is_leftover(std::string_view name) noexcept;

// Temporaries that a killed process left in rejected/. Call it while no store is at work.
void remove_leftovers(const std::filesystem::path& rejected);

class reject_store {
public:
    // `spool` is the directory that holds rejected/; both outlive the store.
    reject_store(int spool, logger& log) : spool_(spool), log_(log) {}

    // The rejections of one call, made durable together. Stores are for many threads, a session is
    // for one.
    class session {
    public:
        session(reject_store& store, wall_time at) : store_(store), at_(at) {}

        // Moves the entry `reason.file` of `from` here, without opening it. If `inode` is given and
        // the entry is another one meanwhile, it stays: no_such_file_or_directory.
        result<void> move(const directory_ptr& from, const std::optional<file_identity>& expected,
                          const reject_reason& reason);

        // Copies `length` bytes at `offset` of `fd`, the line of a .jsonl file. After a crash lines
        // come again: what is here already is not written twice.
        enum class kept { now, before };
        result<kept> keep_line(int fd, std::uint64_t offset, std::uint64_t length,
                               const reject_reason& reason);

        // Until then a power cut may undo what was done.
        result<void> sync();

    private:
        result<int> directory();
        result<void> write_reason(const reject_names& names, const std::string& text);
        result<void> write_line(const reject_names& names, int fd, std::uint64_t offset,
                                std::uint64_t length);
        std::string next_temporary();
        result<void> move_as(const reject_names& names, const directory_ptr& from,
                             const std::optional<file_identity>& expected,
                             const reject_reason& reason);
        void report(const reject_reason& reason, const reject_names& names) const;

        reject_store& store_;
        wall_time at_;
        unique_fd directory_;
        std::vector<directory_ptr> sources_;  // directories that lost an entry
    };

private:
    int spool_;
    logger& log_;
    std::atomic<std::uint64_t> temporaries_ = 0;
};

}  // namespace onboardd::spooling
