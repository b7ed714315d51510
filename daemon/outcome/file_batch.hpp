#pragma once

// Many small files made durable together. For each: a temporary beside its target, written and
// synced, then renamed; last, one sync for each directory.
//
// All files of a chunk are written before the first is synced. Many of them are then synced by one
// syncfs(2), which writes neighbouring blocks together, commits the journal once and flushes the
// disk once: half the CPU and twice the rate of an fsync(2) for each. It also waits for whatever
// else is dirty in that file system, so after a slow one the files are synced each by itself for
// a while. That is also how it is done for few files, and where syncfs() promises too little.

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "onboardd/base/error.hpp"
#include "onboardd/base/unique_fd.hpp"

namespace onboardd {

// The system calls, apart so that a test can fail each of them.
class file_calls {
public:
    file_calls() = default;
    file_calls(const file_calls&) = delete;
    file_calls& operator=(const file_calls&) = delete;
    virtual ~file_calls() = default;

    // A new file with mode 0640 whatever the umask is; an existing name is an error.
    virtual result<unique_fd> create(int directory, const std::string& name);
    virtual error_code write(int fd, std::string_view bytes);
    // Lets the disk begin. A hint: what goes wrong shows at sync().
    virtual void start_write_back(int fd);
    virtual error_code sync(int fd);
    virtual result<dev_t> device(int fd);
    // Whether sync_file_system() makes files durable and tells of errors as fsync() does: ext4, xfs
    // and btrfs. FUSE, for one, does not pass it on.
    virtual bool can_sync_together(int fd);
    // Everything in the file system of `fd`. Fails if a write-back in it failed since `fd` was
    // opened (Linux 5.8).
    virtual error_code sync_file_system(int fd);
    // What went wrong with this file's own bytes, once they are no longer dirty.
    virtual error_code written_back(int fd);
    virtual std::chrono::steady_clock::time_point now();
    virtual error_code rename(int directory, const std::string& from, const std::string& to);
    virtual error_code remove(int directory, const std::string& name);
    // Whether there is a file of that name with something in it. What cannot be looked at is.
    virtual bool holds(int directory, const std::string& name);
};

struct file_to_publish {
    std::shared_ptr<const unique_fd> directory;
    std::string name;
    std::string content;
    error_code failure;  // set by publish_files(); a file that has one already is left out

    std::string temporary;  // from here on its own
    unique_fd fd;
};

// Whether many files are synced by one sync of their file system. Safe to use from several threads.
class sync_choice {
public:
    using clock = std::chrono::steady_clock;
    static constexpr std::size_t together_min = 4;             // files
    static constexpr std::chrono::milliseconds slow{1'000};    // others write a lot there
    static constexpr std::chrono::milliseconds apart{60'000};  // then each by itself so long

    bool together(std::size_t files, clock::time_point now) const {
        return files >= together_min && now >= apart_until_.load();
    }
    void took(clock::duration time, clock::time_point now) {
        if (time > slow) {
            apart_until_.store(now + apart);
        }
    }

private:
    std::atomic<clock::time_point> apart_until_{clock::time_point::min()};
};

// On return each file is on disk under its name, or has a `failure`: then its old content is
// untouched, unless only the sync of its directory failed. Leaves no temporary behind, as far as
// the file system lets it.
void publish_files(file_calls& calls, sync_choice& choice, std::span<file_to_publish> files);

}  // namespace onboardd
