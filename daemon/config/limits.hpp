#pragma once

// What each key may be set to. The lower bounds keep a slip of the unit from turning the daemon
// into a flood or a busy loop, and still let tests be quick; the upper ones keep memory and waiting
// bounded.

#include <chrono>
#include <cstddef>

#include "daemon/config/rules.hpp"

namespace onboardd::reading::limits {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr std::uint64_t kib = 1024;
inline constexpr std::uint64_t mib = 1024 * kib;

inline constexpr std::size_t url_bytes_max = 2048;
inline constexpr std::size_t text_bytes_max = 512;
inline constexpr std::size_t path_bytes_max = 4095;
inline constexpr std::size_t socket_bytes_max = 107;  // sun_path of sockaddr_un
inline constexpr std::size_t accounts_max = 1000;
inline constexpr std::size_t schedule_max = 32;

inline constexpr duration_rule connect_timeout{milliseconds(10), minutes(5)};
inline constexpr duration_rule request_timeout{milliseconds(10), minutes(10)};
inline constexpr count_rule connections{1, 1024};
inline constexpr size_rule response_bytes{kib, 64 * mib};

inline constexpr rate_rule requests_per_second{0.001, 10'000};
inline constexpr count_rule in_flight{1, 10'000};

inline constexpr duration_rule spool_settle{milliseconds(0), hours(1)};
inline constexpr duration_rule spool_rescan{milliseconds(100), hours(1)};
inline constexpr size_rule file_bytes{kib, 64 * mib};

inline constexpr duration_rule accepted_for{milliseconds(100), days(30)};
inline constexpr duration_rule keep_requests{seconds(1), days(3650)};

inline constexpr duration_rule retry_delay{milliseconds(10), days(1)};
inline constexpr duration_rule retry_max_age{seconds(1), days(365)};
inline constexpr count_rule budget_percent{0, 1000};

inline constexpr duration_rule reconcile_settle{milliseconds(100), days(1)};
inline constexpr count_rule resend{0, 10};

inline constexpr duration_rule follow_interval{seconds(1), days(30)};

}  // namespace onboardd::reading::limits
