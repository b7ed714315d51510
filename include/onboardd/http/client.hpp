#pragma once

// An HTTPS client for one origin: a bounded pool of verified, kept-alive connections. It never
// resends, never follows a redirect, never pipelines, and reads no proxy from the environment. A
// request is split at the one point that matters to a POST without an idempotency key: before the
// last byte has left it is certainly not applied, after it nobody knows until a complete answer is
// there.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/log.hpp"
#include "onboardd/base/measures.hpp"
#include "onboardd/http/message.hpp"
#include "onboardd/http/tls_options.hpp"

namespace onboardd::http {

// Takes the decoded body piece by piece; an error ends the exchange with that code. Called on the
// loop thread.
using body_sink = std::function<error_code(std::string_view)>;

// For long answers.
struct answer_pace {
    milliseconds silence_max{30'000};        // how long nothing may come
    std::uint64_t bytes_per_second_min = 0;  // on average, from that long after the beginning on
};

struct exchange_options {
    milliseconds time_max{30'000};    // for the whole exchange, first byte sent to last byte read
    std::optional<answer_pace> pace;  // nullopt: only the whole is bounded
    std::uint64_t body_bytes_max =
        1024 * 1024;  // of the decoded body; beyond it: errc::answer_too_large
    // The last byte is not sent after this (errc::send_deadline, not_sent), however long the
    // process or the machine slept in between. max(): no such limit.
    boot_time send_deadline = boot_time::max();
    body_sink sink;  // empty: the body is collected in response::body
};

// One live, verified connection, borrowed from the pool for one exchange. Destroying it gives it
// back if its last exchange ended cleanly and the answer allows keep-alive, and closes it
// otherwise. It must not outlive its client.
class connection {
public:
    connection() = default;
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    virtual ~connection() = default;

    // Sends `message` and reads the final answer (interim 1xx are skipped, at most 5; 101 is an
    // error). Called once. Any status is a success here. An answer must be framed by one
    // Content-Length or by `chunked` alone (204 and 304 have no body); all else is
    // errc::malformed_answer. Cancellation closes the connection and throws operation_aborted: the
    // caller must then treat the request as sent.
    virtual asio::awaitable<result<response, failure>> send(request message,
                                                            exchange_options options) = 0;
};

class client {
public:
    client() = default;
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    virtual ~client() = default;

    // Resolves names off the request path, closes idle connections, keeps all time limits. Runs
    // until cancelled; send and connect work only while it runs. When it ends, exchanges in flight
    // and waiters fail with errc::stopping.
    virtual asio::awaitable<void> run() = 0;

    // Borrows a connection, waiting first in, first out while `connections_max` are lent. A pooled
    // one is tested first (no end of file, no unsolicited bytes, not idle for longer than
    // `idle_max`). A failure here is always not_sent.
    virtual asio::awaitable<result<std::unique_ptr<connection>, failure>> connect() = 0;

    // connect() and send() in one, for requests that are safe to lose.
    asio::awaitable<result<response, failure>> send(request message, exchange_options options);
};

struct client_options {
    // Changes behaviour.
    std::string host;  // of the origin, without brackets for IPv6
    std::uint16_t port = 443;
    tls_options tls;
    milliseconds connect_timeout{5'000};  // TCP and TLS handshake together
    milliseconds idle_max{4'000};  // an older pooled connection is closed, not used for a POST
    milliseconds resolve_every{60'000};  // how often the name is looked up again
    std::size_t header_bytes_max = 8 * 1024;
    std::size_t interim_max = 5;
    std::string user_agent = "onboardd/" ONBOARDD_VERSION;
    measures* seen = nullptr;  // where connections are timed; null: nowhere

    // Changes performance.
    std::uint32_t connections_max = 64;
};

// Throws config_error if the TLS context cannot be made (an unreadable CA file, for example).
std::unique_ptr<client> make_client(const asio::any_io_executor& executor, clock& time, logger& log,
                                    client_options options);

// Percent-encodes everything but RFC 3986 unreserved characters: for one path segment or query
// value.
std::string percent_encode(std::string_view text);

}  // namespace onboardd::http
