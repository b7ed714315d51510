#pragma once

// How the stand-in behaves where the real provider's behaviour is unknown, and which faults it
// plays. Each switch is an option of the program and can be changed while it runs, by the same
// name.

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "fault.hpp"

namespace onboardd::sandbox {

enum class list_paging : std::uint8_t { plain, paged, ignore };
enum class list_order : std::uint8_t { newest, oldest, random };
enum class duplicates : std::uint8_t { accept, refuse_400, refuse_409 };

inline constexpr std::uint32_t never = std::numeric_limits<std::uint32_t>::max();

struct settings {
    list_paging paging = list_paging::plain;
    bool list_as_object = false;
    bool list_chunked = true;  // long lists; else with their length
    std::uint32_t list_lag_ms = 0;
    list_order order = list_order::newest;
    bool list_echoes_reference = true;
    unsigned post_status = 200;
    std::uint32_t url_after_ms = 0;  // never: no contract_url at all
    bool read_one = true;
    std::uint32_t latency_ms = 0;
    duplicates duplicate = duplicates::accept;
    std::uint32_t auto_after_ms = 0;
    std::uint32_t token_life_s = 14'400;
    std::uint32_t requests_per_connection_max = 0;  // 0: no limit
    std::uint32_t idle_max_ms = 0;  // 0: a kept-alive connection is never closed for it
    bool listening = true;

    fault_plan post_faults{on_post};
    fault_plan token_faults{on_token};
    fault_plan list_faults{on_list};
    fault_scripts scripts;
    std::mt19937_64 random{1};
    std::uint64_t seed = 1;
};

// One switch: its name, the values it takes, how to set it from text and how to show it.
struct switch_entry {
    std::string_view name;
    std::string_view values;
    std::string_view help;
    void (*set)(settings&, std::string_view text);  // throws std::invalid_argument
    std::string (*show)(const settings&);
};

std::span<const switch_entry> switches() noexcept;

// nullptr: there is no such switch.
const switch_entry* find_switch(std::string_view name) noexcept;

}  // namespace onboardd::sandbox
