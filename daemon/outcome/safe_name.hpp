#pragma once

// Names that may become part of a path, and how others are made so.

#include <cstdint>
#include <string>
#include <string_view>

namespace onboardd {

// ^[PT]\d{8}$
bool is_account(std::string_view text) noexcept;

// ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$
bool is_reference(std::string_view text) noexcept;

// A file name for a batch of any name, without its ending: bytes other than A-Z a-z 0-9 . _ - and a
// leading dot as %NN, and instead of the end of a long one %- and a hash of the whole. Different
// batches have different names.
std::string report_name(std::string_view batch);

// Temporary files are .<16 hexadecimal digits>.tmp: what a crash left is known by that.
std::string temporary_name(std::uint64_t random);
bool is_temporary_name(std::string_view name) noexcept;

}  // namespace onboardd
