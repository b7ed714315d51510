#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>

#include "support/manual_clock.hpp"

namespace onboardd::test {

// Runs `task` on `loop` to its end and rethrows what it threw. With a clock, time jumps to the next
// deadline whenever the loop is idle, at most `jumps_max` times; a task that is still not done then
// fails with std::logic_error.
void run(asio::io_context& loop, asio::awaitable<void> task, manual_clock* time = nullptr,
         std::size_t jumps_max = 1'000'000);

}  // namespace onboardd::test
