#pragma once

#include <filesystem>
#include <optional>

namespace onboardd::http {

// TLS 1.2 with AEAD and ECDHE, or 1.3 (RFC 9325). The peer's chain and host name are always
// verified (RFC 9525); there is no switch to turn that off.
struct tls_options {
    std::optional<std::filesystem::path> ca_file;  // PEM bundle; nullopt: the system's trust store
};

}  // namespace onboardd::http
