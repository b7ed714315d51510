#pragma once

// Small pieces of text that answers are concatenated from.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace onboardd::sandbox {

// Milliseconds of the wall clock since 1970.
std::int64_t wall_now_ms();

// 2026-11-22T01:04:05Z
void append_time(std::string& to, std::int64_t wall_ms);

// Sun, 22 Nov 2026 01:04:05 GMT
std::string http_date(std::int64_t wall_ms);

void append_number(std::string& to, std::uint64_t number);

// Quoted and escaped as JSON wants it. Bytes that are not UTF-8 travel as they are.
void append_json_string(std::string& to, std::string_view text);

// Of unpadded base64url.
std::string base64url(std::string_view bytes);

// Of padded base64; false if `text` is none.
bool decode_base64(std::string_view text, std::string& bytes);

// %41 becomes A; bad escapes stay as they are.
std::string percent_decoded(std::string_view text);

// The value of a query's parameter, decoded; false if there is none.
bool query_value(std::string_view query, std::string_view name, std::string& value);

}  // namespace onboardd::sandbox
