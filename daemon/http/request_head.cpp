#include "daemon/http/request_head.hpp"

#include <algorithm>
#include <charconv>

#include "onboardd/http/client.hpp"

namespace onboardd::http {
namespace {

bool is_visible(char c) noexcept {
    return c > ' ' && c < '\x7f';
}

bool is_unreserved(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

}  // namespace

bool is_safe_target(std::string_view text) noexcept {
    return text.starts_with('/') &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_visible(c) && c != '#'; });
}

bool is_safe_value(std::string_view text) noexcept {
    return !text.empty() && text.front() != ' ' && text.back() != ' ' &&
           std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || is_visible(c); });
}

std::string fixed_fields(std::string_view host, std::uint16_t port, std::string_view user_agent) {
    const bool is_ipv6 = host.find(':') != std::string_view::npos;
    std::string text = "Host: ";
    text += is_ipv6 ? "[" + std::string(host) + "]" : std::string(host);
    if (port != 443) {
        text += ":" + std::to_string(port);
    }
    text += "\r\nUser-Agent: ";
    text += user_agent;
    text += "\r\nAccept: application/json\r\n";
    return text;
}

void write_head(std::string& out, const request& message, std::string_view fixed,
                std::size_t extra_bytes) {
    constexpr std::size_t names_and_length =
        128;  // our own field names, the version and the length, with room
    out.clear();
    out.reserve(message.target.size() + message.authorization.size() + fixed.size() +
                names_and_length + extra_bytes);
    out += message.verb == method::post ? "POST " : "GET ";
    out += message.target;
    out += " HTTP/1.1\r\n";
    out += fixed;
    if (!message.authorization.empty()) {
        out += "Authorization: ";
        out += message.authorization;
        out += "\r\n";
    }
    if (message.verb == method::post) {
        char digits[24];
        const auto end =
            std::to_chars(std::begin(digits), std::end(digits), message.body.size()).ptr;
        out += "Content-Type: application/json\r\nContent-Length: ";
        out.append(digits, end);
        out += "\r\n";
    }
    out += "\r\n";
}

const char* to_string(phase step) noexcept {
    switch (step) {
        case phase::resolve:
            return "resolve";
        case phase::connect:
            return "connect";
        case phase::tls:
            return "tls";
        case phase::send:
            return "send";
        case phase::receive:
            return "receive";
    }
    return "unknown";
}

std::string percent_encode(std::string_view text) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (is_unreserved(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

}  // namespace onboardd::http
