#include "server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "connection.hpp"

namespace onboardd::sandbox {

using asio::ip::tcp;

server::server(asio::io_context& loop, world& of, asio::ssl::context& tls)
    : loop_(loop), world_(of), tls_(tls), acceptor_(loop) {}

void server::open(const tcp::endpoint& at) {
    acceptor_ = tcp::acceptor(loop_);
    acceptor_.open(at.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(at);
    acceptor_.listen(4096);
    at_ = acceptor_.local_endpoint();
    asio::co_spawn(loop_, accept(), asio::detached);
}

void server::apply_listening() {
    if (world_.how.listening && !acceptor_.is_open()) {
        open(at_);
    } else if (!world_.how.listening && acceptor_.is_open()) {
        acceptor_.close();
        close_connections();
    }
}

void server::close_connections() {
    const std::vector<connection*> all(connections_.begin(), connections_.end());
    for (auto* one : all) {
        one->close();
    }
}

asio::awaitable<void> server::accept() {
    const auto token = asio::as_tuple(asio::use_awaitable);
    while (acceptor_.is_open()) {
        auto [ec, socket] = co_await acceptor_.async_accept(token);
        if (ec == asio::error::operation_aborted) {
            co_return;
        }
        if (ec) {  // out of descriptors, for one: leave the queue alone for a moment
            asio::steady_timer pause(loop_, std::chrono::milliseconds(20));
            co_await pause.async_wait(token);
            continue;
        }
        ++world_.counts.connections_accepted;
        auto guest = std::make_shared<connection>(std::move(socket), *this);
        asio::co_spawn(loop_, serve(std::move(guest)), asio::detached);
    }
}

void server::create_later(late_case late) {
    const std::chrono::milliseconds after(late.after_ms);
    auto timer = std::make_shared<asio::steady_timer>(loop_, after);
    timer->async_wait([this, timer, late = std::move(late)](error_code ec) {
        if (!ec) {
            provider_.create_late(late);
        }
    });
}

}  // namespace onboardd::sandbox
