#pragma once

// An answer before it travels.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fault.hpp"
#include "post_body.hpp"

namespace onboardd::sandbox {

// A list too long to be built in one piece.
struct long_list {
    std::vector<std::uint32_t> cases;
    std::int64_t now_ms = 0;
};

// A case that comes to be after its connection is gone.
struct late_case {
    std::string account;
    std::string client;
    std::string body;
    std::uint32_t request = 0;
    std::uint64_t generation = 0;  // of the store; a reset in between drops the case
    std::int64_t after_ms = 0;
};

struct reply {
    unsigned status = 200;
    std::string_view content_type = "application/json";
    std::string headers;  // whole lines
    std::string body;
    std::optional<long_list> list;  // then `body` is empty
    std::optional<late_case> late;
    delivery travels = delivery::whole;
    std::int64_t value = 0;  // of the delivery
    bool closes = false;
};

std::string_view reason_phrase(unsigned status) noexcept;

// {"error":{"message":...,"code":...,"errors":[...]}}
reply error_reply(unsigned status, std::string_view message, std::string_view code = {},
                  const std::vector<body_problem>& problems = {});

// The status line and headers; `framing` is a whole header line, or empty.
void append_head(std::string& to, const reply& answer, std::string_view framing);

// The answer in one piece, framed by its length.
void append_whole(std::string& to, const reply& answer);

}  // namespace onboardd::sandbox
