#include "daemon/admin/connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

#include "onboardd/base/error.hpp"
#include "onboardd/base/until.hpp"

namespace onboardd::admin {
namespace {

namespace web = boost::beast::http;

using parser = web::request_parser<web::string_body>;
constexpr std::size_t target_bytes_max = 2048;
constexpr std::size_t piece_bytes = 4096;

// What a request that cannot be read is answered with; 0: not at all, the peer has gone.
unsigned status_for(const error_code& ec) {
    if (ec == web::error::header_limit) {
        return 431;
    }
    if (ec == web::error::body_limit) {
        return 413;
    }
    const bool malformed = ec.category() == make_error_code(web::error::bad_method).category();
    return malformed && ec != web::error::end_of_stream && ec != web::error::partial_message ? 400
                                                                                             : 0;
}

std::string_view view_of(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

// An operation that was cancelled has no result: until() tells a deadline by that.
void throw_if_aborted(const error_code& ec) {
    if (ec == asio::error::operation_aborted) {
        throw boost::system::system_error(ec);
    }
}

bool has_plain_target(std::string_view target) {
    return target.starts_with('/') && target.size() <= target_bytes_max;
}

std::string render(const response& out, bool head, bool keep_alive) {
    const auto reason = web::obsolete_reason(static_cast<web::status>(out.status));
    std::string text = "HTTP/1.1 " + std::to_string(out.status) + ' ';
    text.append(reason.data(), reason.size());
    const auto add = [&text](std::string_view name, std::string_view value) {
        text.append("\r\n").append(name).append(": ").append(value);
    };
    add("Content-Type", out.content_type);
    add("Content-Length", std::to_string(out.body.size()));
    add("Connection", keep_alive ? "keep-alive" : "close");
    add("Cache-Control", "no-store");
    add("X-Content-Type-Options", "nosniff");
    add("Cross-Origin-Resource-Policy", "same-origin");
    add("Referrer-Policy", "no-referrer");
    for (const auto& [name, value] : out.fields) {
        add(name, value);
    }
    text.append("\r\n\r\n").append(head ? std::string_view() : std::string_view(out.body));
    return text;
}

request read_request(web::request<web::string_body>&& message, std::optional<peer> from) {
    const auto target = view_of(message.target());
    const auto mark = target.find('?');
    request made;
    made.method = message.method() == web::verb::post ? verb::post : verb::get;
    made.path = std::string(target.substr(0, mark));
    made.query = mark == std::string_view::npos ? "" : std::string(target.substr(mark + 1));
    made.body = std::move(message.body());
    made.from = from;
    return made;
}

}  // namespace

struct connection::exchange {
    boost::beast::flat_buffer buffer;
    std::optional<parser> in;
    response out;
    bool head = false;
    bool keep_alive = false;
};

asio::awaitable<void> connection::run(std::function<bool()> crowded) {
    exchange now;
    for (bool more = true; more; more = now.keep_alive) {
        now.in.emplace();
        now.out = {};
        now.keep_alive = false;
        if (!co_await read(now)) {
            break;
        }
        now.keep_alive = now.keep_alive && !crowded();
        co_await write(now);
    }
    error_code ignored;
    socket_.shutdown(socket::shutdown_both, ignored);
}

asio::awaitable<void> connection::wait_for_bytes(error_code& ec) {
    auto [failed] =
        co_await socket_.async_wait(socket::wait_read, asio::as_tuple(asio::use_awaitable));
    ec = failed;
    throw_if_aborted(ec);
}

// Piece by piece: an operation that Beast composes forgets that it was cancelled if a piece has
// just come.
asio::awaitable<void> connection::read_all(exchange& now, error_code& ec) {
    auto& in = *now.in;
    in.eager(true);
    for (;;) {
        if (now.buffer.size() != 0) {
            now.buffer.consume(in.put(now.buffer.data(), ec));
            if (in.is_done() || (ec && ec != web::error::need_more)) {
                co_return;
            }
        }
        auto [failed, bytes] = co_await socket_.async_read_some(
            now.buffer.prepare(piece_bytes), asio::as_tuple(asio::use_awaitable));
        throw_if_aborted(failed);
        if (failed) {
            ec = failed;
            co_return;
        }
        now.buffer.commit(bytes);
    }
}

// False: there is nothing to be answered.
asio::awaitable<bool> connection::read(exchange& now) {
    auto& in = *now.in;
    in.header_limit(static_cast<std::uint32_t>(options_.header_bytes_max));
    in.body_limit(rights_.may_post ? options_.body_bytes_max : 0);
    error_code ec;
    if (now.buffer.size() == 0) {
        const bool came =
            co_await until(time_, time_.now() + options_.idle_max, wait_for_bytes(ec));
        if (!came || ec) {
            co_return false;
        }
    }
    const bool in_time =
        co_await until(time_, time_.now() + options_.request_max, read_all(now, ec));
    const unsigned refused = in_time ? status_for(ec) : 408;
    if (refused != 0) {
        now.out = plain(refused, web::obsolete_reason(static_cast<web::status>(refused)));
        co_return true;
    }
    if (ec) {
        co_return false;
    }
    co_await answer(now);
    co_return true;
}

asio::awaitable<void> connection::answer(exchange& now) {
    auto message = now.in->release();
    now.keep_alive = message.keep_alive();
    now.head = message.method() == web::verb::head;
    const bool reads = now.head || message.method() == web::verb::get;
    const bool posts = message.method() == web::verb::post;
    const bool one_host = message.count(web::field::host) == 1;
    const bool host_needed = message.version() >= 11 || rights_.checks_host;
    if (!has_plain_target(view_of(message.target())) || (host_needed && !one_host)) {
        now.out = plain(400, "this is no request for a path of this server");
        now.keep_alive = false;
        co_return;
    }
    if (rights_.checks_host && !names_this_machine(view_of(message[web::field::host]))) {
        now.out = plain(421, "the Host field does not name this machine");
        now.keep_alive = false;
        co_return;
    }
    if (!reads && !(posts && rights_.may_post)) {
        now.out = plain(405, "only GET and HEAD are answered here");
        now.out.fields.emplace_back("Allow", "GET, HEAD");
        co_return;
    }
    auto asked = read_request(std::move(message), from_);
    std::string allowed;
    const auto* wanted = routes_.find(asked.method, asked.path, allowed);
    if (wanted != nullptr) {
        now.out = co_await call(*wanted, std::move(asked));
    } else if (!allowed.empty()) {
        now.out = plain(405, "this path has other methods: " + allowed);
        now.out.fields.emplace_back("Allow", allowed);
    } else {
        now.out = plain(404, "there is nothing here");
    }
}

// Who looks must not be able to end the work: what a handler throws ends its request alone.
asio::awaitable<response> connection::call(const handler& wanted, request asked) {
    const auto path = asked.path;
    std::string why;
    try {
        co_return co_await wanted(std::move(asked));
    } catch (const boost::system::system_error& failed) {
        if (failed.code() == asio::error::operation_aborted) {
            throw;
        }
        why = failed.what();
    } catch (const std::exception& failed) {
        why = failed.what();
    }
    log_.error("admin_request_failed", "a request to the admin server could not be answered",
               {{"path", path}, {"reason", why}});
    co_return plain(500, "this could not be answered; the log says why");
}

asio::awaitable<void> connection::write(exchange& now) {
    const auto message = render(now.out, now.head, now.keep_alive);
    error_code ec;
    const bool in_time =
        co_await until(time_, time_.now() + options_.response_max, write_all(message, ec));
    now.keep_alive = now.keep_alive && in_time && !ec;
}

asio::awaitable<void> connection::write_all(std::string_view message, error_code& ec) {
    auto [failed, bytes] = co_await asio::async_write(socket_, asio::buffer(message),
                                                      asio::as_tuple(asio::use_awaitable));
    ec = failed;
    throw_if_aborted(ec);
}

}  // namespace onboardd::admin
