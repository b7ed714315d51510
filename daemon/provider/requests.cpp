#include "onboardd/provider/requests.hpp"

#include <openssl/evp.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/url/parse.hpp>

#include "onboardd/http/client.hpp"

namespace onboardd {
namespace {

namespace json = boost::json;

std::string account_path(const provider_address& provider, std::string_view account) {
    return provider.path + "/accounts/" + http::percent_encode(account);
}

std::string cases_path(const provider_address& provider, std::string_view account) {
    return account_path(provider, account) + "/management/settings/cdd/cases";
}

std::string bearer(std::string_view access_token) {
    return "Bearer " + std::string(access_token);
}

std::string base64(std::string_view text) {
    std::string encoded(4 * ((text.size() + 2) / 3) + 1, '\0');
    const auto* from = reinterpret_cast<const unsigned char*>(text.data());
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()), from,
                                       static_cast<int>(text.size()));
    encoded.resize(static_cast<std::size_t>(length));
    return encoded;
}

// RFC 7617: the two as they are. RFC 6749, 2.3.1 would have them form-encoded first; the provider's
// documentation and most others do without. Leaves no copy behind.
std::string basic(std::string_view client_id, const secret& client_secret) {
    constexpr std::string_view scheme = "Basic ";
    std::string pair;
    pair.reserve(client_id.size() + 1 + client_secret.reveal().size());
    pair.append(client_id).append(":").append(client_secret.reveal());
    auto encoded = base64(pair);
    std::string value;
    value.reserve(scheme.size() + encoded.size());
    value.append(scheme).append(encoded);
    wipe(pair);
    wipe(encoded);
    return value;
}

}  // namespace

provider_address parse_provider_address(std::string_view base_url) {
    const auto url = boost::urls::parse_uri(base_url);
    if (!url || url->scheme() != "https" || url->host_address().empty()) {
        throw config_error("provider.base_url: not an https URL: " + std::string(base_url));
    }
    provider_address address;
    address.host = url->host_address();
    address.port = url->has_port() ? url->port_number() : std::uint16_t{443};
    address.path = std::string(url->encoded_path());
    while (address.path.ends_with('/')) {
        address.path.pop_back();
    }
    return address;
}

http::request token_request(const provider_address& provider, std::string_view account,
                            std::string_view client_id, const secret& client_secret,
                            std::string_view audience) {
    http::request message;
    message.verb = http::method::post;
    message.target = account_path(provider, account) + "/auth/token";
    message.authorization = basic(client_id, client_secret);
    message.body =
        json::serialize(json::value{{"grant_type", "client_credentials"}, {"audience", audience}});
    return message;
}

http::request create_case_request(const provider_address& provider, std::string_view account,
                                  std::string_view access_token, std::string body) {
    http::request message;
    message.verb = http::method::post;
    message.target = cases_path(provider, account);
    message.authorization = bearer(access_token);
    message.body = std::move(body);
    return message;
}

http::request read_case_request(const provider_address& provider, std::string_view account,
                                std::string_view access_token, std::string_view case_id) {
    http::request message;
    message.target = cases_path(provider, account) + "/" + http::percent_encode(case_id);
    message.authorization = bearer(access_token);
    return message;
}

http::request list_cases_request(const provider_address& provider, std::string_view account,
                                 std::string_view access_token, std::string_view starting_after) {
    http::request message;
    message.target = cases_path(provider, account);
    if (!starting_after.empty()) {
        message.target += "?limit=100&starting_after=" + http::percent_encode(starting_after);
    }
    message.authorization = bearer(access_token);
    return message;
}

}  // namespace onboardd
