#pragma once

// Requests and answers as values, free of any HTTP library's types.

#include <cstdint>
#include <optional>
#include <string>

#include "onboardd/base/error.hpp"

namespace onboardd::http {

enum class method : std::uint8_t { get, post };

struct request {
    method verb = method::get;
    std::string target;         // path and query, already percent-encoded
    std::string authorization;  // the header's value; wiped by the client after sending
    std::string body;           // sent as application/json when the method is POST
};

// A complete, correctly framed final answer.
struct response {
    unsigned status = 0;
    std::string body;  // empty where it went to a sink
    std::optional<std::string> retry_after;
    std::optional<std::string> content_type;
};

// How much of a request may have reached the provider when an exchange failed.
enum class progress : std::uint8_t {
    not_sent,  // the last byte has certainly not left: the request cannot have been applied
    sent,      // the last byte may have left: whether it was applied is not known
};

// The step in which an exchange failed, for logs and metrics.
enum class phase : std::uint8_t { resolve, connect, tls, send, receive };

struct failure {
    error_code ec;
    progress reached = progress::not_sent;
    phase step = phase::connect;
    std::string detail;  // for the operator, for example OpenSSL's reason; never a secret
};

const char* to_string(phase step) noexcept;

}  // namespace onboardd::http
