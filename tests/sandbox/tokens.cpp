#include "tokens.hpp"

#include <stdexcept>

#include "text.hpp"

namespace onboardd::sandbox {

void token_desk::allow(std::string_view client) {
    const auto first = client.find(':');
    const auto second = client.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) {
        throw std::invalid_argument("a client is ACCOUNT:CLIENT_ID:SECRET");
    }
    client_entry entry;
    entry.client = client.substr(first + 1, second - first - 1);
    entry.secret = client.substr(second + 1);
    clients_.emplace(client.substr(0, first), std::move(entry));
}

token_desk::verdict token_desk::check(std::string_view account, std::string_view client,
                                      std::string_view secret) const {
    if (clients_.empty()) {
        return verdict::good;
    }
    const auto [begin, end] = clients_.equal_range(account);
    for (auto entry = begin; entry != end; ++entry) {
        if (entry->second.client == client && entry->second.secret == secret) {
            return verdict::good;
        }
    }
    return begin == end ? verdict::unknown_account : verdict::wrong_credentials;
}

// Looks like the provider's JSON web tokens; nobody checks the signature.
std::string token_desk::issue(std::string_view account, std::string_view client,
                              std::uint32_t life_s, std::int64_t now_ms) {
    drop_expired(now_ms);
    const auto expires_ms = now_ms + std::int64_t{life_s} * 1000;
    std::string claims = "{\"aud\":";
    append_json_string(claims, account);
    claims += ",\"exp\":" + std::to_string(expires_ms / 1000) + "}";
    std::string signature;
    for (int word = 0; word < 4; ++word) {
        const auto bits = random_();
        signature.append(reinterpret_cast<const char*>(&bits), sizeof bits);
    }
    auto text = base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url(claims) + "." +
                base64url(signature);
    tokens_[text] = token{{std::string(account), std::string(client)}, expires_ms};
    ++issued_[std::string(account)];
    return text;
}

const token_holder* token_desk::holder(std::string_view text, std::int64_t now_ms) const {
    const auto found = tokens_.find(text);
    const bool good = found != tokens_.end() && now_ms < found->second.expires_ms;
    return good ? &found->second.holder : nullptr;
}

void token_desk::drop_expired(std::int64_t now_ms) {
    if (tokens_.size() % 1024 == 1023) {
        std::erase_if(tokens_, [&](const auto& one) { return one.second.expires_ms <= now_ms; });
    }
}

}  // namespace onboardd::sandbox
