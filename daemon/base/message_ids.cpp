// The journal's MESSAGE_ID of each event that people wake up for, and of what ends it. Never
// changed: systemd/onboardd.catalog explains them, and alarms go by them.

#include <algorithm>

#include "daemon/base/log_sinks.hpp"

namespace onboardd {
namespace {

struct named_id {
    std::string_view event;
    std::string_view id;
};

constexpr named_id ids[] = {
    {"account_paused", "e034f6f7f56145629f9708a3041d3c4b"},
    {"account_resumed", "18a8f000315b407cbc006e576422527c"},
    {"clock_jumped", "51552c17dc7a493fa0c524351ef1a241"},
    {"configuration_refused", "bd0b3980b85d4f5bae8d9d6afee12ff6"},
    {"intake_goes_on", "ac047dd4a2a549c2993697a815170ce8"},
    {"intake_waits", "edc96c695a7a421b9320ca1a5225d5d2"},
    {"job_file_rejected", "f12a1e0f62034fa5b0287170ad2ed076"},
    {"ledger_damaged", "d751f81b9b9640fe868417cb54dbbe42"},
    {"ledger_failed", "dbfe393b9ae34e1dabb26fc62b0da675"},
    {"ledger_full", "c72b54199c6e411f90c2296490029af2"},
    {"ledger_has_room", "a29168470df741a2b0c06fd931470576"},
    {"mark_not_written", "6cc9ad20aa384dca8a8c7527c0aa038d"},
    {"outcome_not_written", "29051cf762f04ee1b4ee0abe5977635a"},
    {"outcomes_missing", "3b6e1933c144438a85e99e66fb02bb03"},
    {"outcomes_written_again", "e40d7441bba240c88e67df1fdc5b3a41"},
    {"provider_back", "1c239f7c9ecf463382e04ae1bfdab0e3"},
    {"provider_failing", "9e3eae846d4b4ec8bfe387f8cdfb0bcc"},
    {"report_not_written", "80a712b2884c499cb8979fb4bfb6bff2"},
    {"result_not_recorded", "1fe17a897efd4cc7b1dee2a3e2ff5a57"},
    {"spool_unreadable", "63ea952826374f57aa249b2fb54e900b"},
    {"started", "87ad15b911904929aea8148469171174"},
    {"stopped", "e36b7e758d764ad4a7125492be7a6d84"},
};
static_assert(std::ranges::is_sorted(ids, {}, &named_id::event));

}  // namespace

std::string_view message_id_of(std::string_view event) noexcept {
    const auto found = std::ranges::lower_bound(ids, event, {}, &named_id::event);
    return found != std::end(ids) && found->event == event ? found->id : std::string_view();
}

}  // namespace onboardd
