#pragma once

// The addresses of the origin, looked up by one task beside the requests: a look-up cannot be
// interrupted, so nobody but this task ever waits for one, the very first answer excepted.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>
#include <vector>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/error.hpp"
#include "onboardd/base/log.hpp"
#include "onboardd/base/wakeup.hpp"

namespace onboardd::http {

using endpoint = asio::ip::tcp::endpoint;

class address_book {
public:
    address_book(const asio::any_io_executor& executor, clock& time, logger& log, std::string host,
                 std::uint16_t port, milliseconds resolve_every);

    // Looks the name up now, every `resolve_every`, and after refresh(). Returns at once for an
    // address.
    asio::awaitable<void> run();

    // Returns when there was an answer, good or bad; false if `deadline` came first.
    asio::awaitable<bool> wait_for_answer(steady_time deadline);

    // Those to try, best first. Empty: the name has none, and error() says why.
    [[nodiscard]] const std::vector<endpoint>& endpoints() const noexcept { return endpoints_; }
    [[nodiscard]] const error_code& error() const noexcept { return error_; }
    [[nodiscard]] bool answered() const noexcept { return answered_; }

    // Puts one that works first, so that a dead one in front is not tried again and again.
    void prefer(const endpoint& good);

    // Asks for a new look-up, at most one a second.
    void refresh() { refresh_.set(); }

    // Lets go whoever waits for the first answer: none will come.
    void close();

private:
    asio::awaitable<void> wait_answered();
    void take(const error_code& ec, std::vector<endpoint> found);

    clock& time_;
    logger& log_;
    std::string host_;
    std::uint16_t port_;
    milliseconds resolve_every_;
    asio::ip::tcp::resolver resolver_;
    asio::steady_timer answer_;
    wakeup refresh_;
    std::vector<endpoint> endpoints_;
    error_code error_;
    bool numeric_ = false;
    bool answered_ = false;
};

}  // namespace onboardd::http
