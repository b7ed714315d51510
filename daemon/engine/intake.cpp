#include "daemon/engine/intake.hpp"

#include <utility>

#include "daemon/engine/publisher.hpp"
#include "daemon/engine/room.hpp"

namespace onboardd {
namespace {

constexpr milliseconds take_retry{5'000};  // after the spool could not be read

}  // namespace

intake::intake(engine_context& context)
    : context_(context),
      loop_(context.parts.executor),
      admissions_(context.parts.executor, [this] { loop_.cancel(); }),
      room_(context.parts.executor),
      stop_(context.parts.executor) {}

void intake::stop() {
    stop_.set();
}

asio::awaitable<void> intake::run() {
    loop_.spawn(context_.parts.incoming.run());
    loop_.spawn(take_all());
    loop_.spawn(watch_for_stop());
    co_await join_in_order(loop_, admissions_);
}

asio::awaitable<void> intake::watch_for_stop() {
    co_await stop_.wait();
    loop_.cancel();
}

asio::awaitable<void> intake::take_all() {
    auto& incoming = context_.parts.incoming;
    for (;;) {
        while (admissions_.size() >= context_.options.portions_max) {
            co_await room_.wait();
        }
        co_await context_.disks->wait_to_take_in();
        auto taken = co_await incoming.take();
        if (!taken) {
            context_.parts.log.error("spool_unreadable", "the spool cannot be read; trying again",
                                     {{"reason", taken.error().message()}});
            co_await context_.parts.time.wait_for(take_retry);
            continue;
        }
        context_.status.refused_files += taken->refused;
        context_.status.moves += taken->refused;
        if (!taken->jobs.empty()) {
            admissions_.spawn(admit(std::move(*taken)));
        } else if (taken->refused == 0) {
            while (admissions_.size() != 0) {
                co_await room_.wait();
            }
            context_.status.left_files = incoming.left();
            context_.status.intake_idle = incoming.unsettled() == 0 && incoming.left() == 0;
            co_await incoming.changed();
            context_.status.intake_idle = false;
        }
    }
}

asio::awaitable<void> intake::admit(portion taken) {
    struct place {
        wakeup& room;
        ~place() { room.set(); }
    };
    const place held{room_};
    const auto verdicts = co_await accept(taken.jobs);
    if (!verdicts) {
        context_.parts.incoming.abandon(std::move(taken));
        context_.fail(verdicts.error());
        co_return;
    }
    count(taken.jobs, *verdicts);
    auto words = *verdicts;
    const auto finished =
        co_await context_.parts.incoming.finish(std::move(taken), std::move(words));
    if (!finished) {
        context_.parts.log.error(
            "spool_not_cleared",
            "accepted files could not be removed from the spool; they are known and do no harm",
            {{"reason", finished.error().message()}});
    }
}

// A full ledger has taken nothing: the same is offered again once there is room.
asio::awaitable<result<std::vector<admission>>> intake::accept(const std::vector<new_job>& jobs) {
    for (;;) {
        auto copies = jobs;
        auto verdicts = co_await context_.parts.store.accept(std::move(copies));
        if (verdicts || verdicts.error() != errc::ledger_full) {
            co_return verdicts;
        }
        context_.disks->ledger_is_full();
        const bool go_on = co_await context_.disks->wait_to_take_in();
        if (!go_on) {
            co_return verdicts;
        }
    }
}

void intake::count(const std::vector<new_job>& shapes, const std::vector<admission>& verdicts) {
    bool any_new = false;
    bool any_known = false;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
        ++context_.status.moves;
        switch (verdicts[i]) {
            case admission::accepted:
                any_new = true;
                context_.count(shapes[i].account, job_state::queued, 1);
                context_.batches_moved.insert(shapes[i].batch);
                break;
            case admission::known:
                any_known = true;
                break;
            case admission::duplicate_reference:
                ++context_.status.refused_files;
                break;
        }
    }
    if (any_new) {
        context_.wake_accounts();
    }
    if (any_known) {
        context_.outcomes->look_into_ledger();
    }
}

}  // namespace onboardd
