#pragma once

// A loopback TLS server that does what a test's script says, one thread a connection. It answers
// raw bytes, in pieces, and can end a connection in each way a network can.

#include <openssl/ssl.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "http/certificates.hpp"

namespace onboardd::test {

class tls_server;

// The server's side of one connection, in the hands of a script. Reads end with what was there when
// the peer closes.
class tls_session {
public:
    tls_session(tls_server& server, std::size_t number, int socket, SSL* ssl);
    tls_session(const tls_session&) = delete;
    tls_session& operator=(const tls_session&) = delete;
    ~tls_session();

    // One whole request by its Content-Length; less if the peer ends first.
    std::string read_request();

    // What comes next, at most `size_max`; empty at the end of the connection.
    std::string read_some(std::size_t size_max = 16 * 1024);

    void read_to_end();

    // Waits until the peer sends something or ends, at most for `time_max`: a pace.
    void wait_for_peer(std::chrono::milliseconds time_max);

    // False if the peer is gone.
    bool send(std::string_view bytes);

    void close_properly();  // close_notify, then FIN
    void cut();             // FIN without close_notify
    void reset();           // RST

    // The how manieth connection of the server this is, from 0.
    std::size_t number() const { return number_; }
    bool resumed() const { return ssl_ != nullptr && SSL_session_reused(ssl_) != 0; }
    std::string server_name() const;
    SSL* native() { return ssl_; }

private:
    tls_server& server_;
    std::size_t number_;
    int socket_;
    SSL* ssl_;
    std::string buffer_;
};

class tls_server {
public:
    using script = std::function<void(tls_session&)>;

    struct options {
        std::function<void(SSL_CTX*)> adjust;  // called before the first connection
        bool plain = false;                    // no TLS at all: the script meets the bare socket
    };

    tls_server(const identity& self, script play);
    tls_server(const identity& self, script play, const options& wanted);
    tls_server(const tls_server&) = delete;
    tls_server& operator=(const tls_server&) = delete;
    ~tls_server();

    std::uint16_t port() const { return port_; }

    std::size_t connections() const;  // accepted so far
    std::size_t failed_handshakes() const;
    std::string received(std::size_t connection) const;  // decrypted bytes
    std::string received() const;                        // of all connections together

    // Waits until `count` connections have ended, on the server's side.
    void wait_for_ended(std::size_t count);

private:
    friend class tls_session;

    void accept_all();
    void serve(std::size_t number, int socket);
    void note_received(std::size_t connection, std::string_view bytes);

    script play_;
    bool plain_;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::uint16_t port_ = 0;  // set by the listener's initializer, so it comes first
    int listener_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> received_;
    std::vector<int> open_;
    std::size_t ended_ = 0;
    std::size_t failed_handshakes_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

// A script that reads one request, answers `raw`, and waits for the client to close.
tls_server::script answers(std::string raw);

// A script that answers every request on the connection with `raw`.
tls_server::script always_answers(std::string raw);

// 200 with a Content-Length.
std::string good_answer(std::string_view body, std::string_view more_fields = "");

}  // namespace onboardd::test
