#pragma once

#include <filesystem>
#include <functional>

#include "onboardd/ledger/ledger_check.hpp"

namespace onboardd::sqlite {

// See ledger_check::repair(). The caller owns the ledger and has it closed.
std::filesystem::path rebuild(const std::filesystem::path& file, wall_time now,
                              const std::function<void(ledger_fault)>& tell);

}  // namespace onboardd::sqlite
