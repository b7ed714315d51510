#include "onboardd/admin/pages.hpp"

#include <memory>
#include <utility>

#include "onboardd/admin/metrics.hpp"

namespace onboardd::admin {
namespace {

constexpr const char* json_type = "application/json";

// The process answers, so its loop goes round: that is all a watcher who may restart it should
// know.
asio::awaitable<response> healthz(request) {
    co_return plain(200, "ok");
}

response readyz(const engine_status& status) {
    const auto reasons = not_ready_reasons(status);
    if (reasons.empty()) {
        return plain(200, "ready");
    }
    std::string text = "not ready";
    for (const auto& why : reasons) {
        text += '\n' + why;
    }
    return plain(503, text);
}

}  // namespace

void add_pages(server& window, view source) {
    const auto from = std::make_shared<const view>(std::move(source));
    window.on(verb::get, "/healthz", healthz);
    window.on(verb::get, "/readyz",
              [from](request) -> asio::awaitable<response> { co_return readyz(from->status()); });
    window.on(verb::get, "/api/status", [from](request) -> asio::awaitable<response> {
        response out;
        out.content_type = json_type;
        out.body = status_json(from->status(), from->now());
        co_return out;
    });
    window.on(verb::get, "/metrics", [from](request) -> asio::awaitable<response> {
        response out;
        out.content_type = metrics_type;
        out.body = co_await from->metrics();
        co_return out;
    });
}

}  // namespace onboardd::admin
