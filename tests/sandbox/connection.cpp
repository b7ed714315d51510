#include "connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <cstring>

#include "text.hpp"

namespace onboardd::sandbox {
namespace {

using asio::ip::tcp;

constexpr auto quietly = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t handshake_ms_max = 10'000;
constexpr std::uint32_t goodbye_ms_max = 1'000;
constexpr std::size_t piece_bytes = 64 * 1024;

// How much of an answer a fault lets through.
std::size_t part_of(const reply& what, std::size_t whole) {
    if (what.value == half) {
        return whole / 2;
    }
    return std::min(whole, static_cast<std::size_t>(std::max<std::int64_t>(what.value, 0)));
}

bool is_partial(delivery travels) {
    return travels == delivery::cut || travels == delivery::truncated ||
           travels == delivery::reset || travels == delivery::stalled ||
           travels == delivery::cut_unread;
}

void append_chunk(std::string& to, std::string_view part) {
    std::array<char, 20> size{};
    const int digits = std::snprintf(size.data(), size.size(), "%zx\r\n", part.size());
    to.append(size.data(), static_cast<std::size_t>(digits)).append(part).append("\r\n");
}

std::string status_label(const reply& what) {
    if (what.travels == delivery::garbage || (is_partial(what.travels) && what.value == 0)) {
        return "none";
    }
    return is_partial(what.travels) ? "broken" : std::to_string(what.status);
}

}  // namespace

connection::connection(tcp::socket socket, server& home)
    : home_(home), stream_(std::move(socket), home.tls()), timer_(stream_.get_executor()) {
    home_.enter(*this);
}

connection::~connection() {
    home_.leave(*this);
}

void connection::close() {
    error_code ec;
    stream_.next_layer().close(ec);
    timer_.cancel();
}

asio::awaitable<void> serve(std::shared_ptr<connection> guest) {
    co_await guest->run();
}

asio::awaitable<void> connection::run() {
    auto& counts = home_.the_world().counts;
    const counted open(counts.connections_open, counts.connections_open_max);
    if (!co_await shake_hands()) {
        ++counts.handshakes_failed;
        co_return;
    }
    bool goes_on = true;
    while (goes_on) {
        request_reader request;
        exchange of;
        const auto came = co_await read_request(request, of);
        if (came == arrival::over) {
            co_return;
        }
        if (came == arrival::malformed) {
            auto refusal = error_reply(of.denied, "the request cannot be read");
            refusal.closes = true;
            goes_on = co_await send(refusal);
            continue;
        }
        const counted flight(counts.in_flight, counts.in_flight_max);
        goes_on = co_await answer(request, of);
    }
}

asio::awaitable<bool> connection::shake_hands() {
    error_code ignored;
    stream_.next_layer().set_option(tcp::no_delay(true), ignored);
    close_after(handshake_ms_max);
    const auto [ec] = co_await stream_.async_handshake(asio::ssl::stream_base::server, quietly);
    timer_.cancel();
    co_return !ec;
}

asio::awaitable<connection::arrival> connection::read_request(request_reader& request,
                                                              exchange& of) {
    auto& the_world = home_.the_world();
    const auto idle_max = the_world.how.idle_max_ms;
    bool arrived = false;
    while (!request.is_done()) {
        error_code ec;
        const auto before = begin_;
        begin_ += request.feed(std::string_view(in_.data() + begin_, end_ - begin_), ec);
        if (ec) {
            of.denied = ec == beast::http::error::body_limit ? 413 : 400;
            co_return arrival::malformed;
        }
        if (!arrived && request.is_header_done()) {
            arrived = true;
            ++the_world.counts.requests;
            of = home_.the_provider().arrive(request);
            if (request.expects_continue && !request.is_done()) {
                co_await write("HTTP/1.1 100 Continue\r\n\r\n");
            }
        }
        if (arrived && home_.the_provider().cut_unread(of, request.body, request.is_done())) {
            if (of.what == operation::create_case) {
                ++the_world.counts.posts_by_status["none"];
            }
            close();
            co_return arrival::over;
        }
        if (request.is_done() || begin_ != before) {
            continue;
        }
        const bool idle = idle_max > 0 && begin_ == end_ && !arrived;
        if (idle) {
            close_after(idle_max);
        }
        if (!co_await read_more()) {
            the_world.counts.requests_cut += arrived || begin_ != end_ ? 1 : 0;
            co_return arrival::over;
        }
        if (idle) {
            timer_.cancel();
        }
    }
    co_return arrival::whole;
}

asio::awaitable<bool> connection::read_more() {
    if (begin_ > 0) {
        std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    const auto space = asio::buffer(in_.data() + end_, in_.size() - end_);
    const auto [ec, got] = co_await stream_.async_read_some(space, quietly);
    end_ += got;
    co_return !ec && got > 0;
}

asio::awaitable<bool> connection::write(std::string_view bytes) {
    const auto all = asio::buffer(bytes.data(), bytes.size());
    const auto [ec, sent] = co_await asio::async_write(stream_, all, quietly);
    co_return !ec;
}

asio::awaitable<bool> connection::answer(const request_reader& request, const exchange& of) {
    auto& the_world = home_.the_world();
    auto what = home_.the_provider().answer(of, request);
    ++answers_;
    const auto answers_max = the_world.how.requests_per_connection_max;
    what.closes = !request.keep_alive() || (answers_max > 0 && answers_ >= answers_max);
    if (of.what == operation::create_case) {
        ++the_world.counts.posts_by_status[status_label(what)];
    } else if (of.what == operation::token) {
        ++the_world.counts.token_requests_by_status[status_label(what)];
    }
    if (what.late) {
        home_.create_later(std::move(*what.late));
    }
    if (the_world.how.latency_ms > 0) {
        co_await wait(the_world.how.latency_ms);
    }
    co_return co_await send(what);
}

// Puts `what` into out_, as far as its way of travelling is a matter of bytes.
void connection::build(reply& what) {
    out_.clear();
    switch (what.travels) {
        case delivery::garbage:
            for (int byte = 0; byte < 512; ++byte) {
                out_ += static_cast<char>((byte * 167 + 13) & 0xFF);
            }
            what.closes = true;
            return;
        case delivery::switching:
            out_ =
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n";
            what.closes = true;
            return;
        case delivery::unframed:
            what.closes = true;
            append_head(out_, what, "");
            out_ += what.body;
            return;
        case delivery::two_lengths:
            what.headers += "Content-Length: " + std::to_string(what.body.size()) + "\r\n";
            break;
        case delivery::last:
            what.closes = true;
            break;
        case delivery::chunked:
            append_head(out_, what, "Transfer-Encoding: chunked\r\n");
            for (std::size_t at = 0; at < what.body.size(); at += 100) {
                append_chunk(out_, std::string_view(what.body).substr(at, 100));
            }
            out_ += "0\r\n\r\n";
            return;
        default:
            break;
    }
    append_whole(out_, what);
    if (what.travels == delivery::surplus) {
        out_ += "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    }
}

// A co_await never stands behind && or || here: GCC 12 then laid the frame out wrongly.
asio::awaitable<bool> connection::send(reply& what) {
    if (what.list) {
        co_return co_await send_list(what);
    }
    if (what.travels == delivery::oversized) {
        co_return co_await send_oversized(what);
    }
    build(what);
    if (is_partial(what.travels)) {
        co_return co_await send_part(what);
    }
    if (what.travels == delivery::dripping) {
        co_return co_await send_dripping(what);
    }
    if (what.travels == delivery::after_100 || what.travels == delivery::after_103s) {
        co_await send_interims(what);
    }
    const bool sent = co_await write(out_);
    if (sent && what.closes) {
        co_await say_goodbye();
        co_await linger();
    }
    co_return sent && !what.closes;
}

// Long lists are rendered while they are sent: a hundred thousand cases never stand in memory
// twice.
asio::awaitable<bool> connection::send_list(reply& what) {
    const auto& the_world = home_.the_world();
    const auto generation = the_world.generation;
    std::string piece = the_world.how.list_as_object ? "{\"cases\":[" : "[";
    const std::string_view tail = the_world.how.list_as_object ? "]}" : "]";
    out_.clear();
    append_head(out_, what, "Transfer-Encoding: chunked\r\n");
    std::size_t at = 0;
    bool more = true;
    while (more) {
        while (at < what.list->cases.size() && piece.size() < piece_bytes) {
            piece += at == 0 ? "" : ",";
            the_world.store.append_json(piece, what.list->cases[at++], what.list->now_ms,
                                        the_world.how.list_echoes_reference);
        }
        more = at < what.list->cases.size();
        piece += more ? std::string_view() : tail;
        append_chunk(out_, piece);
        out_ += more ? "" : "0\r\n\r\n";
        const bool sent = co_await write(out_);
        if (!sent || the_world.generation != generation) {
            co_return false;
        }
        out_.clear();
        piece.clear();
    }
    if (what.closes) {
        co_await say_goodbye();
        co_await linger();
    }
    co_return !what.closes;
}

// The first bytes of the answer, then an end of the kind the fault wants.
asio::awaitable<bool> connection::send_part(const reply& what) {
    const auto part = std::string_view(out_).substr(0, part_of(what, out_.size()));
    if (!part.empty()) {
        co_await write(part);
    }
    switch (what.travels) {
        case delivery::stalled:
            co_await wait_for_end();
            break;
        case delivery::reset:
            reset();
            break;
        case delivery::cut:
            co_await say_goodbye();
            break;
        default:
            break;  // truncated: the destructor ends TCP, and TLS is told nothing
    }
    close();
    co_return false;
}

asio::awaitable<bool> connection::send_oversized(reply& what) {
    auto left = static_cast<std::uint64_t>(std::max<std::int64_t>(what.value, 0));
    out_.clear();
    append_head(out_, what, "Content-Length: " + std::to_string(left) + "\r\n");
    out_.append(what.body, 0, left);
    left -= std::min<std::uint64_t>(left, what.body.size());
    bool open = co_await write(out_);
    out_.assign(piece_bytes, ' ');
    while (open && left > 0) {
        const auto now = std::min<std::uint64_t>(left, out_.size());
        open = co_await write(std::string_view(out_).substr(0, now));
        left -= now;
    }
    co_return open;
}

asio::awaitable<bool> connection::send_dripping(const reply& what) {
    const auto all = out_;
    for (std::size_t at = 0; at < all.size(); ++at) {
        if (!co_await write(std::string_view(all).substr(at, 1))) {
            co_return false;
        }
        co_await wait(what.value);
    }
    co_return !what.closes;
}

asio::awaitable<void> connection::send_interims(const reply& what) {
    const bool hundred = what.travels == delivery::after_100;
    const std::string_view interim =
        hundred ? "HTTP/1.1 100 Continue\r\n\r\n"
                : "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
    bool open = true;
    for (std::int64_t sent = 0; open && sent < what.value; ++sent) {
        open = co_await write(interim);
    }
}

asio::awaitable<void> connection::wait(std::int64_t milliseconds) {
    timer_.expires_after(std::chrono::milliseconds(milliseconds));
    co_await timer_.async_wait(quietly);
}

// Sends close_notify and the end of TCP without waiting for the client's.
asio::awaitable<void> connection::say_goodbye() {
    ::SSL_set_shutdown(stream_.native_handle(), SSL_RECEIVED_SHUTDOWN);
    co_await stream_.async_shutdown(quietly);
    error_code ec;
    stream_.next_layer().shutdown(tcp::socket::shutdown_send, ec);
}

// Closing with unread bytes would send a reset that may overtake the answer: read them first.
asio::awaitable<void> connection::linger() {
    close_after(goodbye_ms_max);
    bool open = true;
    while (open) {
        const auto space = asio::buffer(in_.data(), in_.size());
        const auto [ec, got] = co_await stream_.next_layer().async_read_some(space, quietly);
        open = !ec;
    }
    timer_.cancel();
}

asio::awaitable<void> connection::wait_for_end() {
    bool open = true;
    while (open) {
        begin_ = 0;
        end_ = 0;
        open = co_await read_more();
    }
}

void connection::close_after(std::uint32_t milliseconds) {
    timer_.expires_after(std::chrono::milliseconds(milliseconds));
    timer_.async_wait([guest = weak_from_this()](error_code ec) {
        if (const auto still = guest.lock(); still && !ec) {
            still->close();
        }
    });
}

void connection::reset() {
    error_code ec;
    stream_.next_layer().set_option(asio::socket_base::linger(true, 0), ec);
    stream_.next_layer().close(ec);
}

}  // namespace onboardd::sandbox
