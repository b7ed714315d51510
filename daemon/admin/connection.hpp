#pragma once

// One connection of the admin server: reads a request, has it answered, writes the answer, and so
// on while both sides keep it alive.

#include <boost/asio/generic/stream_protocol.hpp>

#include "daemon/admin/routes.hpp"
#include "onboardd/base/error.hpp"

namespace onboardd::admin {

// What a place to listen at lets its callers do.
struct access {
    bool may_post = false;
    bool checks_host = true;
};

class connection {
public:
    using socket = asio::generic::stream_protocol::socket;

    connection(socket opened, std::optional<peer> from, access rights, const routes& known,
               const server_options& options, clock& time, logger& log)
        : socket_(std::move(opened)),
          from_(from),
          rights_(rights),
          routes_(known),
          options_(options),
          time_(time),
          log_(log) {}

    // Until either side has had enough. `crowded` says whether others wait for a place: then the
    // connection ends after this answer.
    asio::awaitable<void> run(std::function<bool()> crowded);

private:
    struct exchange;  // one request and its answer; Beast stays in the source

    asio::awaitable<bool> read(exchange& now);
    asio::awaitable<void> wait_for_bytes(error_code& ec);
    asio::awaitable<void> read_all(exchange& now, error_code& ec);
    asio::awaitable<void> answer(exchange& now);
    asio::awaitable<response> call(const handler& wanted, request asked);
    asio::awaitable<void> write(exchange& now);
    asio::awaitable<void> write_all(std::string_view message, error_code& ec);

    socket socket_;
    std::optional<peer> from_;
    access rights_;
    const routes& routes_;
    const server_options& options_;
    clock& time_;
    logger& log_;
};

}  // namespace onboardd::admin
