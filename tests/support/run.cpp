#include "support/run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <stdexcept>

namespace onboardd::test {

void run(asio::io_context& loop, asio::awaitable<void> task, manual_clock* time,
         std::size_t jumps_max) {
    std::exception_ptr failure;
    bool done = false;
    asio::co_spawn(loop, std::move(task), [&](std::exception_ptr ended) {
        failure = std::move(ended);
        done = true;
    });
    std::size_t jumps = 0;
    while (!done) {
        loop.restart();
        if (time == nullptr) {
            loop.run_one();
            continue;
        }
        if (loop.poll() == 0 && !done && (jumps++ == jumps_max || !time->advance_to_next())) {
            throw std::logic_error("the task waits for something that never comes");
        }
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
}

}  // namespace onboardd::test
