#pragma once

// The provider's operations as requests. Pure: sending is the client's part.

#include <string>
#include <string_view>

#include "onboardd/http/message.hpp"
#include "onboardd/secrets/secret.hpp"

namespace onboardd {

// The origin and the path in front of every operation.
struct provider_address {
    std::string host;
    std::uint16_t port = 443;
    std::string path;  // "/v1"; empty for none
};

// Splits an https URL as the configuration has checked it. Throws config_error if it is none.
provider_address parse_provider_address(std::string_view base_url);

// RFC 6749, 4.4 with HTTP Basic (RFC 7617) and a JSON body, as the provider documents it.
http::request token_request(const provider_address& provider, std::string_view account,
                            std::string_view client_id, const secret& client_secret,
                            std::string_view audience);

http::request create_case_request(const provider_address& provider, std::string_view account,
                                  std::string_view access_token, std::string body);

http::request read_case_request(const provider_address& provider, std::string_view account,
                                std::string_view access_token, std::string_view case_id);

// `starting_after` empty: the first page, without any parameter (paging is not documented, see
// facts.md 3.1).
http::request list_cases_request(const provider_address& provider, std::string_view account,
                                 std::string_view access_token, std::string_view starting_after);

}  // namespace onboardd
