#include "onboardd/admin/server.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <utility>

#include "daemon/admin/connection.hpp"
#include "daemon/admin/listener.hpp"
#include "onboardd/base/task_group.hpp"
#include "onboardd/base/wakeup.hpp"

namespace onboardd::admin {
namespace {

using protocol = asio::generic::stream_protocol;
using acceptor = asio::basic_socket_acceptor<protocol>;

constexpr milliseconds accept_retry{1'000};  // no descriptor is free, most likely

std::optional<peer> peer_of(connection::socket& opened, int family) {
    ucred seen{};
    socklen_t bytes = sizeof seen;
    if (family != AF_UNIX ||
        ::getsockopt(opened.native_handle(), SOL_SOCKET, SO_PEERCRED, &seen, &bytes) != 0) {
        return std::nullopt;
    }
    return peer{.uid = seen.uid, .gid = seen.gid, .pid = seen.pid};
}

// One place to listen at, and its connections.
class door {
public:
    door(const asio::any_io_executor& executor, listener from, access rights)
        : listener_(std::move(from)),
          rights_(rights),
          acceptor_(executor, protocol(listener_.family, 0), ::dup(listener_.fd.get())),
          open_(executor),
          left_(executor) {}

    asio::awaitable<void> run(const routes& known, const server_options& options, clock& time,
                              logger& log) {
        task_group accepting(acceptor_.get_executor());
        accepting.spawn(accept(known, options, time, log));
        co_await join_in_order(accepting, open_);
    }

    [[nodiscard]] std::uint16_t port() const {
        sockaddr_in6 bound{};  // the port is at the same place in both families
        socklen_t bytes = sizeof bound;
        const int fd = listener_.fd.get();
        if (listener_.family == AF_UNIX ||
            ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &bytes) != 0) {
            return 0;
        }
        return ntohs(bound.sin6_port);
    }

private:
    asio::awaitable<void> accept(const routes& known, const server_options& options, clock& time,
                                 logger& log) {
        for (;;) {
            while (open_.size() >= options.connections_max) {
                co_await left_.wait();
            }
            auto [ec, opened] =
                co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
            if (ec) {
                co_await time.wait_for(accept_retry);
                continue;
            }
            const auto from = peer_of(opened, listener_.family);
            auto made = std::make_unique<connection>(std::move(opened), from, rights_, known,
                                                     options, time, log);
            open_.spawn(serve(std::move(made), options.connections_max));
        }
    }

    asio::awaitable<void> serve(std::unique_ptr<connection> one, std::size_t connections_max) {
        struct place {
            wakeup& left;
            ~place() { left.set(); }
        };
        const place held{left_};
        std::function<bool()> crowded = [this, connections_max] {
            return open_.size() > connections_max / 2;
        };
        co_await one->run(std::move(crowded));
    }

    listener listener_;
    access rights_;
    acceptor acceptor_;
    task_group open_;
    wakeup left_;
};

class http_server final : public server {
public:
    http_server(const asio::any_io_executor& executor, clock& time, logger& log,
                server_options options)
        : executor_(executor), time_(time), log_(log), options_(std::move(options)) {
        if (options_.http) {
            auto place = listen_at(*options_.http);
            const access rights{.may_post = false, .checks_host = place.family != AF_UNIX};
            doors_.emplace_back(executor, std::move(place), rights);
        }
        if (!options_.socket.empty()) {
            open_control_socket();
        }
    }

    void on(verb method, std::string path, handler answer) override {
        routes_.add(method, std::move(path), std::move(answer));
    }

    asio::awaitable<void> run() override {
        task_group all(executor_);
        for (auto& each : doors_) {
            all.spawn(each.run(routes_, options_, time_, log_));
        }
        co_await all.join();
    }

    std::uint16_t port() const override { return doors_.empty() ? 0 : doors_.front().port(); }

private:
    void open_control_socket() {
        const auto directory = options_.socket.parent_path();
        if (!std::filesystem::exists(directory)) {
            log_.warning("no_control_socket",
                         "the directory of admin.socket is missing; onboardctl can look, and "
                         "change nothing while this process runs",
                         {{"path", options_.socket.native()}});
            return;
        }
        const access rights{.may_post = true, .checks_host = false};
        doors_.emplace_back(executor_, listen_at_socket(options_.socket, "admin.socket"), rights);
    }

    asio::any_io_executor executor_;
    clock& time_;
    logger& log_;
    server_options options_;
    routes routes_;
    std::list<door> doors_;
};

}  // namespace

std::unique_ptr<server> open_server(const asio::any_io_executor& executor, clock& time, logger& log,
                                    server_options options) {
    return std::make_unique<http_server>(executor, time, log, std::move(options));
}

}  // namespace onboardd::admin
