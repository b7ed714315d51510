#pragma once

// Foreign bytes on their way into a terminal, a log line or a JSON text: what is in them is not
// ours to trust.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace onboardd {

struct code_point {
    char32_t value = 0;     // where not valid: the byte itself
    std::size_t bytes = 1;  // how many bytes of the text it takes
    bool valid = false;     // false: a byte that begins no well-formed UTF-8 sequence
};

// Reads the first code point of `text`, which must not be empty. Strict: no overlong forms, no
// surrogates.
code_point decode_utf8(std::string_view text) noexcept;

// Whether showing `value` may move the cursor, end the line or turn the direction of reading:
// control characters (C0, DEL, C1), line and paragraph separators, bidirectional embeddings,
// overrides and isolates.
bool is_disruptive(char32_t value) noexcept;

// Cuts `text` to `bytes_max` bytes (more than 3), not in the middle of a UTF-8 sequence.
void cut_utf8(std::string& text, std::size_t bytes_max);

// Appends `text` as a JSON string with its quotes. The result is valid UTF-8 for any bytes: what
// is_disruptive() is written as \uNNNN, a byte that is not UTF-8 as the four characters \xNN. Text
// beyond `bytes_max` is cut with "…".
void append_json_string(std::string& out, std::string_view text,
                        std::size_t bytes_max = std::string_view::npos);

// Appends the two lower case hexadecimal digits of `byte`.
void append_hex(std::string& out, unsigned char byte);

// `text` in lines of at most `columns` code points, broken at its blanks. A longer word has a line
// of its own and is left whole, so that it can be copied. At least one line.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns);

}  // namespace onboardd
