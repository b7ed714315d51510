#pragma once

// From the spool into the ledger: a file goes only after the ledger has its jobs.

#include "daemon/engine/context.hpp"
#include "onboardd/base/task_group.hpp"
#include "onboardd/base/wakeup.hpp"

namespace onboardd {

class intake {
public:
    explicit intake(engine_context& context);

    // Takes portions until stop(), then returns when those under way are done.
    asio::awaitable<void> run();
    void stop();

private:
    asio::awaitable<void> take_all();
    asio::awaitable<void> watch_for_stop();
    asio::awaitable<void> admit(portion taken);
    asio::awaitable<result<std::vector<admission>>> accept(const std::vector<new_job>& jobs);
    void count(const std::vector<new_job>& shapes, const std::vector<admission>& verdicts);

    engine_context& context_;
    task_group loop_;
    task_group admissions_;
    wakeup room_;
    wakeup stop_;
};

}  // namespace onboardd
