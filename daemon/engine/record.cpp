#include "daemon/engine/record.hpp"

#include <utility>

#include "daemon/engine/room.hpp"

namespace onboardd {
namespace {

asio::awaitable<result<void>> write(engine_context& context, const job& after, job_state from,
                                    const std::string& answer) {
    for (;;) {
        auto row = after;
        auto bytes = answer;
        const auto noted =
            co_await context.parts.store.record(std::move(row), from, std::move(bytes));
        if (noted || noted.error() != errc::ledger_full) {
            co_return noted;
        }
        context.disks->ledger_is_full();
        if (after.state == job_state::submitting) {
            co_return noted;
        }
        const bool go_on = co_await context.disks->wait_for_ledger();
        if (!go_on) {
            context.parts.log.error(
                "result_not_recorded",
                "there is no room in the ledger; the next start looks up what became of the job",
                {{"account", after.account}, {"job", after.reference}});
            co_return noted;
        }
    }
}

}  // namespace

asio::awaitable<bool> record(engine_context& context, const job& after, job_state from,
                             std::string answer) {
    const auto noted = co_await write(context, after, from, answer);
    if (noted) {
        context.moved(after, from);
        co_return true;
    }
    if (noted.error() == errc::stale_job) {
        context.parts.log.info("job_moved_on",
                               "a job was changed by somebody else meanwhile; their word stands",
                               {{"account", after.account}, {"job", after.reference}});
    } else {
        context.fail(noted.error());
    }
    co_return false;
}

}  // namespace onboardd
