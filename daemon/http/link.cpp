#include "daemon/http/link.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace onboardd::http {

link::link(const asio::any_io_executor& executor, std::size_t in_bytes)
    : in(in_bytes), socket_(executor) {}

link::~link() {
    if (tls_ && !aborted) {
        tls_->close_notify();
    }
}

failure link::failed(const error_code& ec, phase step, std::string detail) const {
    return failure{aborted ? aborted : ec, progress::not_sent, step, std::move(detail)};
}

asio::awaitable<std::optional<failure>> link::open(tls_context& context, const endpoint& peer) {
    opened_at = std::chrono::steady_clock::now();
    error_code ec;
    socket_.open(peer.protocol(), ec);
    if (ec) {
        co_return failed(ec, phase::connect, "");
    }
    socket_.non_blocking(true, ec);
    socket_.set_option(asio::ip::tcp::no_delay(true), ec);
    auto [connected] = co_await socket_.async_connect(peer, asio::as_tuple(asio::use_awaitable));
    if (connected == asio::error::operation_aborted && !aborted) {
        throw boost::system::system_error(connected);
    }
    if (connected || aborted) {
        co_return failed(connected, phase::connect, peer.address().to_string());
    }
    connected_at = std::chrono::steady_clock::now();
    tls_.emplace(context, socket_.native_handle());
    for (auto step = tls_->handshake(); step != io::done; step = tls_->handshake()) {
        if (step == io::failed) {
            co_return failed(tls_->error(), phase::tls, tls_->detail());
        }
        ec = co_await ready(step);
        if (ec) {
            co_return failed(ec, phase::tls, "handshake");
        }
    }
    co_return std::nullopt;
}

asio::awaitable<error_code> link::ready(io need) {
    if (aborted) {
        co_return aborted;
    }
    const auto kind = need == io::want_read ? asio::ip::tcp::socket::wait_read
                                            : asio::ip::tcp::socket::wait_write;
    auto [ec] = co_await socket_.async_wait(kind, asio::as_tuple(asio::use_awaitable));
    if (aborted) {
        co_return aborted;
    }
    if (ec == asio::error::operation_aborted) {
        throw boost::system::system_error(ec);
    }
    co_return ec;
}

void link::abort(error_code why) {
    aborted = why;
    deadline = steady_time::max();
    error_code ignored;
    socket_.cancel(ignored);
}

}  // namespace onboardd::http
