#include <algorithm>
#include <set>
#include <string>

#include "daemon/spool/json_text.hpp"
#include "onboardd/config/load_config.hpp"
#include "onboardd/provider/requests.hpp"
#include "tests/fuzz/target.hpp"

namespace onboardd::fuzz {
namespace {

void check_faults(const std::vector<config_fault>& faults, std::string_view text) {
    promise(!faults.empty(), "refused without a fault");
    const auto lines = std::ranges::count(text, '\n') + std::ranges::count(text, '\r') + 2;
    for (const auto& fault : faults) {
        promise(!fault.message.empty() && fault.file == "f", "a fault without a message or a file");
        promise(fault.line >= 0 && fault.line <= lines, "a fault on a line behind the text");
        promise((fault.line == 0) == (fault.column == 0), "half a position");
        const auto shown = fault.to_string();
        promise(std::ranges::none_of(shown, [](char c) { return c >= 0 && c < ' '; }),
                "a fault with control bytes in it");
    }
}

// What is built from a good configuration must not fail for its sake.
void check_values(const config& good) {
    promise(!good.accounts.empty(), "no account");
    promise(!good.retry.schedule.empty(), "an empty schedule");
    std::set<std::string> ids;
    for (const auto& account : good.accounts) {
        promise(ids.insert(account.id).second, "an account given twice");
        std::vector<job_fault> faults;
        const auto defaults = spooling::json_parser().parse(account.defaults, {}, faults);
        promise(defaults && faults.empty() && defaults->is_object(),
                "defaults that the job reader refuses");
    }
    promise(!parse_provider_address(good.provider.base_url).host.empty(),
            "a provider without host");
    promise(good.ledger.url.starts_with("sqlite:///"), "a ledger that cannot be opened");
}

}  // namespace

void configuration(std::string_view bytes) {
    environment surroundings;
    surroundings.files_needed = chance_of(bytes)() % 2 == 0;
    surroundings.credentials_directory = surroundings.files_needed ? "/run/credentials" : "";
    const auto read = parse_config(bytes, "f", surroundings);
    if (read.has_error()) {
        check_faults(read.error(), bytes);
    } else {
        check_values(*read);
    }
}

}  // namespace onboardd::fuzz
