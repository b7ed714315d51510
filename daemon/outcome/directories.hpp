#pragma once

// The outcomes directory and those in it, opened once and kept open.

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "onboardd/base/error.hpp"
#include "onboardd/base/unique_fd.hpp"

namespace onboardd {

inline constexpr const char* reports_folder = "reports";

class outcome_directories {
public:
    using handle = std::shared_ptr<const unique_fd>;

    explicit outcome_directories(std::filesystem::path root) : root_path_(std::move(root)) {}

    // The directory `name` in the outcomes directory, which must be safe in a path. Both are made,
    // 0750, where they are missing, and their entries are on disk on return. An operator may move
    // or remove them at any time, so each call compares with what stands at the path now. Safe to
    // call from several threads.
    result<handle> open(const std::string& name);

    // Makes the outcomes directory, or says why it cannot be written to. Removes temporary files
    // that a crash left in it; whatever else is there stays.
    error_code prepare();

private:
    struct entry {
        handle fd;
        dev_t device = 0;
        ino_t inode = 0;
    };
    error_code refresh_root();

    std::filesystem::path root_path_;
    std::mutex mutex_;
    entry root_;
    std::map<std::string, entry> opened_;
};

}  // namespace onboardd
