#pragma once

// A strict reading of an answer's head, without I/O and without memory of its own. It is stricter
// than RFC 9112 allows us to be towards odd servers: a verdict on a POST that cannot be repeated
// hangs on the framing, so whatever two readers could understand differently is refused.

#include <cstdint>
#include <optional>
#include <string_view>

#include "onboardd/base/error.hpp"

namespace onboardd::http {

inline constexpr std::size_t fields_max = 100;

enum class framing : std::uint8_t { none, length, chunked };

struct answer_head {
    unsigned status = 0;
    framing body = framing::none;
    std::uint64_t content_length = 0;
    bool keep_alive = false;
    // Of each the first; they refer to the text that was read.
    std::optional<std::string_view> retry_after;
    std::optional<std::string_view> content_type;
};

// Why a head was refused; fixed words, nothing from the peer.
struct malformed {
    const char* reason = "";
};

struct head_end {
    enum class kind : std::uint8_t { incomplete, complete, malformed } found = kind::incomplete;
    std::size_t size = 0;  // of the complete head, with its empty line
};

// Looks for the empty line. `scanned` bytes were already looked at in an earlier, incomplete call.
// What cannot become an answer any more (other first bytes, a line feed without its carriage
// return) is malformed at once, so that nobody waits for the rest.
head_end find_head_end(std::string_view bytes, std::size_t scanned) noexcept;

// Reads one complete head, with its empty line.
result<answer_head, malformed> parse_answer_head(std::string_view head);

}  // namespace onboardd::http
