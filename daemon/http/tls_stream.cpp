#include "daemon/http/tls_stream.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>
#include <limits>
#include <new>

namespace onboardd::http {

namespace asio = boost::asio;

namespace {

tls_stream* stream_of(BIO* bio) {
    return static_cast<tls_stream*>(BIO_get_data(bio));
}

// OpenSSL wants an empty error queue before each call. It nearly always is, and looking costs less
// than clearing.
void forget_errors() {
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

int clamped(std::size_t size) {
    constexpr std::size_t size_max = std::numeric_limits<int>::max();
    return static_cast<int>(std::min(size, size_max));
}

}  // namespace

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL: a peer that is gone would end the program
// with SIGPIPE.
const BIO_METHOD* tls_stream::socket_method() {
    static const auto method = [] {
        std::unique_ptr<BIO_METHOD, openssl_delete<BIO_meth_free>> made(
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "onboardd socket"));
        if (!made) {
            throw std::bad_alloc();
        }
        BIO_meth_set_write(made.get(), &tls_stream::write_socket);
        BIO_meth_set_read(made.get(), &tls_stream::read_socket);
        BIO_meth_set_ctrl(made.get(), &tls_stream::control);
        return made;
    }();
    return method.get();
}

int tls_stream::write_socket(BIO* bio, const char* bytes, int size) {
    auto* self = stream_of(bio);
    BIO_clear_retry_flags(bio);
    const int flags = MSG_NOSIGNAL | (self->more_follows_ ? MSG_MORE : 0);
    const auto sent = ::send(self->socket_, bytes, static_cast<std::size_t>(size), flags);
    if (sent < 0) {
        self->errno_ = errno;
        if (errno == EAGAIN || errno == EINTR) {
            BIO_set_retry_write(bio);
        }
    }
    return static_cast<int>(sent);
}

int tls_stream::read_socket(BIO* bio, char* bytes, int size) {
    auto* self = stream_of(bio);
    BIO_clear_retry_flags(bio);
    const auto got = ::recv(self->socket_, bytes, static_cast<std::size_t>(size), 0);
    self->ended_ = got == 0;
    if (got < 0) {
        self->errno_ = errno;
        if (errno == EAGAIN || errno == EINTR) {
            BIO_set_retry_read(bio);
        }
    }
    return static_cast<int>(got);
}

long tls_stream::control(BIO* bio, int command, long, void*) {
    switch (command) {
        case BIO_CTRL_FLUSH:
            return 1;
        case BIO_CTRL_EOF:
            return stream_of(bio)->ended_ ? 1 : 0;
        default:
            return 0;
    }
}

tls_stream::tls_stream(tls_context& context, int socket)
    : ssl_(context.make_client()), socket_(socket) {
    BIO* bio = BIO_new(socket_method());
    if (bio == nullptr) {
        throw std::bad_alloc();
    }
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);  // owns it from here on
}

tls_stream::~tls_stream() = default;

io tls_stream::handshake() {
    forget_errors();
    return outcome(SSL_do_handshake(ssl_.get()));
}

io tls_stream::read(std::span<char> into, std::size_t& size) {
    forget_errors();
    const int got = SSL_read(ssl_.get(), into.data(), clamped(into.size()));
    size = got > 0 ? static_cast<std::size_t>(got) : 0;
    return outcome(got);
}

io tls_stream::write(std::string_view bytes, bool more_follows) {
    forget_errors();
    more_follows_ = more_follows;
    std::size_t written = 0;  // without partial writes it is all or nothing
    return outcome(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written));
}

bool tls_stream::is_quiet() {
    char byte = 0;
    std::size_t size = 0;
    switch (read({&byte, 1}, size)) {
        case io::want_read:
            return true;
        case io::done:
            error_ = errc::stale_connection;
            detail_ = "bytes that nobody asked for";
            return false;
        case io::want_write:  // a full send buffer on a connection that should be idle
        case io::failed:
            return false;
    }
    return false;
}

void tls_stream::close_notify() {
    forget_errors();
    if (!error_ && SSL_is_init_finished(ssl_.get()) != 0) {
        SSL_shutdown(ssl_.get());
        forget_errors();
    }
}

io tls_stream::outcome(int returned) {
    if (returned > 0) {
        return io::done;
    }
    switch (SSL_get_error(ssl_.get(), returned)) {
        case SSL_ERROR_WANT_READ:
            return io::want_read;
        case SSL_ERROR_WANT_WRITE:
            return io::want_write;
        case SSL_ERROR_ZERO_RETURN:
            error_ = asio::error::eof;
            detail_ = "closed by the peer";
            return io::failed;
        case SSL_ERROR_SYSCALL:
            error_ = errno_ != 0 ? error_code(errno_, boost::system::system_category())
                                 : error_code(asio::ssl::error::stream_truncated);
            return io::failed;
        default:
            explain();
            return io::failed;
    }
}

void tls_stream::explain() {
    const auto code = ERR_peek_last_error();  // the newest is what TLS made of the others
    if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
        ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        error_ = asio::ssl::error::stream_truncated;
    } else {
        error_ = error_code(static_cast<int>(code), asio::error::get_ssl_category());
    }
    const char* reason = ERR_reason_error_string(code);
    detail_ = reason == nullptr ? "unknown TLS error" : reason;
    const auto verified = SSL_get_verify_result(ssl_.get());
    if (verified != X509_V_OK) {
        detail_ += std::string(": ") + X509_verify_cert_error_string(verified);
    }
    forget_errors();
}

}  // namespace onboardd::http
