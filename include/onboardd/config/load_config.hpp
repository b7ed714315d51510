#pragma once

// onboardd.yaml to config. Every fault is found in one go, each as FILE:LINE:COLUMN: key: what is
// wrong and what is allowed.

#include <boost/assert/source_location.hpp>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/base/error.hpp"
#include "onboardd/config/config.hpp"

namespace onboardd {

inline constexpr std::size_t config_bytes_max = 256 * 1024;

struct config_fault {
    std::string file;
    int line = 0;     // from 1; 0: the file as a whole
    int column = 0;   // from 1, in characters
    std::string key;  // dotted path, accounts[0].client_id
    std::string message;

    // FILE:LINE:COLUMN: key: message; a fault of the file as a whole has neither position nor key.
    [[nodiscard]] std::string to_string() const;

    bool operator==(const config_fault&) const = default;
};

// For result<config, std::vector<config_fault>>::value(): throws config_error with one line for
// each fault.
[[noreturn]] void throw_exception_from_error(const std::vector<config_fault>& faults,
                                             const boost::source_location& where);

struct environment {
    std::string credentials_directory;  // the value of CREDENTIALS_DIRECTORY, or empty
    // False for a tool that never uses the secrets: an unset CREDENTIALS_DIRECTORY is then no
    // fault, the variable stays in the path, and load_config() reads no file but the configuration.
    bool files_needed = true;
    // False for a check from outside of the daemon, which has not got the credentials: an unset
    // CREDENTIALS_DIRECTORY is then no fault, and what would be in it is not looked for. Other
    // files are.
    bool credentials_needed = true;
};

// Reads the YAML text. All faults that can be seen without touching anything else are reported
// together.
result<config, std::vector<config_fault>> parse_config(std::string_view yaml,
                                                       std::string_view file_name,
                                                       const environment& surroundings);

// Reads the file and checks besides what can be checked offline: that the secret and CA files can
// be read.
result<config, std::vector<config_fault>> load_config(const std::filesystem::path& file,
                                                      const environment& surroundings);

}  // namespace onboardd
