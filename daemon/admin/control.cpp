#include "onboardd/admin/control.hpp"

#include <utility>

namespace onboardd::admin {
namespace {

response refused_by_ledger(const error_code& why) {
    return plain(503, "the ledger did not take it: " + why.message());
}

// The kernel says who asks; without its word nothing is changed.
response nobody() {
    return plain(403, "changes are taken on the control socket alone");
}

asio::awaitable<response> operate(controls hands, request asked) {
    if (!asked.from) {
        co_return nobody();
    }
    auto order = parse_operating_order(asked.body);
    if (!order) {
        co_return plain(400, order.error());
    }
    const operator_identity who{.uid = asked.from->uid};
    const auto done =
        co_await hands.operate(order->what, std::move(order->among), order->after, who);
    co_return done ? json_answer(to_json(view_of(*done))) : refused_by_ledger(done.error());
}

asio::awaitable<response> set_pause(controls hands, request asked) {
    if (!asked.from) {
        co_return nobody();
    }
    auto order = parse_pause_order(asked.body);
    if (!order) {
        co_return plain(400, order.error());
    }
    const operator_identity who{.uid = asked.from->uid};
    const auto done = co_await hands.set_pause(std::move(*order), who);
    co_return done ? json_answer(to_json(*done)) : refused_by_ledger(done.error());
}

}  // namespace

void add_controls(server& window, controls hands) {
    window.on(verb::post, jobs_path,
              [hands](request asked) { return operate(hands, std::move(asked)); });
    window.on(verb::post, accounts_path, [hands = std::move(hands)](request asked) {
        return set_pause(hands, std::move(asked));
    });
}

}  // namespace onboardd::admin
