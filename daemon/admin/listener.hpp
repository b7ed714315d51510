#pragma once

// A place to listen at: a TCP address of this machine, or a unix socket.

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "onboardd/base/unique_fd.hpp"

namespace onboardd::admin {

struct listener {
    unique_fd fd;  // listening, does not block
    int family = 0;
    std::filesystem::path path;  // of a unix socket; else empty
    dev_t device = 0;            // which file that is, so that another's is not removed
    ino_t inode = 0;

    listener() = default;
    listener(listener&& other) noexcept;
    listener& operator=(listener&&) = delete;
    ~listener();
};

// `address` as in server_options::http. Throws config_error.
listener listen_at(const std::string& address);

// Mode 0660. Throws config_error, or already_owned if somebody answers there.
listener listen_at_socket(const std::filesystem::path& path, const std::string& key);

}  // namespace onboardd::admin
