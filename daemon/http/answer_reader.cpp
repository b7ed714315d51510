#include "daemon/http/answer_reader.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <limits>

namespace onboardd::http {

namespace beast = boost::beast;

// Beast's parser without its containers: body bytes go from the read buffer straight to their
// place.
class answer_reader::body_parser final : public beast::http::basic_parser<false> {
public:
    explicit body_parser(answer_reader& owner) : owner_(owner) {
        eager(true);
        header_limit(std::numeric_limits<std::uint32_t>::max());  // ours was checked before
        body_limit(boost::none);                                  // ours is, piece by piece
    }

private:
    using text = beast::string_view;

    void on_request_impl(beast::http::verb, text, text, int, error_code&) override {}
    void on_response_impl(int, text, int, error_code&) override {}
    void on_field_impl(beast::http::field, text, text, error_code&) override {}
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    void on_chunk_header_impl(std::uint64_t, text, error_code&) override {}
    void on_finish_impl(error_code&) override {}

    std::size_t on_body_impl(text piece, error_code& ec) override {
        ec = owner_.accept_body({piece.data(), piece.size()});
        return piece.size();
    }

    std::size_t on_chunk_body_impl(std::uint64_t, text piece, error_code& ec) override {
        ec = owner_.accept_body({piece.data(), piece.size()});
        return piece.size();
    }

    answer_reader& owner_;
};

answer_reader::answer_reader(answer_limits limits, std::uint64_t body_bytes_max, body_sink sink)
    : limits_(limits), body_bytes_max_(body_bytes_max), sink_(std::move(sink)) {}

answer_reader::~answer_reader() = default;

error_code answer_reader::refuse(errc code, std::string detail) {
    detail_ = std::move(detail);
    return code;
}

result<std::size_t> answer_reader::put(std::string_view bytes) {
    std::size_t used = 0;
    while (stage_ == stage::head) {
        const auto interim_before = interim_;
        auto head = put_head(bytes.substr(used));
        if (head.has_error()) {
            return head.error();
        }
        used += *head;
        if (stage_ == stage::head && interim_ == interim_before) {
            return used;  // the head is not complete yet
        }
    }
    if (stage_ == stage::body && used < bytes.size()) {
        auto body = put_body(bytes.substr(used));
        if (body.has_error()) {
            return body.error();
        }
        used += *body;
    }
    return used;
}

result<std::size_t> answer_reader::put_head(std::string_view bytes) {
    const auto end = find_head_end(bytes, scanned_);
    if (end.found == head_end::kind::malformed) {
        return refuse(errc::malformed_answer, "not an HTTP/1.1 head");
    }
    const bool complete = end.found == head_end::kind::complete;
    if (complete ? end.size > limits_.header_bytes_max : bytes.size() >= limits_.header_bytes_max) {
        return refuse(errc::answer_too_large, "head exceeds its bound");
    }
    if (!complete) {
        scanned_ = bytes.size();
        return 0;
    }
    scanned_ = 0;
    const auto text = bytes.substr(0, end.size);
    auto head = parse_answer_head(text);
    if (head.has_error()) {
        return refuse(errc::malformed_answer, head.error().reason);
    }
    if (auto ec = begin(*head, text)) {
        return ec;
    }
    return end.size;
}

error_code answer_reader::begin(const answer_head& head, std::string_view text) {
    if (head.status == 101) {
        return refuse(errc::malformed_answer, "switch of protocols that nobody asked for");
    }
    if (head.status < 200) {
        return ++interim_ > limits_.interim_max ? refuse(errc::too_many_interim, "") : error_code();
    }
    if (head.body == framing::length && head.content_length > body_bytes_max_) {
        return refuse(errc::answer_too_large, "Content-Length exceeds the bound");
    }
    constexpr std::uint64_t reserved_max =
        64 * 1024;  // what an honest answer needs, not what a peer announces
    if (!sink_) {
        answer_.body.reserve(std::min(head.content_length, reserved_max));
    }
    answer_.status = head.status;
    answer_.retry_after = head.retry_after;
    answer_.content_type = head.content_type;
    keep_alive_ = head.keep_alive;
    parser_ = std::make_unique<body_parser>(*this);
    auto agreed = put_body(text);
    if (agreed.has_error()) {
        return agreed.error();
    }
    if (stage_ != stage::done) {
        stage_ = stage::body;
    }
    const bool expects_body = head.body == framing::chunked || head.content_length > 0;
    const bool has_body = stage_ == stage::body;
    if (*agreed != text.size() || (head.body != framing::none && expects_body != has_body) ||
        (has_body && parser_->chunked() != (head.body == framing::chunked))) {
        return refuse(errc::malformed_answer, "two readings of the head differ");
    }
    return {};
}

result<std::size_t> answer_reader::put_body(std::string_view bytes) {
    // Beast 1.81 asserts (aborts, where asserts are on) when "0 CR LF" and the end of a chunked
    // body come apart. Since "0 CR LF CR LF" is the shortest thing that can end one, it loses
    // nothing by seeing five bytes at a time.
    constexpr std::size_t last_chunk_min = 5;
    if (stage_ == stage::body && parser_->chunked() && bytes.size() < last_chunk_min) {
        return 0;
    }
    error_code ec;
    const auto used = parser_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
    if (parser_->is_done()) {
        stage_ = stage::done;
    }
    if (!ec || ec == beast::http::error::need_more) {
        return used;
    }
    if (ec.category() != beast::http::make_error_code(beast::http::error::need_more).category()) {
        return ec;  // the sink's own, or our bound
    }
    return refuse(errc::malformed_answer, ec.message());
}

error_code answer_reader::accept_body(std::string_view piece) {
    body_bytes_ += piece.size();
    if (body_bytes_ > body_bytes_max_) {
        return refuse(errc::answer_too_large, "body exceeds its bound");
    }
    if (sink_) {
        return sink_(piece);
    }
    answer_.body += piece;
    return {};
}

}  // namespace onboardd::http
