#include "daemon/http/exchange.hpp"

#include <openssl/crypto.h>

#include <boost/asio/error.hpp>
#include <cstring>
#include <utility>

#include "daemon/http/request_head.hpp"

namespace onboardd::http {
namespace {

// A body up to this size travels in the same TLS record as its head.
constexpr std::size_t joined_body_max = 8 * 1024;

// Reads in a row before others get their turn.
constexpr int reads_max = 16;

}  // namespace

exchange::exchange(tls_stream& tls, std::span<char> in, std::string& out, clock& time,
                   answer_limits limits, std::string_view fixed, request message,
                   exchange_options options)
    : tls_(tls),
      in_(in),
      out_(out),
      time_(time),
      fixed_(fixed),
      message_(std::move(message)),
      send_deadline_(options.send_deadline),
      reader_(limits, options.body_bytes_max, std::move(options.sink)) {}

exchange::need exchange::advance() {
    while (stage_ != stage::over) {
        switch (step()) {
            case next::proceed:
                break;
            case next::readable:
                return need::readable;
            case next::writable:
                return need::writable;
            case next::turn:
                return need::turn;
        }
    }
    return need::done;
}

exchange::next exchange::step() {
    switch (stage_) {
        case stage::start:
            return begin();
        case stage::most:
            return write_most();
        case stage::last_byte:
            return write_last_byte();
        case stage::answer:
            return read_answer();
        case stage::over:
            break;
    }
    return next::proceed;
}

exchange::next exchange::begin() {
    if (!is_safe_target(message_.target) ||
        (!message_.authorization.empty() && !is_safe_value(message_.authorization))) {
        clean_ = true;  // not a byte was written
        return fail(errc::unsafe_request, "");
    }
    const bool has_body = message_.verb == method::post && !message_.body.empty();
    const bool joined = has_body && message_.body.size() <= joined_body_max;
    write_head(out_, message_, fixed_, joined ? message_.body.size() : 0);
    if (joined) {
        out_ += message_.body;
    }
    pieces_ = {out_, has_body && !joined ? std::string_view(message_.body) : std::string_view()};
    auto& final_piece = pieces_[1].empty() ? pieces_[0] : pieces_[1];
    last_byte_ = final_piece.substr(final_piece.size() - 1);
    final_piece.remove_suffix(1);
    stage_ = stage::most;
    return next::proceed;
}

exchange::next exchange::write_most() {
    for (auto& piece : pieces_) {
        if (piece.empty()) {
            continue;
        }
        const auto written = tls_.write(piece, true);  // one segment with the last byte
        if (written != io::done) {
            return wait(written);
        }
        piece = {};
    }
    return check_before_last_byte();
}

// The point of no return. Whatever shows here that the request could not be answered costs nothing:
// without its last byte it cannot have been applied.
exchange::next exchange::check_before_last_byte() {
    if (time_.boot_now() > send_deadline_) {
        return fail(errc::send_deadline, "");
    }
    if (!tls_.is_quiet()) {
        return fail(errc::stale_connection, tls_.detail());
    }
    reached_ = progress::sent;
    stage_ = stage::last_byte;
    return next::proceed;
}

exchange::next exchange::write_last_byte() {
    const auto written = tls_.write(last_byte_);
    if (written != io::done) {
        return wait(written);
    }
    wipe();
    stage_ = stage::answer;
    return next::readable;  // the answer cannot be there yet: do not ask the socket in vain
}

exchange::next exchange::read_answer() {
    for (int reads = 0; reads < reads_max; ++reads) {
        std::size_t got = 0;
        const auto read = tls_.read(in_.subspan(filled_), got);
        if (read != io::done) {
            return wait(read);
        }
        if (consume(got); stage_ == stage::over) {
            return next::proceed;
        }
    }
    return next::turn;
}

exchange::next exchange::consume(std::size_t got) {
    filled_ += got;
    received_ += got;
    const auto used = reader_.put({in_.data(), filled_});
    if (used.has_error()) {
        return fail(used.error(), reader_.detail());
    }
    filled_ -= *used;
    if (reader_.done()) {
        clean_ = filled_ == 0 && reader_.keep_alive();
        stage_ = stage::over;
        return next::proceed;
    }
    if (*used != 0 && filled_ != 0) {
        std::memmove(in_.data(), in_.data() + *used, filled_);
    }
    if (filled_ == in_.size()) {  // a chunk's head or trailers that do not fit
        return fail(errc::answer_too_large, "chunk framing exceeds the read buffer");
    }
    return next::proceed;
}

exchange::next exchange::wait(io wanted) {
    switch (wanted) {
        case io::want_read:
            return next::readable;
        case io::want_write:
            return next::writable;
        case io::done:
        case io::failed:
            break;
    }
    const bool ended = tls_.error() == boost::asio::error::eof;
    return fail(tls_.error(),
                ended ? "closed by the peer before the answer was complete" : tls_.detail());
}

exchange::next exchange::fail(const error_code& ec, std::string detail) {
    const auto step = stage_ == stage::answer ? phase::receive : phase::send;
    failure_.emplace(failure{ec, reached_, step, std::move(detail)});
    stage_ = stage::over;
    return next::proceed;
}

void exchange::interrupt(const error_code& ec) {
    fail(ec, "");
}

result<response, failure> exchange::take() {
    if (failure_) {
        return std::move(*failure_);
    }
    return reader_.take();
}

void exchange::wipe() noexcept {
    OPENSSL_cleanse(message_.authorization.data(), message_.authorization.size());
    OPENSSL_cleanse(out_.data(), out_.size());
    message_.authorization.clear();
    out_.clear();
}

}  // namespace onboardd::http
