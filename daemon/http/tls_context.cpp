#include "daemon/http/tls_context.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <new>

#include "onboardd/base/error.hpp"

namespace onboardd::http {
namespace {

// ECDHE and AEAD only (RFC 9325). The suites of TLS 1.3 are all of that kind.
constexpr const char* tls_1_2_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// Resumption skips the certificate, so a revoked or replaced one must not live on in a session for
// days.
constexpr auto session_age_max = std::chrono::minutes(30);

bool is_address(const std::string& host) {
    unsigned char bytes[sizeof(in6_addr)];
    return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
           inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

void require(long success, const char* what) {
    if (success != 1) {
        throw config_error(std::string(what) + ": " + take_openssl_reason());
    }
}

}  // namespace

std::string take_openssl_reason() {
    const auto code = ERR_peek_last_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    std::string text = reason == nullptr ? "no reason given" : reason;
    ERR_clear_error();
    return text;
}

tls_context::tls_context(const tls_options& options, std::string host)
    : host_(std::move(host)),
      host_is_address_(is_address(host_)),
      context_(SSL_CTX_new(TLS_client_method())) {
    if (!context_) {
        throw config_error("TLS cannot be set up: " + take_openssl_reason());
    }
    auto* context = context_.get();
    require(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION), "TLS 1.2");
    require(SSL_CTX_set_max_proto_version(context, 0), "TLS versions");
    require(SSL_CTX_set_cipher_list(context, tls_1_2_ciphers), "TLS 1.2 ciphers");
    SSL_CTX_set_security_level(context, 2);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    // An end without close_notify must stay an error, even where the system's openssl.cnf says
    // otherwise.
    SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    // Whole records are read with one system call. A connection keeps its buffers, some 33 KB: to
    // give them back after each exchange (SSL_MODE_RELEASE_BUFFERS) costs more than all else that
    // an exchange allocates.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, &tls_context::keep_session);
    SSL_CTX_set_app_data(context, this);
    trust(options);
}

tls_context::~tls_context() = default;

void tls_context::trust(const tls_options& options) {
    if (options.ca_file) {
        const auto what = "cannot read the CA file " + options.ca_file->string();
        require(SSL_CTX_load_verify_file(context_.get(), options.ca_file->c_str()), what.c_str());
    } else {
        require(SSL_CTX_set_default_verify_paths(context_.get()),
                "cannot read the system's trust store");
    }
}

ssl_ptr tls_context::make_client() {
    static constexpr unsigned char protocols[] = "\x08http/1.1";
    ssl_ptr ssl(SSL_new(context_.get()));
    if (!ssl) {
        throw std::bad_alloc();
    }
    auto* verification = SSL_get0_param(ssl.get());
    // The subject's common name is no host name (RFC 9525), and a wildcard stands for one whole
    // label.
    X509_VERIFY_PARAM_set_hostflags(
        verification, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (host_is_address_) {
        require(X509_VERIFY_PARAM_set1_ip_asc(verification, host_.c_str()), "address to verify");
    } else {
        require(X509_VERIFY_PARAM_set1_host(verification, host_.data(), host_.size()),
                "name to verify");
        // SSL_set_tlsext_host_name, without the casts of its macro
        require(SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                         host_.data()),
                "server name");
    }
    if (SSL_set_alpn_protos(ssl.get(), protocols, sizeof protocols - 1) !=
        0) {  // here 0 is success
        throw std::bad_alloc();
    }
    if (session_ && std::chrono::steady_clock::now() < session_end_) {
        SSL_set_session(ssl.get(), session_.get());
    }
    SSL_set_connect_state(ssl.get());
    return ssl;
}

// OpenSSL calls this for a session that passed verification. Returning 1 keeps its reference.
int tls_context::keep_session(SSL* ssl, SSL_SESSION* session) {
    auto* self = static_cast<tls_context*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    if (SSL_session_reused(ssl) == 0 || !self->session_) {
        self->session_end_ = std::chrono::steady_clock::now() + session_age_max;
    }
    self->session_.reset(session);
    return 1;
}

}  // namespace onboardd::http
