#pragma once

// The daemon's window: one small HTTP/1.1 server for the people and programs beside it. It listens
// at up to two places, and what may be asked there differs:
//
// - `http`, for looking (metrics, health, the status page): GET and HEAD alone. Nobody is asked who
//   they are, so it is an address of this machine or a unix socket. On TCP the Host field must name
//   this machine: a page in somebody's browser that has its own name point here is sent away.
// - `socket`, for onboardctl: a unix socket of mode 0660. It answers the same, and POST too; each
//   request carries the credentials of the process that opened the connection.
//
// Everything has a bound: connections, header, body, the time for each step. Nothing that a caller
// does keeps the others out for longer than those, and nothing ends the daemon.

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/log.hpp"

namespace onboardd::admin {

enum class verb : std::uint8_t {
    get,   // also for HEAD: the server leaves the body out
    post,  // on the control socket alone
};

// Who opened the connection, as the kernel says (SO_PEERCRED).
struct peer {
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t pid = 0;
};

struct request {
    verb method = verb::get;
    std::string path;          // as sent, without the query; begins with a slash
    std::string query;         // behind the first '?'
    std::string body;          // of a POST
    std::optional<peer> from;  // nullopt: over TCP
};

struct response {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
    std::vector<std::pair<std::string, std::string>> fields = {};  // further header fields
};

// The body is `text` and a line feed.
response plain(unsigned status, std::string_view text);

// 200. The body is `body` and a line feed.
response json_answer(std::string body);

// Answers one request, on the loop. What it throws is logged and answered with 500, except the end
// by cancellation.
using handler = std::function<asio::awaitable<response>(request)>;

struct server_options {
    // Changes behaviour.
    std::optional<std::string> http;  // "127.0.0.1:9464", "[::1]:9464", "localhost:9464" or
                                      // "unix:/path"; nullopt: none
    std::filesystem::path socket;     // empty: none
    std::size_t header_bytes_max = 8 * 1024;
    std::size_t body_bytes_max = 1024 * 1024;  // of a POST
    milliseconds idle_max{30'000};             // for the next request on a connection
    milliseconds request_max{10'000};          // from its first byte to its last
    milliseconds response_max{30'000};         // to take the answer

    // Changes performance.
    std::size_t connections_max = 32;  // at each of the two places; more wait to be accepted
};

class server {
public:
    server() = default;
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    virtual ~server() = default;  // the unix sockets are removed if they are still ours

    // `path` whole, or every path below it if it ends in a slash; the longest match counts. Before
    // run().
    virtual void on(verb method, std::string path, handler answer) = 0;

    // Serves until cancelled; needed once.
    virtual asio::awaitable<void> run() = 0;

    // Where TCP connections are taken; 0: nowhere.
    [[nodiscard]] virtual std::uint16_t port() const = 0;
};

// Listens from now on; connections wait for run(). A stale unix socket is replaced if nobody
// answers at it. Throws config_error with a sentence for the operator if an address cannot be used,
// already_owned if another process listens at the control socket. A control socket whose directory
// is missing is left out with a warning: a run from a shell has none.
std::unique_ptr<server> open_server(const asio::any_io_executor& executor, clock& time, logger& log,
                                    server_options options);

}  // namespace onboardd::admin
