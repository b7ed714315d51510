#pragma once

// Many small files made durable together. For each: a temporary beside its target, written and
// synced, then renamed; last, one sync for each directory.
//
// All files of a chunk are written before the first is synced. Many of them are then synced by one
// syncfs(2), which writes neighbouring blocks together, commits the journal once and flushes the
// disk once: half the CPU and twice the rate of an fsync(2) for each. It also waits for whatever
// else is dirty in that file system, and fails for what others have lost there. So after a slow or
// a failed one the files are synced each by itself, for a while. That is also how it is done for
// few files, and where syncfs() promises too little.

#include <sys/types.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
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
    // Lets the disk begin. A hint: what goes wrong shows later, see bytes_on_disk().
    virtual void start_write_back(int fd);
    virtual error_code sync(int fd);
    virtual result<dev_t> device(int fd);
    // Whether the file system of `fd` is ext4 (or its ancestors), xfs or btrfs. Of these it is
    // known that syncfs() makes files durable, whose names are then synced with their directory,
    // and what a file without blocks means. FUSE, for one, does not pass syncfs() on.
    virtual bool is_well_known(int fd);
    // Everything in the file system of `fd`, whoever wrote it. Fails also for what others lost.
    virtual error_code sync_file_system(int fd);
    // After a sync that went well, in a file system that is well known: whether this file's bytes
    // are there. Writes what is still dirty, and tells what failed. ext4 that finds no block for
    // them (its bitmap is damaged, for example) drops them, and no sync of it need tell: then the
    // file has a size and no blocks.
    virtual error_code bytes_on_disk(int fd);
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

// Whether many files are synced by one sync of their file system. Several threads may share one.
class sync_choice {
public:
    using clock = std::chrono::steady_clock;
    static constexpr std::size_t together_min = 4;         // files
    static constexpr std::chrono::milliseconds slow{250};  // others write a lot there
    // Then each by itself: so long, or so many times as long as that sync took.
    static constexpr std::chrono::milliseconds apart_min{1'000};
    static constexpr std::chrono::milliseconds apart_max{3'600'000};
    static constexpr int apart_factor = 10;

    [[nodiscard]] bool together(std::size_t files, clock::time_point now) const {
        return files >= together_min && now >= apart_until_.load();
    }

    // One sync at a time, since several would each wait for the writes of all. Without the lock:
    // not now, since the last one was slow or failed, and somebody tries already whether it still
    // is so.
    [[nodiscard]] std::unique_lock<std::mutex> turn() {
        return apart_.load() == clock::duration::zero() ? std::unique_lock(turn_)
                                                        : std::unique_lock(turn_, std::try_to_lock);
    }

    // How the sync went; in one's turn. The time apart doubles with each one that is no better: a
    // hiccup of the disk costs a second of it, somebody who writes for hours a few waits.
    void went(bool good, clock::duration time, clock::time_point now) {
        if (good && time <= slow) {
            apart_.store(clock::duration::zero());
            return;
        }
        const auto longer = std::max<clock::duration>(2 * apart_.load(), apart_factor * time);
        apart_.store(std::clamp<clock::duration>(longer, apart_min, apart_max));
        apart_until_.store(now + apart_.load());
    }

private:
    std::mutex turn_;
    std::atomic<clock::time_point> apart_until_{clock::time_point::min()};
    std::atomic<clock::duration> apart_{clock::duration::zero()};  // zero: all is well
};

// On return each file is on disk under its name, or has a `failure`: then its old content is
// untouched, unless only the sync of its directory failed. Leaves no temporary behind, as far as
// the file system lets it.
void publish_files(file_calls& calls, sync_choice& choice, std::span<file_to_publish> files);

// A single file.
void publish_file(file_calls& calls, file_to_publish& file);

}  // namespace onboardd
