#pragma once

// One connection to the origin: socket, TLS, buffers and a deadline.

#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <string>
#include <vector>

#include "daemon/http/address_book.hpp"
#include "daemon/http/tls_stream.hpp"
#include "onboardd/http/message.hpp"

namespace onboardd::http {

class link {
public:
    link(const asio::any_io_executor& executor, std::size_t in_bytes);
    link(const link&) = delete;
    link& operator=(const link&) = delete;
    ~link();

    // TCP and TLS. Called once.
    asio::awaitable<std::optional<failure>> open(tls_context& context, const endpoint& peer);

    // Waits until the socket is ready for what `need` (want_read or want_write) asks for. An error:
    // abort() was called. Cancellation throws operation_aborted.
    asio::awaitable<error_code> ready(io need);

    // Ends whatever waits for this link, with `why`; it is of no use any more.
    void abort(error_code why);

    // Whether it can carry another exchange: nothing was aborted and the peer has kept quiet.
    bool is_fresh() { return !aborted && tls_->is_quiet(); }

    [[nodiscard]] tls_stream& tls() noexcept { return *tls_; }

    static constexpr std::size_t in_bytes_min = 16 * 1024;  // one TLS record

    steady_time deadline = steady_time::max();  // when it is aborted, on the machine's clock
    steady_time idle_since{};                   // on the client's clock
    steady_time opened_at{};                    // the same clock as `deadline`: open() was called
    steady_time connected_at{};                 // TCP was there
    error_code aborted;
    std::vector<char> in;  // the read buffer, as large as it was made
    std::string out;       // memory for the head of a request

private:
    failure failed(const error_code& ec, phase step, std::string detail) const;

    asio::ip::tcp::socket socket_;
    std::optional<tls_stream> tls_;
};

}  // namespace onboardd::http
