#pragma once

// The token answer (RFC 6749, 5.1 and 5.2; RFC 6750). Pure.

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/error.hpp"
#include "onboardd/base/random.hpp"
#include "onboardd/secrets/secret.hpp"

namespace onboardd {

inline constexpr std::size_t token_bytes_max = 6 * 1024;  // it travels in a header
inline constexpr milliseconds token_life_default =
    std::chrono::minutes(5);  // where expires_in is absent
inline constexpr milliseconds token_life_max = std::chrono::hours(24);
inline constexpr milliseconds token_life_min = std::chrono::seconds(1);

struct token_grant {
    secret access_token;
    milliseconds life{};  // from the moment the answer came; within token_life_min..token_life_max
};

// Reads a 200 answer. The token must be Bearer (case does not matter) and fit RFC 6750's b64token;
// expires_in may be a number of seconds or a string of digits; zero and less are refused, more than
// a day counts as a day. errc::token_malformed otherwise.
result<token_grant> parse_token(std::string_view body);

// Whether an answer with this status says that the credential itself is refused, rather than "try
// again".
bool is_credential_refusal(unsigned status) noexcept;

// How long after its arrival a token is renewed: at half its life, a tenth earlier or later so that
// many daemons do not come at once.
milliseconds renew_after(milliseconds life, random_source& random);

}  // namespace onboardd
