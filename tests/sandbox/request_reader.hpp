#pragma once

// One HTTP request, fed piece by piece. Beast parses; nothing but what the sandbox looks at is
// kept, so that reading a request costs no allocation beyond its body.

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <string>
#include <string_view>

namespace onboardd::sandbox {

namespace asio = boost::asio;
namespace beast = boost::beast;
using error_code = boost::system::error_code;

inline constexpr std::size_t request_body_bytes_max = 1 << 20;
inline constexpr std::size_t request_header_bytes_max = 16 << 10;

class request_reader final : public beast::http::basic_parser<true> {
public:
    request_reader() {
        body_limit(request_body_bytes_max);
        header_limit(request_header_bytes_max);
        eager(true);
    }

    // Eats from `bytes` and returns how much; `ec` is set when they are no HTTP.
    std::size_t feed(std::string_view bytes, error_code& ec) {
        const auto eaten = put(asio::const_buffer(bytes.data(), bytes.size()), ec);
        if (ec == beast::http::error::need_more) {
            ec = {};
        }
        return eaten;
    }

    std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
    std::string_view query() const {
        const auto mark = target.find('?');
        return mark == std::string::npos ? std::string_view()
                                         : std::string_view(target).substr(mark + 1);
    }

    std::string method;
    std::string target;
    std::string authorization;
    std::string content_type;
    bool expects_continue = false;
    std::string body;

private:
    using view = boost::beast::string_view;

    static std::string_view std_view(view text) { return {text.data(), text.size()}; }

    void on_request_impl(beast::http::verb, view name, view where, int, error_code&) override {
        method = std_view(name);
        target = std_view(where);
    }
    void on_response_impl(int, view, int, error_code&) override {}
    void on_field_impl(beast::http::field field, view, view value, error_code&) override {
        if (field == beast::http::field::authorization) {
            authorization = std_view(value);
        } else if (field == beast::http::field::content_type) {
            content_type = std_view(value);
        } else if (field == beast::http::field::expect) {
            expects_continue = beast::iequals(value, "100-continue");
        }
    }
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const& length, error_code&) override {
        if (length && *length <= request_body_bytes_max) {
            body.reserve(static_cast<std::size_t>(*length));
        }
    }
    std::size_t on_body_impl(view part, error_code&) override {
        body.append(part.data(), part.size());
        return part.size();
    }
    void on_chunk_header_impl(std::uint64_t, view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, view part, error_code&) override {
        body.append(part.data(), part.size());
        return part.size();
    }
    void on_finish_impl(error_code&) override {}
};

}  // namespace onboardd::sandbox
