#pragma once

// The live connections of one origin: opened within a time limit, kept while idle for a short time,
// tested before they are lent again. One timer serves all deadlines: in the common case setting one
// costs a comparison.

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <vector>

#include "daemon/http/address_book.hpp"
#include "daemon/http/link.hpp"
#include "daemon/http/slots.hpp"
#include "daemon/http/tls_context.hpp"
#include "onboardd/http/client.hpp"

namespace onboardd::http {

class pool;

// Takes a link out of its pool's list when it ends.
struct unlist {
    pool* owner = nullptr;
    void operator()(link* ended) const noexcept;
};

class pool {
public:
    using link_ptr = std::unique_ptr<link, unlist>;

    // A link and the right to hold it. The link goes first, so that the next in the queue finds it
    // in the pool.
    struct lease {
        slot place;
        link_ptr held;
    };

    pool(const asio::any_io_executor& executor, clock& time, logger& log,
         const client_options& options);
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;
    ~pool();

    // Looks names up and watches the deadlines until cancelled; then every link is ended and every
    // waiter sent away.
    asio::awaitable<void> run();

    asio::awaitable<result<lease, failure>> acquire();

    // Keeps a link whose exchange ended cleanly.
    void put_back(link_ptr used);

    // Aborts `busy` at `deadline` with errc::timed_out.
    void set_deadline(link& busy, steady_time deadline);

private:
    friend struct unlist;

    asio::awaitable<result<link_ptr, failure>> open();
    asio::awaitable<result<link_ptr, failure>> open_any(std::vector<endpoint> endpoints);
    asio::awaitable<void> watch_deadlines();
    link_ptr take_idle();
    link_ptr make_link();
    void log_opened(link& opened, const endpoint& peer);
    void measure_opened(const link& opened);
    void stop();

    asio::any_io_executor executor_;
    clock& time_;
    logger& log_;
    const client_options& options_;
    tls_context tls_;
    address_book addresses_;
    slots slots_;
    std::vector<link*> links_;    // all that live: idle, lent, or being opened
    std::vector<link_ptr> idle_;  // the newest last
    asio::steady_timer watch_;
    steady_time watch_next_ = steady_time::max();
    bool stopped_ = false;
};

}  // namespace onboardd::http
