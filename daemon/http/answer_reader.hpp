#pragma once

// From the bytes of an answer to a `response`, without I/O. The head passes our own strict check
// first and Beast's parser second; Beast then takes the body apart. An answer counts only if both
// agree with it.

#include <memory>
#include <string>
#include <string_view>

#include "daemon/http/answer_head.hpp"
#include "onboardd/http/client.hpp"
#include "onboardd/http/message.hpp"

namespace onboardd::http {

struct answer_limits {
    std::size_t header_bytes_max = 8 * 1024;
    std::size_t interim_max = 5;
};

class answer_reader {
public:
    answer_reader(answer_limits limits, std::uint64_t body_bytes_max, body_sink sink);
    answer_reader(const answer_reader&) = delete;
    answer_reader& operator=(const answer_reader&) = delete;
    ~answer_reader();

    // Takes what can be taken of `bytes` and returns how many that were. The caller keeps the
    // others and offers them again, with more behind them. After an error, or once done(), it is
    // not called again.
    result<std::size_t> put(std::string_view bytes);

    // Whether the final answer is complete.
    [[nodiscard]] bool done() const noexcept { return stage_ == stage::done; }

    // Whether the answer allows another exchange on its connection.
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }

    // Why put() failed; fixed words.
    [[nodiscard]] const std::string& detail() const noexcept { return detail_; }

    [[nodiscard]] response take() { return std::move(answer_); }

private:
    class body_parser;
    enum class stage : std::uint8_t { head, body, done };

    result<std::size_t> put_head(std::string_view bytes);
    result<std::size_t> put_body(std::string_view bytes);
    error_code begin(const answer_head& head, std::string_view text);
    error_code accept_body(std::string_view piece);
    error_code refuse(errc code, std::string detail);

    answer_limits limits_;
    std::uint64_t body_bytes_max_;
    body_sink sink_;
    response answer_;
    std::string detail_;
    std::unique_ptr<body_parser> parser_;
    std::uint64_t body_bytes_ = 0;
    std::size_t scanned_ = 0;
    std::size_t interim_ = 0;
    stage stage_ = stage::head;
    bool keep_alive_ = false;
};

}  // namespace onboardd::http
