#pragma once

// A secret wipes itself, cannot be copied, and cannot be printed: it has no stream operator and no
// conversion.

#include <string>
#include <string_view>

namespace onboardd {

class secret {
public:
    secret() = default;
    explicit secret(std::string&& value);  // takes the bytes and wipes the argument
    secret(secret&& other) noexcept;
    secret& operator=(secret&& other) noexcept;
    secret(const secret&) = delete;
    secret& operator=(const secret&) = delete;
    ~secret();

    // The bytes, for the one place that sends them. The view ends with this object.
    [[nodiscard]] std::string_view reveal() const noexcept { return value_; }
    [[nodiscard]] bool empty() const noexcept { return value_.empty(); }

private:
    std::string value_;
};

// Overwrites `text` in a way that the compiler keeps, then empties it.
void wipe(std::string& text) noexcept;

}  // namespace onboardd
