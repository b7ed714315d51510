#pragma once

// Who may ask for a token, and the tokens that are good now.

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>

namespace onboardd::sandbox {

struct token_holder {
    std::string account;
    std::string client;
};

class token_desk {
public:
    // `ACCOUNT:CLIENT_ID:SECRET`. Once one is given, no other client is accepted. Throws
    // std::invalid_argument.
    void allow(std::string_view client);

    enum class verdict : std::uint8_t { good, unknown_account, wrong_credentials };
    verdict check(std::string_view account, std::string_view client, std::string_view secret) const;

    std::string issue(std::string_view account, std::string_view client, std::uint32_t life_s,
                      std::int64_t now_ms);

    // nullptr: expired, revoked or never issued.
    const token_holder* holder(std::string_view token, std::int64_t now_ms) const;

    void revoke_all() { tokens_.clear(); }

    // Tokens issued, by account.
    const std::map<std::string, std::uint64_t, std::less<>>& issued() const { return issued_; }
    void forget_counts() { issued_.clear(); }

private:
    struct client_entry {
        std::string client;
        std::string secret;
    };
    struct token {
        token_holder holder;
        std::int64_t expires_ms;
    };
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>()(text);
        }
    };

    void drop_expired(std::int64_t now_ms);

    std::multimap<std::string, client_entry, std::less<>> clients_;
    std::unordered_map<std::string, token, text_hash, std::equal_to<>> tokens_;
    std::map<std::string, std::uint64_t, std::less<>> issued_;
    std::mt19937_64 random_{std::random_device()()};
};

}  // namespace onboardd::sandbox
