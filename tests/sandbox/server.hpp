#pragma once

// The listening side over TLS: accepts connections, keeps count of them, closes them when the
// provider is to look down.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <unordered_set>

#include "provider.hpp"

namespace onboardd::sandbox {

class connection;

class server {
public:
    server(asio::io_context& loop, world& of, asio::ssl::context& tls);

    // Throws boost::system::system_error. With port 0 the system chooses, and the choice stays.
    void open(const asio::ip::tcp::endpoint& at);
    std::uint16_t port() const noexcept { return at_.port(); }

    // Follows the switch `listening`: opens or closes the port, and with it all connections.
    void apply_listening();

    void close_connections();

    // Creates the case when its time has come, connection or not.
    void create_later(late_case late);

    world& the_world() noexcept { return world_; }
    sandbox::provider& the_provider() noexcept { return provider_; }
    asio::ssl::context& tls() noexcept { return tls_; }

    void enter(connection& one) { connections_.insert(&one); }
    void leave(connection& one) { connections_.erase(&one); }

private:
    asio::awaitable<void> accept();

    asio::io_context& loop_;
    world& world_;
    sandbox::provider provider_{world_};
    asio::ssl::context& tls_;
    asio::ip::tcp::acceptor acceptor_;
    asio::ip::tcp::endpoint at_;
    std::unordered_set<connection*> connections_;
};

}  // namespace onboardd::sandbox
