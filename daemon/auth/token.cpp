#include "onboardd/auth/token.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <optional>

namespace onboardd {
namespace {

namespace json = boost::json;

bool is_b64token(std::string_view text) {
    while (text.ends_with('=')) {
        text.remove_suffix(1);
    }
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-._~+/").find(c) != std::string_view::npos;
    };
    return !text.empty() && std::ranges::all_of(text, allowed);
}

bool is_bearer(std::string_view type) {
    constexpr std::string_view bearer = "bearer";
    const auto same = [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
    };
    return std::ranges::equal(type, bearer, same);
}

// Seconds as a number or as digits in a string; nullopt: neither.
std::optional<double> read_seconds(const json::value& value) {
    if (value.is_number()) {
        return value.to_number<double>();
    }
    if (const auto* text = value.if_string(); text != nullptr && !text->empty()) {
        std::int64_t seconds = 0;
        const auto parsed = std::from_chars(text->data(), text->data() + text->size(), seconds);
        if (parsed.ec == std::errc() && parsed.ptr == text->data() + text->size()) {
            return static_cast<double>(seconds);
        }
    }
    return std::nullopt;
}

std::optional<milliseconds> read_life(const json::object& answer) {
    const auto* value = answer.if_contains("expires_in");
    if (value == nullptr || value->is_null()) {
        return token_life_default;
    }
    const auto seconds = read_seconds(*value);
    if (!seconds || !(*seconds > 0)) {
        return std::nullopt;
    }
    const double longest = std::chrono::duration<double>(token_life_max).count();
    const std::chrono::duration<double> life(std::min(*seconds, longest));
    return std::max(token_life_min, std::chrono::duration_cast<milliseconds>(life));
}

}  // namespace

result<token_grant> parse_token(std::string_view body) {
    json::error_code ec;
    const auto document = json::parse(body, ec);
    const auto* answer = ec ? nullptr : document.if_object();
    if (answer == nullptr) {
        return errc::token_malformed;
    }
    const auto* token = answer->if_contains("access_token");
    const auto* type = answer->if_contains("token_type");
    if (token == nullptr || !token->is_string() || type == nullptr || !type->is_string()) {
        return errc::token_malformed;
    }
    const auto life = read_life(*answer);
    const std::string_view text = token->get_string();
    if (!life || !is_bearer(type->get_string()) || text.size() > token_bytes_max ||
        !is_b64token(text)) {
        return errc::token_malformed;
    }
    return token_grant{secret(std::string(text)), *life};
}

bool is_credential_refusal(unsigned status) noexcept {
    return status == 400 || status == 401 || status == 403;
}

milliseconds renew_after(milliseconds life, random_source& random) {
    return jitter(life / 2, 0.1, random);
}

}  // namespace onboardd
