#include "http/tls_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace onboardd::test {
namespace {

// Only in the server's threads: the client under test must live with an open SIGPIPE.
void block_broken_pipe_signal() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int listen_on_loopback(std::uint16_t& port) {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (made < 0 || ::bind(made, generic, size) != 0 || ::listen(made, 1024) != 0 ||
        ::getsockname(made, generic, &size) != 0) {
        throw std::runtime_error("no loopback listener");
    }
    port = ntohs(address.sin_port);
    return made;
}

std::size_t length_of(std::string_view head) {
    constexpr std::string_view name = "Content-Length: ";
    const auto at = head.find(name);
    return at == std::string_view::npos
               ? 0
               : std::stoul(std::string(head.substr(at + name.size(), 12)));
}

}  // namespace

tls_session::tls_session(tls_server& server, std::size_t number, int socket, SSL* ssl)
    : server_(server), number_(number), socket_(socket), ssl_(ssl) {}

tls_session::~tls_session() {
    if (socket_ >= 0) {
        close_properly();
    }
    SSL_free(ssl_);
}

std::string tls_session::read_some(std::size_t size_max) {
    if (!buffer_.empty()) {
        auto some = buffer_.substr(0, size_max);
        buffer_.erase(0, some.size());
        return some;
    }
    std::string bytes(size_max, '\0');
    const int size = static_cast<int>(size_max);
    const long got = socket_ < 0       ? 0
                     : ssl_ == nullptr ? ::recv(socket_, bytes.data(), size_max, 0)
                                       : SSL_read(ssl_, bytes.data(), size);
    bytes.resize(static_cast<std::size_t>(std::max(got, 0L)));
    server_.note_received(number_, bytes);
    return bytes;
}

std::string tls_session::read_request() {
    std::string request;
    auto size = std::string::npos;
    while (request.size() < size) {
        const auto some = read_some();
        if (some.empty()) {
            return request;
        }
        request += some;
        const auto end = request.find("\r\n\r\n");
        if (size == std::string::npos && end != std::string::npos) {
            size = end + 4 + length_of(request.substr(0, end));
        }
    }
    buffer_ = request.substr(size);
    request.resize(size);
    return request;
}

void tls_session::read_to_end() {
    while (!read_some().empty()) {
    }
}

void tls_session::wait_for_peer(std::chrono::milliseconds time_max) {
    pollfd wanted{socket_, POLLIN, 0};
    ::poll(&wanted, 1, static_cast<int>(time_max.count()));
}

bool tls_session::send(std::string_view bytes) {
    while (!bytes.empty() && socket_ >= 0) {
        const int size = static_cast<int>(std::min<std::size_t>(bytes.size(), 64 * 1024));
        const long sent = ssl_ == nullptr
                              ? ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL)
                              : SSL_write(ssl_, bytes.data(), size);
        if (sent <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void tls_session::close_properly() {
    if (ssl_ != nullptr) {
        SSL_shutdown(ssl_);
    }
    cut();
}

void tls_session::cut() {
    if (socket_ >= 0) {
        const std::lock_guard lock(
            server_.mutex_);  // the server must not shut down a number that was given again
        std::erase(server_.open_, socket_);
        ::close(std::exchange(socket_, -1));
    }
}

void tls_session::reset() {
    const linger none{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    cut();
}

std::string tls_session::server_name() const {
    const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
}

tls_server::tls_server(const identity& self, script play)
    : tls_server(self, std::move(play), options()) {}

tls_server::tls_server(const identity& self, script play, const options& wanted)
    : play_(std::move(play)),
      plain_(wanted.plain),
      context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free),
      listener_(listen_on_loopback(port_)) {
    SSL_CTX_set_security_level(context_.get(), 0);  // to be careful is the client's part
    if (SSL_CTX_use_certificate(context_.get(), self.certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context_.get(), self.key.get()) != 1) {
        throw std::runtime_error("no certificate");
    }
    if (wanted.adjust) {
        wanted.adjust(context_.get());
    }
    acceptor_ = std::thread([this] { accept_all(); });
}

tls_server::~tls_server() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        ::shutdown(listener_, SHUT_RDWR);
        for (const int each : open_) {
            ::shutdown(each, SHUT_RDWR);
        }
    }
    acceptor_.join();
    for (auto& each : threads_) {
        each.join();
    }
    ::close(listener_);
}

void tls_server::accept_all() {
    block_broken_pipe_signal();
    while (true) {
        const int accepted = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard lock(mutex_);
        if (accepted < 0 || stopping_) {
            if (accepted >= 0) {
                ::close(accepted);
            }
            return;
        }
        const int on = 1;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        open_.push_back(accepted);
        received_.emplace_back();
        const auto number = received_.size() - 1;
        threads_.emplace_back([this, number, accepted] { serve(number, accepted); });
    }
}

void tls_server::serve(std::size_t number, int socket) {
    block_broken_pipe_signal();
    SSL* ssl = nullptr;
    if (!plain_) {
        ssl = SSL_new(context_.get());
        SSL_set_fd(ssl, socket);
    }
    {
        tls_session session(*this, number, socket, ssl);
        if (ssl == nullptr || SSL_accept(ssl) == 1) {
            play_(session);
        } else {
            session.cut();
            const std::lock_guard lock(mutex_);
            ++failed_handshakes_;
        }
    }
    const std::lock_guard lock(mutex_);
    ++ended_;
    changed_.notify_all();
}

void tls_server::note_received(std::size_t connection, std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    received_[connection] += bytes;
}

std::size_t tls_server::connections() const {
    const std::lock_guard lock(mutex_);
    return received_.size();
}

std::size_t tls_server::failed_handshakes() const {
    const std::lock_guard lock(mutex_);
    return failed_handshakes_;
}

std::string tls_server::received(std::size_t connection) const {
    const std::lock_guard lock(mutex_);
    return received_.at(connection);
}

std::string tls_server::received() const {
    const std::lock_guard lock(mutex_);
    std::string all;
    for (const auto& each : received_) {
        all += each;
    }
    return all;
}

void tls_server::wait_for_ended(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ >= count; });
}

tls_server::script answers(std::string raw) {
    return [raw = std::move(raw)](tls_session& session) {
        session.read_request();
        session.send(raw);
        session.read_to_end();
    };
}

tls_server::script always_answers(std::string raw) {
    return [raw = std::move(raw)](tls_session& session) {
        while (!session.read_request().empty() && session.send(raw)) {
        }
    };
}

std::string good_answer(std::string_view body, std::string_view more_fields) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + std::string(more_fields) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

}  // namespace onboardd::test
