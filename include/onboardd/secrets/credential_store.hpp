#pragma once

// Client secrets, read from files: systemd's credentials directory, or files that only their owner
// can read.

#include <filesystem>

#include "onboardd/base/error.hpp"
#include "onboardd/secrets/secret.hpp"

namespace onboardd {

inline constexpr std::size_t secret_bytes_max = 4096;

// Reads the secret in `file`; one line end at the end is dropped. Refused, with a sentence for the
// operator: not a regular file, owned by neither root nor us, readable or writable by group or
// others (systemd's credentials are 0400 or 0440 owned by root and pass), empty, larger than
// secret_bytes_max, control bytes inside. Links are followed only for the file's directory. The
// sentence never holds the secret.
result<secret, std::string> read_secret_file(const std::filesystem::path& file);

}  // namespace onboardd
