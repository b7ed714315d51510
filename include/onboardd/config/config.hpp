#pragma once

// The configuration: one immutable tree of values with units in their types. load_config.hpp reads
// it from YAML. The names are those of the keys in onboardd.yaml; the defaults here are the
// documented ones.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "onboardd/base/log.hpp"

namespace onboardd {

using std::chrono::milliseconds;

// A recurring time of day in a time zone, "01:00-05:30 Europe/Oslo"; it may cross midnight.
struct time_window {
    std::chrono::minutes from{};
    std::chrono::minutes to{};
    std::string zone;

    bool operator==(const time_window&) const = default;
};

struct provider_config {
    std::string base_url = "https://api.dintero.com/v1";  // https only, without a slash at the end
    std::optional<std::filesystem::path> ca_file;         // PEM; nullopt: the system's trust store
    milliseconds connect_timeout{5'000};                  // TCP and TLS together
    milliseconds request_timeout{30'000};  // from the first byte sent to the last byte read
    std::uint32_t connections_max = 64;
    std::uint64_t response_bytes_max = 1024 * 1024;

    bool operator==(const provider_config&) const = default;
};

struct account_config {
    std::string id;  // ^[PT]\d{8}$
    std::string client_id;
    std::filesystem::path client_secret_file;       // ${CREDENTIALS_DIRECTORY} already replaced
    std::optional<std::string> audience;            // nullopt: <base_url>/accounts/<id>
    std::optional<double> requests_per_second_max;  // nullopt: no limit of ours
    std::uint32_t in_flight_max = 64;
    std::optional<time_window> window;  // nullopt: submit at any time
    std::string defaults = "{}";        // a JSON object, merged under every job's `case`

    bool operator==(const account_config&) const = default;
};

struct spool_config {
    std::filesystem::path directory = "/var/spool/onboardd";
    milliseconds settle{1'000};
    milliseconds rescan{60'000};
    std::uint64_t file_bytes_max =
        1024 * 1024;  // of one job: a .json file, or a line of a .jsonl file

    bool operator==(const spool_config&) const = default;
};

// Checks beyond the JSON Schema. Each can be switched off.
struct checks_config {
    bool country_codes = true;         // ISO 3166-1 alpha-2
    bool currencies = true;            // ISO 4217
    bool organization_numbers = true;  // the check digit, where the country is NO
    bool callback_urls = true;         // https only

    bool operator==(const checks_config&) const = default;
};

struct outcomes_config {
    std::filesystem::path directory = "/var/lib/onboardd/outcomes";
    milliseconds accepted_for{
        std::chrono::hours(1)};  // an accepted case without a URL is published after this

    bool operator==(const outcomes_config&) const = default;
};

struct ledger_config {
    std::string url = "sqlite:///var/lib/onboardd/ledger.db";  // sqlite:// and an absolute path
    milliseconds keep_requests{std::chrono::days(30)};

    bool operator==(const ledger_config&) const = default;
};

struct retry_config {
    std::vector<milliseconds> schedule{
        std::chrono::seconds(1),  std::chrono::seconds(5),
        std::chrono::seconds(30), std::chrono::minutes(2),
        std::chrono::minutes(10), std::chrono::minutes(30)};  // not empty; the last repeats
    milliseconds max_age{std::chrono::days(3)};
    std::uint32_t budget_percent = 20;  // retries per first attempt, over a window

    bool operator==(const retry_config&) const = default;
};

struct reconcile_config {
    milliseconds settle{std::chrono::minutes(6)};
    std::uint32_t resend_max = 2;

    bool operator==(const reconcile_config&) const = default;
};

struct follow_config {
    std::optional<milliseconds> interval;  // nullopt: do not follow

    bool operator==(const follow_config&) const = default;
};

struct admin_config {
    std::filesystem::path socket = "/run/onboardd/control.sock";
    std::optional<std::string> http;  // "127.0.0.1:9464"

    bool operator==(const admin_config&) const = default;
};

struct log_config {
    severity level = severity::info;
    log_format format = log_format::automatic;

    bool operator==(const log_config&) const = default;
};

struct config {
    provider_config provider;
    std::vector<account_config> accounts;  // at least one; ids are unique
    spool_config spool;
    checks_config checks;
    outcomes_config outcomes;
    ledger_config ledger;
    retry_config retry;
    reconcile_config reconcile;
    follow_config follow;
    admin_config admin;
    log_config log;

    bool operator==(const config&) const = default;
};

}  // namespace onboardd
