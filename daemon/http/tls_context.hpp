#pragma once

// What all TLS connections to one origin share: trust, protocol bounds, the name to verify, and the
// newest session for resumption.

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <string>

#include "onboardd/http/tls_options.hpp"

namespace onboardd::http {

template <auto Free>
struct openssl_delete {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

using ssl_ptr = std::unique_ptr<SSL, openssl_delete<SSL_free>>;
using ssl_ctx_ptr = std::unique_ptr<SSL_CTX, openssl_delete<SSL_CTX_free>>;
using ssl_session_ptr = std::unique_ptr<SSL_SESSION, openssl_delete<SSL_SESSION_free>>;

// OpenSSL's words for its newest error, and an empty queue.
std::string take_openssl_reason();

class tls_context {
public:
    // Throws config_error where the trust store cannot be read or the host is neither a name nor an
    // address.
    tls_context(const tls_options& options, std::string host);
    tls_context(const tls_context&) = delete;
    tls_context& operator=(const tls_context&) = delete;
    ~tls_context();

    // A client object that will accept the origin's certificate only, resuming an earlier session
    // where it can.
    ssl_ptr make_client();

private:
    static int keep_session(SSL* ssl, SSL_SESSION* session);
    void trust(const tls_options& options);

    std::string host_;
    bool host_is_address_;
    ssl_ctx_ptr context_;
    ssl_session_ptr session_;
    std::chrono::steady_clock::time_point session_end_{};
};

}  // namespace onboardd::http
