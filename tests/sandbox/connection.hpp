#pragma once

// One client's connection: reads requests, asks the provider, and lets the answers travel, or fail
// to.

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "provider.hpp"
#include "server.hpp"

namespace onboardd::sandbox {

class connection : public std::enable_shared_from_this<connection> {
public:
    connection(asio::ip::tcp::socket socket, server& home);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection();

    // Until the client leaves or a fault ends it.
    asio::awaitable<void> run();

    void close();

private:
    // What became of the wait for a request.
    enum class arrival : std::uint8_t { whole, over, malformed };

    asio::awaitable<bool> shake_hands();
    asio::awaitable<arrival> read_request(request_reader& request, exchange& of);
    asio::awaitable<bool> read_more();
    asio::awaitable<bool> write(std::string_view bytes);

    // False: the connection has ended with it.
    asio::awaitable<bool> answer(const request_reader& request, const exchange& of);
    asio::awaitable<bool> send(reply& what);
    asio::awaitable<bool> send_list(reply& what);
    asio::awaitable<bool> send_part(const reply& what);
    asio::awaitable<bool> send_oversized(reply& what);
    asio::awaitable<bool> send_dripping(const reply& what);
    asio::awaitable<void> send_interims(const reply& what);
    void build(reply& what);

    asio::awaitable<void> wait(std::int64_t milliseconds);
    asio::awaitable<void> say_goodbye();
    asio::awaitable<void> linger();
    asio::awaitable<void> wait_for_end();
    void close_after(std::uint32_t milliseconds);
    void reset();

    server& home_;
    asio::ssl::stream<asio::ip::tcp::socket> stream_;
    asio::steady_timer timer_;
    std::array<char, 18 * 1024> in_;  // one TLS record, and any header that is allowed
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::string out_;
    std::uint64_t answers_ = 0;
};

// Keeps the connection alive while it runs.
asio::awaitable<void> serve(std::shared_ptr<connection> guest);

}  // namespace onboardd::sandbox
