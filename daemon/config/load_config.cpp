#include "onboardd/config/load_config.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "daemon/config/parse_config.hpp"
#include "onboardd/base/unique_fd.hpp"
#include "onboardd/secrets/credential_store.hpp"

namespace onboardd {
namespace reading {
namespace {

// Enough for the trust store of a whole operating system.
constexpr std::size_t certificates_bytes_max = 4 * 1024 * 1024;

std::string reason(int error) {
    return std::generic_category().message(error);
}

// Reads up to `bytes_max` + 1 bytes of a regular file, so that the caller sees when it is too
// large; never waits for a pipe or a device. Returns what is wrong, or an empty string.
std::string read_file(const std::filesystem::path& path, std::size_t bytes_max, std::string& out) {
    const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file.get() < 0)
        return "cannot open the file: " + reason(errno);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return "cannot look at the file: " + reason(errno);
    if (!S_ISREG(status.st_mode))
        return "not a regular file";
    out.resize(bytes_max + 1);
    std::size_t size = 0;
    while (size < out.size()) {
        auto count = ::read(file.get(), out.data() + size, out.size() - size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return "cannot read the file: " + reason(errno);
        if (count == 0)
            break;
        size += static_cast<std::size_t>(count);
    }
    out.resize(size);
    return {};
}

std::string wrong_with_certificates(const std::filesystem::path& path) {
    std::string text;
    if (auto wrong = read_file(path, certificates_bytes_max, text); !wrong.empty())
        return wrong + "; allowed: a readable PEM file";
    if (text.size() > certificates_bytes_max) {
        return "larger than " + std::to_string(certificates_bytes_max) +
               " bytes; allowed: PEM certificates";
    }
    std::unique_ptr<BIO, decltype(&BIO_free)> source(
        BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
    std::unique_ptr<X509, decltype(&X509_free)> first(
        source ? PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr) : nullptr, X509_free);
    ERR_clear_error();
    return first ? "" : "no certificate in the file; allowed: PEM certificates";
}

std::string wrong_with(const named_file& file) {
    switch (file.kind) {
        case file_kind::secret: {
            auto read = read_secret_file(file.path);
            return read.has_error() ? read.error() : std::string();
        }
        case file_kind::certificates:
            return wrong_with_certificates(file.path);
    }
    return {};
}

}  // namespace
}  // namespace reading

result<config, std::vector<config_fault>> load_config(const std::filesystem::path& file,
                                                      const environment& surroundings) {
    std::string text;
    if (auto wrong = reading::read_file(file, config_bytes_max, text); !wrong.empty())
        return std::vector{config_fault{file.string(), 0, 0, {}, std::move(wrong)}};
    auto read = reading::read_config(text, surroundings);
    for (const auto& named : read.files) {
        // A path that still begins with the variable is that of a credential that is not needed.
        if (!surroundings.files_needed || named.path.is_relative()) {
            continue;
        }
        if (auto wrong = reading::wrong_with(named); !wrong.empty()) {
            read.faults.add(named.where, named.key, std::move(wrong));
        }
    }
    if (read.faults.empty())
        return std::move(read.value);
    return std::move(read.faults).in_order(file.string());
}

}  // namespace onboardd
