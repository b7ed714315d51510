#pragma once

// The write-ahead log as bytes ("The SQLite Database File Format", 4). SQLite takes a log to end
// at the first frame without its checksum, which is right for what a power cut tore, and silently
// drops everything behind it when a byte went bad in the middle.

#include <cstdint>
#include <filesystem>

namespace onboardd::sqlite {

struct log_state {
    std::uint64_t frames = 0;        // good ones, from the beginning
    bool broken = false;             // a frame of this log without its checksum follows them
    bool header_broken = false;      // there is no good frame then, and `broken` is set
    std::uint64_t commits_lost = 0;  // that are behind it
};

// Every commit is synced before the next is written, so a power cut tears the last one at most: two
// lost ones, or more, were damaged later. The header is synced before the first.
inline bool is_damaged(const log_state& log) {
    return log.broken && log.commits_lost > (log.header_broken ? 0 : 1);
}

// Of FILE-wal; nothing if there is none. Throws config_error if it cannot be read.
log_state examine_log(const std::filesystem::path& file);

// Keeps a copy of the damaged log under `kept` and makes the checksums of the log agree with what
// is in it, so that SQLite reads all of it. What of it is damaged is then for the rows' own
// checksums to tell. Durable on return.
void mend_log(const std::filesystem::path& file, const std::filesystem::path& kept);

}  // namespace onboardd::sqlite
