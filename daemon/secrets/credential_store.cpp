#include "onboardd/secrets/credential_store.hpp"
#include "onboardd/base/unique_fd.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace onboardd {
namespace {

// One byte more than allowed, and a line end, to see that a file is too large. Wiped with the frame
// that holds it.
struct secret_buffer {
    std::array<char, secret_bytes_max + 3> bytes{};
    std::size_t size = 0;

    secret_buffer() = default;
    secret_buffer(const secret_buffer&) = delete;
    secret_buffer& operator=(const secret_buffer&) = delete;
    ~secret_buffer() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

std::string reason(int error) {
    return std::generic_category().message(error);
}

std::string octal(mode_t mode) {
    std::string out = "0000";
    for (std::size_t digit = out.size(); digit-- > 0; mode >>= 3U)
        out[digit] = static_cast<char>('0' + (mode & 7U));
    return out;
}

std::string wrong_with_open(int error) {
    if (error == ELOOP)
        return "is a symbolic link; allowed: the file itself";
    if (error == ENOENT)
        return "does not exist; allowed: a file that holds the secret";
    return "cannot be opened (" + reason(error) + "); allowed: a file that this user can read";
}

std::string wrong_with_status(const struct stat& status) {
    if (!S_ISREG(status.st_mode))
        return "is not a regular file; allowed: a file that holds the secret";
    if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
        return "belongs to the user with the id " + std::to_string(status.st_uid) +
               "; allowed: root or the user that runs this program";
    }
    auto mode = status.st_mode & 07777U;
    // systemd shows the access of the service's user to a credential as access of root's group.
    bool of_systemd = status.st_uid == 0 && (mode & ~mode_t{0440}) == 0;
    if ((mode & 0077U) != 0 && !of_systemd) {
        return "is open to more than its owner (mode " + octal(mode) +
               "); allowed: mode 0600 or 0400";
    }
    return {};
}

std::string read_all(int file, secret_buffer& buffer) {
    while (buffer.size < buffer.bytes.size()) {
        auto count =
            ::read(file, buffer.bytes.data() + buffer.size, buffer.bytes.size() - buffer.size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            return "cannot be read (" + reason(errno) +
                   "); allowed: a file that this user can read";
        }
        if (count == 0)
            break;
        buffer.size += static_cast<std::size_t>(count);
    }
    return {};
}

std::string_view without_line_end(std::string_view text) {
    if (text.ends_with('\n'))
        text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
    return text;
}

std::string wrong_with_content(std::string_view text) {
    if (text.empty())
        return "is empty; allowed: a secret of 1 to " + std::to_string(secret_bytes_max) + " bytes";
    if (text.size() > secret_bytes_max) {
        return "is too large; allowed: a secret of 1 to " + std::to_string(secret_bytes_max) +
               " bytes";
    }
    auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    if (std::ranges::any_of(text, is_control))
        return "holds control bytes; allowed: one line of text";
    return {};
}

}  // namespace

result<secret, std::string> read_secret_file(const std::filesystem::path& path) {
    using answer = result<secret, std::string>;
    auto refuse = [&](const std::string& wrong) {
        return answer(answer::in_place_error, "the file " + path.string() + " " + wrong);
    };
    const unique_fd file(
        ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file.get() < 0)
        return refuse(wrong_with_open(errno));
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return refuse("cannot be looked at (" + reason(errno) + "); allowed: a regular file");
    if (auto wrong = wrong_with_status(status); !wrong.empty())
        return refuse(wrong);
    secret_buffer buffer;
    if (auto wrong = read_all(file.get(), buffer); !wrong.empty())
        return refuse(wrong);
    auto text = without_line_end({buffer.bytes.data(), buffer.size});
    if (auto wrong = wrong_with_content(text); !wrong.empty())
        return refuse(wrong);
    return {answer::in_place_value, std::string(text)};
}

}  // namespace onboardd
