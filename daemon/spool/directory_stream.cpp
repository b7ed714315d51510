#include "daemon/spool/directory_stream.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace onboardd::spooling {
namespace {

constexpr std::size_t chunk_names_max = 4096;

bool is_unfinished(std::string_view name) {
    return name.starts_with('.') || name.ends_with(".tmp");
}

}  // namespace

result<directory_stream> directory_stream::open(int directory) {
    // Opened anew, since descriptors made by dup() share their position.
    unique_fd own(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own) {
        return last_error();
    }
    DIR* const stream = ::fdopendir(own.get());
    if (stream == nullptr) {
        return last_error();
    }
    static_cast<void>(own.release());
    return directory_stream(stream);
}

result<const directory_entry*> directory_stream::next() {
    if (at_ == chunk_.size()) {
        if (auto read = read_chunk(); read.has_error()) {
            return read.error();
        }
    }
    return at_ < chunk_.size() ? &chunk_[at_++] : nullptr;
}

result<void> directory_stream::read_chunk() {
    chunk_.clear();
    at_ = 0;
    while (chunk_.size() < chunk_names_max) {
        errno = 0;
        const dirent* const entry = ::readdir(stream_.get());
        if (entry == nullptr && errno != 0) {
            return last_error();
        }
        if (entry == nullptr) {
            break;
        }
        if (!is_unfinished(entry->d_name)) {
            chunk_.push_back({entry->d_ino, entry->d_name, entry->d_type});
        }
    }
    std::sort(chunk_.begin(), chunk_.end(),
              [](const auto& left, const auto& right) { return left.inode < right.inode; });
    return {};
}

}  // namespace onboardd::spooling
