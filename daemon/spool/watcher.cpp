#include "daemon/spool/watcher.hpp"

#include <sys/inotify.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

#include "onboardd/base/wakeup.hpp"

namespace onboardd::spooling {
namespace {

// What brings a file or completes it. Our own reading, moving away and deleting is not among them.
constexpr std::uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_MOVE_SELF |
                                 IN_DELETE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;

}  // namespace

watcher::watcher(const asio::any_io_executor& executor, logger& log)
    : log_(log), executor_(executor) {
    fd_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd_ >= 0) {
        stream_.emplace(executor, fd_);
        return;
    }
    const error_code failure(errno, boost::system::system_category());
    log_.warning("spool_not_watched",
                 "inotify is not available: new files are found by the rescan only",
                 {{"ec", failure.message()}});
}

void watcher::watch(const std::filesystem::path& directory) {
    if (fd_ >= 0 && ::inotify_add_watch(fd_, directory.c_str(), events) < 0 && errno != ENOENT) {
        const error_code failure(errno, boost::system::system_category());
        log_.debug("spool_not_watched", "a directory cannot be watched: the rescan finds its files",
                   {{"directory", printable(directory.native())}, {"ec", failure.message()}});
    }
}

asio::awaitable<void> watcher::run(std::function<void()> seen) {
    alignas(inotify_event) std::array<char, 16 * 1024> buffer;
    while (stream_) {
        const auto [failure, bytes] = co_await stream_->async_read_some(
            asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
        if (failure == asio::error::operation_aborted) {
            throw boost::system::system_error(failure);
        }
        if (failure) {
            log_.warning("spool_not_watched",
                         "inotify failed: new files are found by the rescan only",
                         {{"ec", failure.message()}});
            break;
        }
        seen();  // whatever it was, lost events (IN_Q_OVERFLOW) included
    }
    wakeup never(executor_);
    co_await never.wait();
}

}  // namespace onboardd::spooling
