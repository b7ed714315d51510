#pragma once

// The checksum that rows and bodies of the ledger carry. It finds what the disk made of them, not
// what a person with a tool did: it is no signature. XXH3 with 64 bits: some tens of nanoseconds a
// row, and a damaged row that passes is one in 2^64.

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "onboardd/base/clock.hpp"

namespace onboardd::sqlite {

// Values in order, each with its kind, so that none can pass for another. The same on every
// machine, as the ledger's file is.
class checksum {
public:
    checksum() { bytes_.reserve(1024); }

    template <std::integral T>
    void add(T value) {
        add_integer(static_cast<std::int64_t>(value));
    }
    void add(wall_time value) { add_integer(value.time_since_epoch().count()); }
    void add(std::string_view value);  // text or bytes
    void add(const std::string& value) { add(std::string_view(value)); }
    void add(std::nullopt_t) { bytes_ += '\0'; }

    template <class T>
    void add(const std::optional<T>& value) {
        if (value) {
            add(*value);
        } else {
            add(std::nullopt);
        }
    }

    // As a signed integer: SQLite knows no other.
    [[nodiscard]] std::int64_t value() const;

private:
    void add_integer(std::int64_t value);

    std::string bytes_;
};

// Of a request's or an answer's body. `origin` ties it to its job: the body of another one does not
// pass.
std::int64_t checksum_of_body(std::int64_t origin, std::string_view body);

}  // namespace onboardd::sqlite
