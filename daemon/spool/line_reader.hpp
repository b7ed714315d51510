#pragma once

// A .jsonl file of any size as a stream of lines, in bounded memory.

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/spool/file_access.hpp"

namespace onboardd::spooling {

struct text_line {
    enum class kind { line, too_long, end };

    kind is = kind::end;
    std::uint64_t number = 0;  // from 1
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  // without its end
    std::string_view text;     // of `line`: until the next call
    bool terminated = false;   // by a newline, not by the end of the file
};

class line_reader {
public:
    // Reads the first `bytes` bytes of `fd`, which stays the caller's.
    line_reader(int fd, std::uint64_t bytes, std::uint64_t line_bytes_max);

    result<text_line> next();

    // Bytes read so far, holes not counted.
    [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }

private:
    result<std::size_t> fill();
    result<text_line> skip_rest(text_line line);

    int fd_;
    std::uint64_t end_;
    std::uint64_t line_bytes_max_;
    std::string buffer_;
    std::size_t at_ = 0;      // of the next line in buffer_
    std::size_t used_ = 0;    // bytes in buffer_
    std::uint64_t base_ = 0;  // offset of buffer_ in the file
    std::uint64_t number_ = 0;
    std::uint64_t bytes_read_ = 0;
};

}  // namespace onboardd::spooling
