#include "onboardd/spool/spool.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

#include "daemon/spool/intake.hpp"
#include "daemon/spool/watcher.hpp"
#include "onboardd/base/blocking.hpp"
#include "onboardd/base/wakeup.hpp"

namespace onboardd {
namespace {

using namespace spooling;

// A scan that left something is not repeated sooner, however short `settle` is.
constexpr milliseconds retry_after_least{100};

[[noreturn]] void cannot_use(const std::filesystem::path& path, const error_code& failure) {
    const auto text = "spool " + path.string() + ": " + failure.message();
    if (failure == boost::system::errc::no_space_on_device) {
        throw no_room(text);
    }
    throw config_error(text);
}

unique_fd open_spool_directory(const std::filesystem::path& path) {
    ::mkdir(path.c_str(), 0750);
    unique_fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) {
        cannot_use(path, last_error());
    }
    return fd;
}

// The device that `name` is on.
dev_t make_directory(int spool, const std::filesystem::path& path, const std::string& name) {
    ::mkdirat(spool, name.c_str(), 0750);
    const auto fd = open_directory_beneath(spool, name);
    if (fd.has_error()) {
        cannot_use(path / name, fd.error());
    }
    const auto status = status_of(fd->get());
    if (status.has_error()) {
        cannot_use(path / name, status.error());
    }
    return status->st_dev;
}

// Owned until the descriptor is closed. The lock file can be deleted, and then another process
// would lock a new one: so the directory is locked as well, where the file system knows how.
unique_fd lock_spool(int spool, const std::filesystem::path& path) {
    const auto owned = [&] {
        throw already_owned("another onboardd owns the spool " + path.string());
    };
    if (::flock(spool, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        owned();
    }
    unique_fd fd(::openat(spool, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) {
        cannot_use(path / ".lock", last_error());
    }
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(fd.get(), F_OFD_SETLK, &whole) != 0) {
        if (errno == EAGAIN || errno == EACCES) {
            owned();
        }
        cannot_use(path / ".lock", last_error());
    }
    return fd;
}

// When changed() is to return. Plain times; the earliest counts.
struct wake_times {
    steady_time event =
        steady_time::max();  // `settle` after the first event since the last scan began
    steady_time retry = steady_time::max();   // something was left that changes soon
    steady_time rescan = steady_time::max();  // in any case

    steady_time next() const { return std::min({event, retry, rescan}); }
};

class file_spool final : public spool {
public:
    file_spool(const asio::any_io_executor& executor, asio::thread_pool& workers, clock& time,
               logger& log, std::unique_ptr<job_reader> reader, spool_options options,
               unique_fd directory, unique_fd lock)
        : workers_(workers),
          time_(time),
          options_(std::move(options)),
          directory_(std::move(directory)),
          lock_(std::move(lock)),
          reader_(std::move(reader)),
          rejects_(directory_.get(), log),
          watcher_(executor, log),
          intake_(directory_.get(), options_, rejects_, log,
                  [this](const std::filesystem::path& path) { watcher_.watch(path); }),
          poke_(executor) {
        watcher_.watch(options_.directory / "incoming");
        wake_.event = time_.now();  // what is there already
    }

    asio::awaitable<void> run() override {
        std::function<void()> seen = [this] { note_event(); };
        co_await watcher_.run(std::move(seen));
    }

    asio::awaitable<result<portion>> take() override {
        while (!complete_) {
            auto step = co_await next_step();
            if (step.scan_complete) {
                complete_ = true;
                unsettled_ = step.unsettled;
                left_ = step.left;
                plan_next_scan(unsettled_ > 0);
            }
            if (!step.taken.jobs.empty() || step.taken.refused > 0) {
                co_return std::move(step.taken);
            }
            if (step.failure) {
                plan_next_scan(true);
                co_return step.failure;
            }
        }
        complete_ = false;
        portion nothing;
        co_return nothing;
    }

    asio::awaitable<result<void>> finish(portion done, std::vector<admission> verdicts) override {
        assert(verdicts.size() == done.jobs.size());
        if (!done.from) {
            co_return result<void>();
        }
        const auto now = time_.wall_now();
        bool replaced = false;
        auto work = [this, &done, &verdicts, &replaced, now] {
            return settle(done, verdicts, now, replaced);
        };
        auto outcome = co_await blocking(workers_, std::move(work));
        if (replaced) {
            note_event();
        }
        co_return outcome;
    }

    void abandon(portion failed) override { failed.from.reset(); }  // ~origin does the rest

    asio::awaitable<void> changed() override {
        while (time_.now() < wake_.next()) {
            co_await poke_.wait_until(time_, wake_.next());
        }
        wake_ = {};  // said once: a caller who does not scan now is not told again and again
        wake_.rescan = time_.now() + options_.rescan;
    }

    std::size_t unsettled() const override { return unsettled_; }
    std::size_t left() const override { return left_; }

    void use(std::unique_ptr<job_reader> reader) override { reader_ = std::move(reader); }

private:
    asio::awaitable<intake_step> next_step() {
        if (!intake_.scanning()) {
            wake_ = {};  // this scan sees whatever the events were about
            plan_next_scan(false);
        }
        const auto reader = reader_;  // use() may come meanwhile
        const auto now = time_.wall_now();
        auto work = [this, &reader, now] { return intake_.step(*reader, now); };
        co_return co_await blocking(workers_, std::move(work));
    }

    void plan_next_scan(bool soon) {
        wake_.rescan = time_.now() + options_.rescan;
        if (soon) {
            wake_.retry = time_.now() + std::max(options_.settle, retry_after_least);
        }
    }

    void note_event() {
        wake_.event = std::min(wake_.event, time_.now() + options_.settle);
        poke_.set();
    }

    // Runs on a worker. Files of a failed call stay; the ledger knows their jobs when they are read
    // again.
    result<void> settle(portion& done, const std::vector<admission>& verdicts, wall_time now,
                        bool& replaced) {
        auto& from = *done.from;
        from.finished = true;
        reject_store::session rejects(rejects_, now);
        result<void> outcome;
        const auto note = [&](result<void> part) {
            outcome = outcome.has_error() ? outcome : part;
            return part.has_value();
        };
        for (std::size_t i = 0; i < from.entries.size(); ++i) {
            const auto& entry = from.entries[i];
            const auto verdict = i < verdicts.size() ? verdicts[i] : admission::accepted;
            if (i >= verdicts.size() ||
                (verdict == admission::duplicate_reference &&
                 !note(refuse_duplicate(rejects, entry, done.jobs[i].batch)))) {
                entry.file->fail();
            }
        }
        const bool synced = note(rejects.sync());
        for (const auto& file : from.files) {
            if (!synced) {
                file->fail();
            }
            if (file->release()) {
                const auto removed = file->remove();
                note(removed.has_error() ? result<void>(removed.error()) : result<void>());
                replaced =
                    replaced || (removed.has_value() && *removed == source_file::removal::replaced);
            }
        }
        return outcome;
    }

    static result<void> refuse_duplicate(reject_store::session& rejects,
                                         const portion::origin::entry& entry,
                                         std::string_view batch) {
        reject_reason reason;
        reason.kind = "duplicate_reference";
        reason.file = entry.file->name();
        reason.batch = batch;
        reason.faults = whole_fault("this reference was used before, for a job with other content",
                                    "a new reference, or the same content again");
        if (entry.line != 0) {
            reason.line = entry.line;
            const auto kept =
                rejects.keep_line(entry.file->fd(), entry.offset, entry.length, reason);
            return kept.has_error() ? result<void>(kept.error()) : result<void>();
        }
        auto moved = rejects.move(entry.file->where(), entry.file->identity(), reason);
        return moved.has_error() && moved.error() == boost::system::errc::no_such_file_or_directory
                   ? result<void>()
                   : moved;
    }

    asio::thread_pool& workers_;
    clock& time_;
    spool_options options_;
    unique_fd directory_;
    unique_fd lock_;
    std::shared_ptr<const job_reader> reader_;
    reject_store rejects_;
    watcher watcher_;
    intake intake_;
    wakeup poke_;
    wake_times wake_;
    bool complete_ = false;  // the scan is, and the caller has not been told yet
    std::size_t unsettled_ = 0;
    std::size_t left_ = 0;
};

}  // namespace

std::unique_ptr<spool> open_spool(const asio::any_io_executor& executor, asio::thread_pool& workers,
                                  clock& time, logger& log, std::unique_ptr<job_reader> reader,
                                  spool_options options) {
    const auto& path = options.directory;
    auto directory = open_spool_directory(path);
    auto lock = lock_spool(directory.get(), path);
    if (make_directory(directory.get(), path, "incoming") !=
        make_directory(directory.get(), path, "rejected")) {
        throw config_error("spool " + path.string() +
                           ": incoming/ and rejected/ are on different file systems");
    }
    spooling::remove_leftovers(path / "rejected");
    return std::make_unique<file_spool>(executor, workers, time, log, std::move(reader),
                                        std::move(options), std::move(directory), std::move(lock));
}

}  // namespace onboardd
