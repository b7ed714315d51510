#include "daemon/engine/gate.hpp"

#include <algorithm>
#include <utility>

#include "onboardd/config/window.hpp"

namespace onboardd {
namespace {

constexpr milliseconds forbidden_pause_min{30'000};
constexpr milliseconds forbidden_pause_max = std::chrono::minutes(10);

}  // namespace

gate::gate(engine_context& context, const account_options& options, token_keeper& keeper)
    : context_(context),
      options_(options),
      keeper_(keeper),
      limit_(options.in_flight_max),
      rate_(options.requests_per_second_max) {}

void gate::set_operator_pause(std::optional<operator_pause> pause) {
    operator_pause_ = std::move(pause);
}

account_pause gate::pause() const {
    if (operator_pause_) {
        return account_pause::by_operator;
    }
    if (keeper_.refused()) {
        return account_pause::credential_refused;
    }
    if (forbidden_pause_.count() != 0) {
        return account_pause::forbidden;
    }
    return paused_until_ > context_.parts.time.now() ? account_pause::asked_to_wait
                                                     : account_pause::none;
}

// While the provider refuses the account, or may still be down, one probe at a time.
std::uint32_t gate::in_flight_limit() const {
    const bool probing =
        keeper_.refused() || forbidden_pause_.count() != 0 || !context_.provider_breaker.closed();
    return probing ? 1 : limit_.limit();
}

steady_time gate::next_start() const {
    if (operator_pause_) {
        return steady_time::max();
    }
    auto at = std::max({paused_until_, rate_.next_start(), context_.provider_breaker.opens_at()});
    if (options_.window) {
        const auto& time = context_.parts.time;
        const auto now = time.wall_now();
        if (!in_window(*options_.window, now)) {
            at = std::max(at, steady_of(time, next_opening(*options_.window, now)));
        }
    }
    return at;
}

steady_time gate::next_reading() const {
    return operator_pause_ ? steady_time::max() : paused_until_;
}

void gate::started() {
    rate_.started(context_.parts.time.now());
}

void gate::react(account_signal signal, milliseconds wait, std::uint64_t generation,
                 steady_time started) {
    switch (signal) {
        case account_signal::fine:
            keeper_.worked(generation);
            limit_.succeeded();
            recover();
            break;
        case account_signal::overloaded:
            keeper_.worked(generation);
            limit_.overloaded(started, context_.parts.time.now());
            pause_for(wait);
            context_.provider_breaker.withdrawn();
            break;
        case account_signal::token_rejected:
            keeper_.reject(generation);
            context_.provider_breaker.withdrawn();
            break;
        case account_signal::forbidden:
            keeper_.worked(generation);
            forbid(started);
            context_.provider_breaker.withdrawn();
            break;
        case account_signal::failing:
            failed();
            break;
    }
}

// Readings say something about the account, and nothing about whether cases can be opened: the
// breaker is left alone.
void gate::react_to_reading(unsigned status, milliseconds wait, std::uint64_t generation,
                            steady_time started) {
    if (status == 401) {
        keeper_.reject(generation);
    } else if (status == 429 || status == 503) {
        limit_.overloaded(started, context_.parts.time.now());
        pause_for(wait);
    } else if (status == 200) {
        keeper_.worked(generation);
    }
}

void gate::recover() {
    const bool was_open = !context_.provider_breaker.closed();
    context_.provider_breaker.succeeded();
    const bool was_forbidden = std::exchange(forbidden_pause_, milliseconds(0)).count() != 0;
    if (was_open) {
        context_.parts.log.info("provider_back", "the provider answers again");
    }
    if (was_forbidden) {
        context_.parts.log.info("account_resumed", "the provider accepts this account again",
                                {{"account", options_.id}});
    }
    if (was_open || was_forbidden) {
        context_.wake_accounts();
    }
}

void gate::failed() {
    auto& breaker = context_.provider_breaker;
    const bool was_closed = breaker.closed();
    breaker.failed(context_.parts.time.now(), context_.parts.random);
    if (was_closed && !breaker.closed()) {
        context_.parts.log.warning("provider_failing",
                                   "the provider fails again and again; submission pauses and one "
                                   "probe at a time is sent");
    }
}

void gate::pause_for(milliseconds wait) {
    paused_until_ = std::max(paused_until_, context_.parts.time.now() + wait);
}

// Refusals of requests that started before the pause began belong to it and do not lengthen it.
void gate::forbid(steady_time started) {
    if (started < forbidden_at_) {
        return;
    }
    forbidden_at_ = context_.parts.time.now();
    if (forbidden_pause_.count() == 0) {
        context_.parts.log.error(
            "account_paused",
            "the provider answers 403 to this account; its jobs wait. Check its permissions",
            {{"account", options_.id}});
    }
    forbidden_pause_ = std::clamp(forbidden_pause_ * 2, forbidden_pause_min, forbidden_pause_max);
    pause_for(forbidden_pause_);
}

void gate::describe(account_status& view) const {
    view.limit = in_flight_limit();
    view.limit_max = options_.in_flight_max;
    view.requests_per_second_max = options_.requests_per_second_max;
    view.pause = pause();
    view.paused_by = operator_pause_;
    if (view.pause != account_pause::none && !operator_pause_) {
        const bool needs_token = view.pause == account_pause::credential_refused;
        view.paused_until = wall_of(context_.parts.time,
                                    needs_token ? keeper_.times().next_fetch_at : paused_until_);
    }
    describe_window(view);
}

void gate::describe_window(account_status& view) const {
    view.window = options_.window;
    if (view.window) {
        const auto now = context_.parts.time.wall_now();
        view.window_open = in_window(*view.window, now);
        if (!view.window_open) {
            view.window_opens_at = next_opening(*view.window, now);
        }
    }
}

}  // namespace onboardd
