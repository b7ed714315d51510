#pragma once

// TLS over a non-blocking socket: every call does what can be done now and says what to wait for.
// It has no buffers of its own beside OpenSSL's, and waits for nothing, so what it reads and when
// is entirely in the caller's hands.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "daemon/http/tls_context.hpp"
#include "onboardd/base/error.hpp"

namespace onboardd::http {

enum class io : std::uint8_t {
    done,
    want_read,   // again when the socket is readable
    want_write,  // again when it is writable
    failed,      // error() and detail() say why; nothing works after it
};

class tls_stream {
public:
    // `socket` is open, connected and non-blocking, and outlives this.
    tls_stream(tls_context& context, int socket);
    tls_stream(const tls_stream&) = delete;
    tls_stream& operator=(const tls_stream&) = delete;
    ~tls_stream();

    io handshake();

    // Reads at least one byte into `into`; `size` is how many. The end of the stream is a failure:
    // asio::error::eof after a close_notify, stream_truncated without.
    io read(std::span<char> into, std::size_t& size);

    // Done only when all of `bytes` has gone to the socket; otherwise called again with the same
    // bytes. `more_follows`: the system may keep them back to send them with what follows at once.
    io write(std::string_view bytes, bool more_follows = false);

    // Whether the peer has sent nothing that belongs to an answer: no data, no alert, no end.
    // Session tickets and the like are taken in on the way.
    bool is_quiet();

    // Says goodbye, once, without waiting for the peer.
    void close_notify();

    [[nodiscard]] const error_code& error() const noexcept { return error_; }
    [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
    [[nodiscard]] const SSL* native() const noexcept { return ssl_.get(); }

private:
    io outcome(int returned);
    void explain();
    static const BIO_METHOD* socket_method();
    static int write_socket(BIO* bio, const char* bytes, int size);
    static int read_socket(BIO* bio, char* bytes, int size);
    static long control(BIO* bio, int command, long number, void* pointer);

    ssl_ptr ssl_;
    int socket_;
    int errno_ = 0;
    bool ended_ = false;  // the socket has: no more bytes will come
    bool more_follows_ = false;
    error_code error_;
    std::string detail_;
};

}  // namespace onboardd::http
