#include "daemon/app/wiring.hpp"

#include <memory>
#include <utility>

#include "onboardd/base/disk_room.hpp"
#include "onboardd/outcome/outcome.hpp"
#include "onboardd/provider/requests.hpp"
#include "onboardd/secrets/credential_store.hpp"

namespace onboardd {
namespace {

constexpr milliseconds send_window{
    10'000};  // the last byte of a POST leaves at most this long after its intent

// The ledger's reserve comes on top: it is for the results of what was taken in before. A portion
// of the spool has 8 MiB at most, and four may be under way.
constexpr disk_needs ledger_needs{.bytes = 64 * 1024 * 1024, .files = 0, .share = 16};
constexpr disk_needs outcome_needs{.bytes = 32 * 1024 * 1024, .files = 2'000, .share = 16};

constexpr std::string_view sqlite_scheme = "sqlite://";

std::function<http::request()> token_requests_of(const config& settings,
                                                 const account_config& account) {
    auto read = read_secret_file(account.client_secret_file);
    if (!read) {
        throw config_error("accounts " + account.id + ": client_secret_file: " + read.error());
    }
    const auto key = std::make_shared<const secret>(std::move(*read));
    const auto address = parse_provider_address(settings.provider.base_url);
    const auto audience =
        account.audience.value_or(settings.provider.base_url + "/accounts/" + account.id);
    return [key, address, audience, id = account.id, client_id = account.client_id] {
        return token_request(address, id, client_id, *key, audience);
    };
}

account_options account_options_of(const config& settings, const account_config& account) {
    account_options options;
    options.id = account.id;
    options.make_token_request = token_requests_of(settings, account);
    options.in_flight_max = account.in_flight_max;
    options.requests_per_second_max = account.requests_per_second_max;
    options.window = account.window;
    return options;
}

}  // namespace

decision_rules rules_of(const config& settings) {
    decision_rules rules;
    rules.retry_schedule = settings.retry.schedule;
    rules.max_age = settings.retry.max_age;
    rules.settle = settings.reconcile.settle;
    rules.resend_max = settings.reconcile.resend_max;
    rules.accepted_for = settings.outcomes.accepted_for;
    rules.follow_interval = settings.follow.interval;
    return rules;
}

http::client_options client_options_of(const config& settings) {
    const auto address = parse_provider_address(settings.provider.base_url);
    http::client_options options;
    options.host = address.host;
    options.port = address.port;
    options.tls.ca_file = settings.provider.ca_file;
    options.connect_timeout = settings.provider.connect_timeout;
    options.connections_max = settings.provider.connections_max;
    return options;
}

spool_options spool_options_of(const config& settings) {
    spool_options options;
    options.directory = settings.spool.directory;
    options.settle = settings.spool.settle;
    options.rescan = settings.spool.rescan;
    options.file_bytes_max = settings.spool.file_bytes_max;
    return options;
}

sqlite_options ledger_options_of(const config& settings) {
    sqlite_options options;
    options.file = std::string_view(settings.ledger.url).substr(sqlite_scheme.size());
    options.send_window = send_window;
    return options;
}

sqlite_options marked_options_of(const config& settings) {
    auto options = ledger_options_of(settings);
    options.mark = read_mark(settings.outcomes.directory);
    options.publish_all_again = !options.mark && has_no_outcomes(settings.outcomes.directory);
    return options;
}

admin::server_options admin_options_of(const config& settings) {
    admin::server_options options;
    options.http = settings.admin.http;
    options.socket = settings.admin.socket;
    return options;
}

std::vector<std::string> find_shortages(const config& settings, bool was_short) {
    std::vector<std::string> found;
    const auto look = [&](const char* whose, const std::filesystem::path& at,
                          const disk_needs& needs) {
        const auto room = room_at(at);  // where it fails, the write that comes tells more
        auto text = room ? shortage(whose, *room, needs, was_short) : std::string();
        if (!text.empty()) {
            found.push_back(std::move(text));
        }
    };
    look("the ledger", ledger_options_of(settings).file.parent_path(), ledger_needs);
    look("the outcomes", settings.outcomes.directory, outcome_needs);
    return found;
}

engine_options engine_options_of(const config& settings) {
    engine_options options;
    options.provider = parse_provider_address(settings.provider.base_url);
    for (const auto& account : settings.accounts) {
        options.accounts.push_back(account_options_of(settings, account));
    }
    options.rules = rules_of(settings);
    options.send_window = send_window;
    options.request_time_max = settings.provider.request_timeout;
    options.response_bytes_max = settings.provider.response_bytes_max;
    options.retry_budget_percent = settings.retry.budget_percent;
    options.keep_requests = settings.ledger.keep_requests;
    return options;
}

}  // namespace onboardd
