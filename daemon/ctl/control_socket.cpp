#include "daemon/ctl/control_socket.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>

#include "daemon/ctl/output.hpp"
#include "daemon/ctl/words.hpp"
#include "onboardd/base/error.hpp"
#include "onboardd/base/unique_fd.hpp"

namespace onboardd::ctl {
namespace {

namespace asio = boost::asio;
namespace web = boost::beast::http;
using local = asio::local::stream_protocol;

constexpr std::uint64_t answer_bytes_max = 64 * 1024 * 1024;

std::string words_for(int code) {
    return std::generic_category().message(code);
}

[[noreturn]] void fail_silent(const std::filesystem::path& path, const std::string& why) {
    throw std::runtime_error("onboardd does not answer at " + shown(path.native()) + ": " + why);
}

class http_socket final : public control_socket {
public:
    http_socket(std::filesystem::path path, unique_fd connected, milliseconds patience)
        : path_(std::move(path)), patience_(patience), stream_(loop_) {
        stream_.socket().assign(local(), connected.release());
    }

    control_answer get(std::string_view path) override { return ask(web::verb::get, path, {}); }
    control_answer post(std::string_view path, std::string body) override {
        return ask(web::verb::post, path, std::move(body));
    }

private:
    control_answer ask(web::verb method, std::string_view path, std::string body) {
        web::request<web::string_body> message(method, {path.data(), path.size()}, 11);
        message.set(web::field::host, "localhost");
        message.set(web::field::content_type, "application/json");
        message.body() = std::move(body);
        message.prepare_payload();
        web::response_parser<web::string_body> answer;
        answer.body_limit(answer_bytes_max);
        error_code failure;
        stream_.expires_after(patience_);
        web::async_write(stream_, message, [&](error_code ec, std::size_t) {
            failure = ec;
            if (!ec) {
                web::async_read(stream_, buffer_, answer,
                                [&](error_code read, std::size_t) { failure = read; });
            }
        });
        loop_.restart();
        loop_.run();
        if (failure == boost::beast::error::timeout) {
            fail_silent(path_, "nothing came for " + length_of(patience_));
        }
        if (failure) {
            fail_silent(path_, failure.message());
        }
        return {answer.get().result_int(), std::move(answer.get().body())};
    }

    std::filesystem::path path_;
    milliseconds patience_;
    asio::io_context loop_;
    boost::beast::basic_stream<local> stream_;
    boost::beast::flat_buffer buffer_;
};

// connect() waits where the daemon lets others wait too.
void connect_patiently(int fd, milliseconds patience) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(patience);
    const timeval bound{.tv_sec = whole.count(),
                        .tv_usec = std::chrono::microseconds(patience - whole).count()};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
}

}  // namespace

std::string good_answer(control_socket& socket, std::string_view path, std::string body) {
    auto answer = socket.post(path, std::move(body));
    if (answer.status != 200) {
        auto why = answer.body.substr(0, answer.body.find_last_not_of('\n') + 1);
        std::ranges::replace(why, '\n', ' ');
        throw std::runtime_error("onboardd refused this: " + shown(why));
    }
    return std::move(answer.body);
}

std::unique_ptr<control_socket> open_control_socket(const std::filesystem::path& path,
                                                    milliseconds patience) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path) {
        throw std::runtime_error(shown(path.native()) + " is too long for a socket");
    }
    path.native().copy(address.sun_path, sizeof address.sun_path - 1);
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) {
        throw std::runtime_error("a socket cannot be made: " + words_for(errno));
    }
    connect_patiently(fd.get(), patience);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        return std::make_unique<http_socket>(path, std::move(fd), patience);
    }
    switch (errno) {
        case ENOENT:
        case ENOTDIR:
        case ECONNREFUSED:
            return nullptr;
        case EAGAIN:
            fail_silent(path, "nothing came for " + length_of(patience));
        case EACCES:
        case EPERM:
            throw not_allowed(shown(path.native()) +
                              ": this user may not speak with onboardd (the socket is for root and "
                              "the daemon's group)");
        default:
            throw std::runtime_error(shown(path.native()) + ": " + words_for(errno));
    }
}

}  // namespace onboardd::ctl
