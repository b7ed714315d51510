#pragma once

// One request and its answer over one TLS stream, as steps that never wait.

#include <array>
#include <optional>
#include <span>

#include "daemon/http/answer_reader.hpp"
#include "daemon/http/tls_stream.hpp"
#include "onboardd/http/client.hpp"

namespace onboardd::http {

class exchange {
public:
    enum class need : std::uint8_t {
        readable,
        writable,
        turn,  // nothing, but others should have theirs: the peer sends faster than is fair
        done,  // see failed()
    };

    // `in` is the connection's read buffer, `out` its memory for heads; both are used until the end
    // of the exchange.
    exchange(tls_stream& tls, std::span<char> in, std::string& out, clock& time,
             answer_limits limits, std::string_view fixed, request message,
             exchange_options options);
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;
    ~exchange() { wipe(); }

    // Goes as far as it can. Called again when what it needs is there.
    need advance();

    // Ends it from outside, for a timeout or a lost socket.
    void interrupt(const error_code& ec);

    // Bytes of the answer that have come.
    [[nodiscard]] std::uint64_t received() const noexcept { return received_; }

    // Whether the connection can be used for another exchange.
    [[nodiscard]] bool leaves_connection_clean() const noexcept { return clean_; }

    [[nodiscard]] result<response, failure> take();

private:
    enum class stage : std::uint8_t { start, most, last_byte, answer, over };
    enum class next : std::uint8_t { proceed, readable, writable, turn };

    next step();
    next begin();
    next write_most();
    next check_before_last_byte();
    next write_last_byte();
    next read_answer();
    next consume(std::size_t got);
    next fail(const error_code& ec, std::string detail);
    next wait(io wanted);
    void wipe() noexcept;

    tls_stream& tls_;
    std::span<char> in_;
    std::string& out_;
    clock& time_;
    std::string_view fixed_;
    request message_;
    boot_time send_deadline_;
    answer_reader reader_;
    // All but the last byte: the head (with a short body), then a long body.
    std::array<std::string_view, 2> pieces_;
    std::string_view last_byte_;
    std::size_t filled_ = 0;
    std::uint64_t received_ = 0;
    std::optional<failure> failure_;
    stage stage_ = stage::start;
    progress reached_ = progress::not_sent;
    bool clean_ = false;
};

}  // namespace onboardd::http
