#pragma once

// inotify: says that something happened in a watched directory, nothing more. What it misses, the
// rescan finds.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <filesystem>
#include <functional>
#include <optional>

#include "onboardd/base/error.hpp"
#include "onboardd/base/log.hpp"

namespace onboardd::spooling {

namespace asio = boost::asio;

class watcher {
public:
    // Without inotify it works all the same: nothing is ever seen.
    watcher(const asio::any_io_executor& executor, logger& log);

    // Watches a directory; again is fine. From any thread.
    void watch(const std::filesystem::path& directory);

    // Calls `seen` when something happened, until cancelled.
    asio::awaitable<void> run(std::function<void()> seen);

private:
    logger& log_;
    int fd_ = -1;  // owned by stream_
    std::optional<asio::posix::stream_descriptor> stream_;
    asio::any_io_executor executor_;
};

}  // namespace onboardd::spooling
