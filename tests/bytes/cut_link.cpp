#include "bytes/cut_link.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "onboardd/base/unique_fd.hpp"

namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

// What the wire still takes from the client.
std::size_t send_budget = unlimited;

}  // namespace

// The linker leads the client's calls of send() here (--wrap): a full socket at any byte.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): its names
extern "C" ssize_t __real_send(int socket, const void* bytes, std::size_t size, int flags);
extern "C" ssize_t __wrap_send(int socket, const void* bytes, std::size_t size, int flags);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" ssize_t __wrap_send(int socket, const void* bytes, std::size_t size, int flags) {
    if (send_budget == 0) {
        errno = EAGAIN;
        return -1;
    }
    const auto sent = __real_send(socket, bytes, std::min(size, send_budget), flags);
    if (sent > 0 && send_budget != unlimited) {
        send_budget -= static_cast<std::size_t>(sent);
    }
    return sent;
}

namespace onboardd::test {
namespace {

using need = http::exchange::need;

constexpr int turns_max = 1'000;  // far more than any exchange here takes

http::tls_options trusting(const authority& trusted) {
    http::tls_options options;
    options.ca_file = trusted.file();
    return options;
}

http::ssl_ctx_ptr make_server(const identity& self, int tls_version) {
    http::ssl_ctx_ptr made(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(made.get(), self.certificate.get());
    SSL_CTX_use_PrivateKey(made.get(), self.key.get());
    SSL_CTX_set_min_proto_version(made.get(), tls_version);
    SSL_CTX_set_max_proto_version(made.get(), tls_version);
    SSL_CTX_set_session_id_context(made.get(), reinterpret_cast<const unsigned char*>("b"), 1);
    return made;
}

void require(bool good, const char* what) {
    if (!good) {
        throw std::runtime_error(what);
    }
}

// Two ends of a TCP connection: only that has RST.
std::array<unique_fd, 2> connected_pair() {
    unique_fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    require(::bind(listener.get(), generic, size) == 0 && ::listen(listener.get(), 1) == 0 &&
                ::getsockname(listener.get(), generic, &size) == 0,
            "no loopback listener");
    unique_fd here(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    require(::connect(here.get(), generic, size) == 0, "no connection");
    unique_fd there(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    require(there.get() >= 0, "nothing accepted");
    ::fcntl(here.get(), F_SETFL, O_NONBLOCK);
    const int on = 1;
    setsockopt(here.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(there.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return {std::move(here), std::move(there)};
}

void wait_readable(int socket) {
    pollfd wanted{socket, POLLIN, 0};
    require(::poll(&wanted, 1, 10'000) == 1, "loopback delivers nothing");
}

bool is_whole_request(std::string_view text) {
    constexpr std::string_view name = "Content-Length: ";
    const auto head = text.find("\r\n\r\n");
    const auto length = text.find(name);
    if (head == std::string_view::npos || length == std::string_view::npos) {
        return false;
    }
    return text.size() == head + 4 + std::stoul(std::string(text.substr(length + name.size(), 12)));
}

}  // namespace

// One connection. The server speaks TLS into memory; the wire is what carries its bytes.
class cut_link::session {
public:
    session(cut_link& owner)
        : sockets_(connected_pair()),
          stream_(owner.client_, sockets_[0].get()),
          server_(SSL_new(owner.server_.get())) {
        from_client_ = BIO_new(BIO_s_mem());
        to_client_ = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(from_client_, -1);
        SSL_set_bio(server_.get(), from_client_, to_client_);
        SSL_set_accept_state(server_.get());
        send_budget = unlimited;
        shake_hands();
        work_.emplace(stream_, in_, out_, owner.time_, http::answer_limits(), "Host: localhost\r\n",
                      owner.message_, http::exchange_options());
    }

    ~session() { send_budget = unlimited; }

    // The client's request leaves, as far as the wire takes it.
    void send_request(std::size_t taken) {
        send_budget = taken;
        next_ = work_->advance();
        send_budget = unlimited;
    }

    // Raw bytes from the client to the server, at most `delivered`; the rest is dropped.
    std::size_t carry_request(std::size_t delivered) {
        const auto raw = drain_socket();
        BIO_write(from_client_, raw.data(), static_cast<int>(std::min(raw.size(), delivered)));
        std::array<char, 16 * 1024> part;
        int got = 0;
        while ((got = SSL_read(server_.get(), part.data(), static_cast<int>(part.size()))) > 0) {
            received_.append(part.data(), static_cast<std::size_t>(got));
        }
        return raw.size();
    }

    void write_answer(std::string_view text, std::size_t record_bytes) {
        for (; !text.empty(); text.remove_prefix(std::min(text.size(), record_bytes))) {
            const auto size = std::min(text.size(), record_bytes);
            SSL_write(server_.get(), text.data(), static_cast<int>(size));
        }
    }

    // Raw bytes from the server to the client, at most `delivered`.
    std::size_t carry_answer(std::size_t delivered) {
        auto raw = pending();
        const auto size = raw.size();
        cut_off_ = raw.substr(std::min(size, delivered));
        raw.resize(std::min(size, delivered));
        put(raw);
        if (!raw.empty()) {
            wait_readable(sockets_[0].get());
            go_on();
        }
        return size;
    }

    void end(ending how) {
        switch (how) {
            case ending::close_notify:
                pending();
                SSL_shutdown(server_.get());
                put_instead(pending());
                sockets_[1].reset();
                break;
            case ending::garbage:
                put_instead(std::string(64, '\xf5'));
                sockets_[1].reset();
                break;
            case ending::fin:
                sockets_[1].reset();
                break;
            case ending::reset: {
                const linger none{1, 0};
                setsockopt(sockets_[1].get(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
                sockets_[1].reset();
                break;
            }
            case ending::stall:
                if (next_ != need::done) {
                    work_->interrupt(errc::timed_out);
                }
                break;
        }
    }

    // What came instead began, by chance, with just the bytes that were cut off: nothing was.
    [[nodiscard]] bool came_whole() const { return came_whole_; }

    observation finish() {
        if (next_ != need::done && sockets_[1].get() < 0) {
            wait_readable(sockets_[0].get());
        }
        go_on();
        observation seen{http::failure(), is_whole_request(received_), next_ != need::done};
        if (!seen.hung) {
            seen.answer = work_->take();
        }
        return seen;
    }

private:
    void shake_hands() {
        for (int turn = 0; turn < 20; ++turn) {
            const auto step = stream_.handshake();
            require(step != http::io::failed, "the client refuses the handshake");
            if (step == http::io::done && SSL_is_init_finished(server_.get()) != 0) {
                return;
            }
            const auto raw = drain_socket();
            BIO_write(from_client_, raw.data(), static_cast<int>(raw.size()));
            SSL_do_handshake(server_.get());
            const auto back = pending();
            put(back);
            if (!back.empty()) {
                wait_readable(sockets_[0].get());
            }
        }
        throw std::runtime_error("no handshake");
    }

    void go_on() {
        for (int turn = 0; turn < turns_max && next_ != need::done; ++turn) {
            next_ = work_->advance();
            if (next_ == need::readable && sockets_[1].get() >= 0) {
                return;
            }
        }
    }

    std::string drain_socket() {
        std::string all;
        std::array<char, 16 * 1024> part;
        ssize_t got = 0;
        while ((got = ::recv(sockets_[1].get(), part.data(), part.size(), 0)) > 0) {
            all.append(part.data(), static_cast<std::size_t>(got));
        }
        return all;
    }

    std::string pending() {
        std::string all(static_cast<std::size_t>(BIO_ctrl_pending(to_client_)), '\0');
        if (!all.empty()) {
            BIO_read(to_client_, all.data(), static_cast<int>(all.size()));
        }
        return all;
    }

    void put(std::string_view raw) {
        require(__real_send(sockets_[1].get(), raw.data(), raw.size(), MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(raw.size()),
                "loopback takes nothing");
    }

    void put_instead(std::string_view raw) {
        came_whole_ = !cut_off_.empty() && raw.starts_with(cut_off_);
        put(raw);
    }

    std::array<unique_fd, 2> sockets_;
    http::tls_stream stream_;
    http::ssl_ptr server_;
    BIO* from_client_ = nullptr;  // both are the server's
    BIO* to_client_ = nullptr;
    std::vector<char> in_ = std::vector<char>(16 * 1024);
    std::string out_;
    std::optional<http::exchange> work_;
    need next_ = need::writable;
    std::string received_;
    std::string cut_off_;
    bool came_whole_ = false;
};

cut_link::cut_link(int tls_version, http::request message)
    : authority_("onboardd test CA"),
      client_(trusting(authority_), "localhost"),
      server_(make_server(authority_.issue(leaf()), tls_version)),
      message_(std::move(message)) {}

wire_sizes cut_link::measure(const std::string& answer, std::size_t record_bytes) {
    wire_sizes sizes;
    session one(*this);
    one.send_request(unlimited);
    sizes.request = one.carry_request(unlimited);
    one.write_answer(answer, record_bytes);
    sizes.answer = one.carry_answer(unlimited);
    // The last byte has a record of its own, and that is as long as that of an answer of one byte.
    session other(*this);
    other.send_request(unlimited);
    other.carry_request(unlimited);
    other.write_answer("x", 1);
    sizes.before_last_byte = sizes.request - other.carry_answer(unlimited);
    return sizes;
}

observation cut_link::meet(const cut& where, const std::string& answer, std::size_t record_bytes) {
    for (;;) {
        if (auto seen = try_to_meet(where, answer, record_bytes)) {
            return std::move(*seen);
        }
    }
}

std::optional<observation> cut_link::try_to_meet(const cut& where, const std::string& answer,
                                                 std::size_t record_bytes) {
    session one(*this);
    switch (where.place) {
        case cut_place::request_blocked:
            one.send_request(where.offset);
            one.carry_request(unlimited);
            break;
        case cut_place::request_swallowed:
            one.send_request(unlimited);
            one.carry_request(where.offset);
            break;
        case cut_place::answer:
        case cut_place::answer_plaintext: {
            const bool raw = where.place == cut_place::answer;
            one.send_request(unlimited);
            one.carry_request(unlimited);
            one.write_answer(raw ? answer : answer.substr(0, where.offset), record_bytes);
            one.carry_answer(raw ? where.offset : unlimited);
            break;
        }
    }
    one.end(where.how);
    if (one.came_whole()) {
        return std::nullopt;
    }
    return one.finish();
}

}  // namespace onboardd::test
