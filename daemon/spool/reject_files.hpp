#pragma once

// The file operations beneath reject_store: temporaries, renames that replace nothing, copies that
// keep holes.

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/spool/file_access.hpp"

namespace onboardd::spooling {

bool exists(int directory, const std::string& name);

// file_exists if there is one already.
result<void> rename_without_replacing(int from, const std::string& old_name, int to,
                                      const std::string& new_name);

// A new file for writing, 0640; what an earlier run left under this name goes.
result<unique_fd> create_temporary(int directory, const std::string& name);

result<void> write_all(int fd, std::string_view bytes);

// The bytes of a small file; empty if it cannot be read or is larger.
std::string read_small(int directory, const std::string& name, std::size_t bytes_max);

// Copies a range to the start of `to`; holes stay holes, so a sparse range costs what it holds.
result<void> copy_range(int from, std::uint64_t offset, std::uint64_t length, int to);

// Whether the file `name` holds exactly this range.
bool holds_range(int directory, const std::string& name, int from, std::uint64_t offset,
                 std::uint64_t length);

}  // namespace onboardd::spooling
