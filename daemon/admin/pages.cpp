#include "onboardd/admin/pages.hpp"

#include <charconv>
#include <memory>
#include <utility>

#include "daemon/admin/page.hpp"
#include "onboardd/admin/metrics.hpp"

namespace onboardd::admin {
namespace {

constexpr const char* json_type = "application/json";
constexpr const char* html_type = "text/html; charset=utf-8";
constexpr std::string_view reports_path = "/reports/";

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

// Percent-encoding undone, once. What is no encoding stays as it is: it names no report.
std::string decoded(std::string_view path) {
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        unsigned value = 0;
        const auto* digits = path.data() + i + 1;
        if (path[i] == '%' && i + 2 < path.size() &&
            std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
            out += static_cast<char>(value);
            i += 2;
        } else {
            out += path[i];
        }
    }
    return out;
}

response report_response(const std::string& name, std::string text) {
    response out;
    out.content_type = name.ends_with(".json") ? json_type : "text/plain; charset=utf-8";
    out.body = std::move(text);
    out.fields.emplace_back("Content-Security-Policy", "default-src 'none'; sandbox");
    return out;
}

}  // namespace

void add_pages(server& window, view source) {
    const auto from = std::make_shared<const view>(std::move(source));
    window.on(verb::get, "/healthz", healthz);
    window.on(verb::get, "/readyz",
              [from](request) -> asio::awaitable<response> { co_return readyz(from->status()); });
    window.on(verb::get, "/api/status", [from](request) -> asio::awaitable<response> {
        const auto now = co_await from->overview();
        response out;
        out.content_type = json_type;
        out.body = status_json(now);
        co_return out;
    });
    window.on(verb::get, "/", [from](request) -> asio::awaitable<response> {
        const auto now = co_await from->overview();
        response out;
        out.content_type = html_type;
        out.body = render_page(now);
        out.fields.emplace_back("Content-Security-Policy", page_policy());
        co_return out;
    });
    window.on(verb::get, "/reports/", [from](request asked) -> asio::awaitable<response> {
        const auto name = decoded(std::string_view(asked.path).substr(reports_path.size()));
        auto text = co_await from->report(name);
        co_return text ? report_response(name, std::move(*text))
                       : plain(404, "there is no such report");
    });
    window.on(verb::get, "/metrics", [from](request) -> asio::awaitable<response> {
        response out;
        out.content_type = metrics_type;
        out.body = co_await from->metrics();
        co_return out;
    });
}

}  // namespace onboardd::admin
