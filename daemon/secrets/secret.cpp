#include "onboardd/secrets/secret.hpp"

#include <openssl/crypto.h>

#include <utility>

namespace onboardd {

// A moved-from string of a few bytes still holds them in its own buffer, so each move wipes what it
// leaves behind.
secret::secret(std::string&& value) : value_(std::move(value)) {
    wipe(value);
}

secret::secret(secret&& other) noexcept : value_(std::move(other.value_)) {
    wipe(other.value_);
}

secret& secret::operator=(secret&& other) noexcept {
    if (this == &other)
        return *this;
    wipe(value_);
    value_ = std::move(other.value_);
    wipe(other.value_);
    return *this;
}

secret::~secret() {
    wipe(value_);
}

void wipe(std::string& text) noexcept {
    // Up to the capacity: what a shorter value left behind its end counts too. This never
    // allocates. What was moved away has an unspecified value and is still wiped: that is meant.
    text.resize(text.capacity());  // NOLINT(clang-analyzer-cplusplus.Move)
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

}  // namespace onboardd
