#pragma once

// Whether one account may send, from when on, and how much at once: what an operator, the provider,
// the window, the rate and the limit of requests in flight have to say. Nothing here waits.

#include <optional>

#include "daemon/engine/context.hpp"
#include "onboardd/auth/token_keeper.hpp"
#include "onboardd/policy/limiter.hpp"

namespace onboardd {

// All calls on the loop. Who holds requests back asks again when woken by the context's
// wake_accounts(), or when the moment that it was told has come.
class gate {
public:
    // All three outlive it.
    gate(engine_context& context, const account_options& options, token_keeper& keeper);

    // nullopt: the operator lets the account go on.
    void set_operator_pause(std::optional<operator_pause> pause);

    // How many requests may be in flight; at least 1.
    [[nodiscard]] std::uint32_t in_flight_limit() const;

    // When the next request to open a case may start, and when the next reading of the list: now or
    // earlier: at once; max(): an operator says when.
    [[nodiscard]] steady_time next_start() const;
    [[nodiscard]] steady_time next_reading() const;

    // A request to open a case starts now.
    void started();

    // What its answer says of the account, and failed() if there was no way to send it at all.
    // `generation` is the token's, `started` the moment when the request began.
    void react(account_signal signal, milliseconds wait, std::uint64_t generation,
               steady_time started);
    void failed();

    // What the answer to a reading says of the account; 0: there was none. `wait`: Retry-After.
    void react_to_reading(unsigned status, milliseconds wait, std::uint64_t generation,
                          steady_time started);

    // Fills in what it knows: limits, pauses and the window.
    void describe(account_status& view) const;

private:
    [[nodiscard]] account_pause pause() const;
    void describe_window(account_status& view) const;
    void recover();
    void pause_for(milliseconds wait);
    void forbid(steady_time started);

    engine_context& context_;
    const account_options& options_;
    token_keeper& keeper_;
    concurrency_limit limit_;
    rate_limit rate_;
    steady_time paused_until_ = steady_time::min();  // Retry-After, or the pause after a 403
    std::optional<operator_pause> operator_pause_;
    milliseconds forbidden_pause_{0};                // zero: the provider lets us
    steady_time forbidden_at_ = steady_time::min();  // when that pause began
};

}  // namespace onboardd
