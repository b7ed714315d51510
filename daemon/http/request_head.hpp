#pragma once

// What goes onto the wire ahead of a body: checked here, because nothing below checks it again.

#include <cstdint>
#include <string>
#include <string_view>

#include "onboardd/http/message.hpp"

namespace onboardd::http {

// A path and query in origin form: a slash, then visible ASCII without '#'.
bool is_safe_target(std::string_view text) noexcept;

// Visible ASCII, with spaces inside only ("Bearer abc").
bool is_safe_value(std::string_view text) noexcept;

// The fields that are the same in every request to one origin, rendered once.
std::string fixed_fields(std::string_view host, std::uint16_t port, std::string_view user_agent);

// Puts the whole head of `message`, up to and with the empty line, into `out`. Memory is reserved
// first, with `extra_bytes` for what the caller will append, so that no copy of the credentials
// stays behind in freed memory.
void write_head(std::string& out, const request& message, std::string_view fixed,
                std::size_t extra_bytes);

}  // namespace onboardd::http
