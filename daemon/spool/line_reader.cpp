#include "daemon/spool/line_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace onboardd::spooling {
namespace {

constexpr std::size_t chunk_bytes = 64 * 1024;

}  // namespace

line_reader::line_reader(int fd, std::uint64_t bytes, std::uint64_t line_bytes_max)
    : fd_(fd), end_(bytes), line_bytes_max_(line_bytes_max) {}

result<text_line> line_reader::next() {
    text_line line;
    line.number = number_ + 1;
    line.offset = base_ + at_;
    std::size_t searched = 0;  // bytes of this line known to hold no newline
    for (;;) {
        const char* const from = buffer_.data() + at_;
        const auto* const found =
            static_cast<const char*>(std::memchr(from + searched, '\n', used_ - at_ - searched));
        searched = found != nullptr ? static_cast<std::size_t>(found - from) : used_ - at_;
        if (searched > line_bytes_max_) {
            return skip_rest(line);
        }
        if (found != nullptr) {
            break;
        }
        const auto more = fill();
        if (more.has_error()) {
            return more.error();
        }
        if (*more == 0 && searched == 0) {
            return line;  // the end
        }
        if (*more == 0) {
            break;
        }
    }
    line.is = text_line::kind::line;
    line.length = searched;
    line.terminated = at_ + searched < used_;
    line.text = std::string_view(buffer_).substr(at_, searched);
    at_ += searched + (line.terminated ? 1 : 0);
    ++number_;
    return line;
}

// Reads another chunk behind what is left of the last one; the bytes it got, 0 at the end.
result<std::size_t> line_reader::fill() {
    buffer_.erase(0, at_);
    base_ += at_;
    used_ -= at_;
    at_ = 0;
    const auto offset = base_ + used_;
    if (offset >= end_) {
        return std::size_t{0};
    }
    buffer_.resize(used_ + chunk_bytes);
    ssize_t got = 0;
    do {
        got = ::pread(fd_, buffer_.data() + used_,
                      std::min<std::uint64_t>(chunk_bytes, end_ - offset),
                      static_cast<off_t>(offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return last_error();
    }
    used_ += static_cast<std::size_t>(got);
    bytes_read_ += static_cast<std::uint64_t>(got);
    if (got == 0) {
        end_ = offset;  // it was cut while we read
    }
    return static_cast<std::size_t>(got);
}

// The line does not fit: finds its end without keeping it. A hole holds no newline and is stepped
// over.
result<text_line> line_reader::skip_rest(text_line line) {
    for (;;) {
        const auto* const from = buffer_.data() + at_;
        const auto* const found = static_cast<const char*>(std::memchr(from, '\n', used_ - at_));
        if (found != nullptr) {
            at_ += static_cast<std::size_t>(found - from);
            line.length = base_ + at_ - line.offset;
            line.terminated = true;
            ++at_;
            break;
        }
        at_ = used_;
        const auto data = ::lseek(fd_, static_cast<off_t>(base_ + used_), SEEK_DATA);
        if (data < 0 ? errno == ENXIO : static_cast<std::uint64_t>(data) > base_ + used_) {
            base_ =
                data < 0 ? end_ : std::min<std::uint64_t>(static_cast<std::uint64_t>(data), end_);
            buffer_.clear();
            at_ = used_ = 0;
        }
        const auto more = fill();
        if (more.has_error()) {
            return more.error();
        }
        if (*more == 0) {
            line.length = base_ + at_ - line.offset;
            break;
        }
    }
    line.is = text_line::kind::too_long;
    ++number_;
    return line;
}

}  // namespace onboardd::spooling
