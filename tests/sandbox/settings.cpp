#include "settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace onboardd::sandbox {
namespace {

[[noreturn]] void refuse(std::string_view text) {
    throw std::invalid_argument("'" + std::string(text) + "' is not allowed here");
}

std::uint32_t number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size()) {
        refuse(text);
    }
    return value;
}

template <class Value>
struct word {
    std::string_view name;
    Value value;
};

template <class Value, std::size_t Count>
Value value_of(const std::array<word<Value>, Count>& words, std::string_view text) {
    const auto named = [&](const word<Value>& one) { return one.name == text; };
    const auto found = std::find_if(words.begin(), words.end(), named);
    if (found == words.end()) {
        refuse(text);
    }
    return found->value;
}

template <class Value, std::size_t Count>
std::string name_of(const std::array<word<Value>, Count>& words, Value value) {
    const auto equal = [&](const word<Value>& one) { return one.value == value; };
    return std::string(std::find_if(words.begin(), words.end(), equal)->name);
}

constexpr std::array<word<bool>, 2> yes_no{{{"yes", true}, {"no", false}}};
constexpr std::array<word<bool>, 2> shapes{{{"array", false}, {"object", true}}};
constexpr std::array<word<bool>, 2> framings{{{"chunked", true}, {"length", false}}};
constexpr std::array<word<list_paging>, 3> pagings{{{"plain", list_paging::plain},
                                                    {"paged", list_paging::paged},
                                                    {"ignore", list_paging::ignore}}};
constexpr std::array<word<list_order>, 3> orders{{{"newest", list_order::newest},
                                                  {"oldest", list_order::oldest},
                                                  {"random", list_order::random}}};
constexpr std::array<word<duplicates>, 3> duplicate_words{{{"accept", duplicates::accept},
                                                           {"400", duplicates::refuse_400},
                                                           {"409", duplicates::refuse_409}}};
constexpr std::array<word<unsigned>, 3> statuses{{{"200", 200}, {"201", 201}, {"202", 202}}};

std::uint32_t url_time(std::string_view text) {
    if (text == "at-once") {
        return 0;
    }
    if (text == "never") {
        return never;
    }
    return number(text.starts_with("later=") || text.starts_with("later ") ? text.substr(6) : text);
}

std::string show_url_time(std::uint32_t time) {
    return time == 0 ? "at-once" : time == never ? "never" : "later=" + std::to_string(time);
}

using text = std::string_view;

constexpr auto entries = std::to_array<switch_entry>({
    {"list", "plain|paged|ignore",
     "plain: all cases, `limit` and `starting_after` are obeyed where given; paged: 10 at a time "
     "unless `limit` (1-100) says otherwise; ignore: always all",
     [](settings& to, text value) { to.paging = value_of(pagings, value); },
     [](const settings& from) { return name_of(pagings, from.paging); }},
    {"list-shape", "array|object", "a bare array, or {\"cases\": [...]}",
     [](settings& to, text value) { to.list_as_object = value_of(shapes, value); },
     [](const settings& from) { return name_of(shapes, from.list_as_object); }},
    {"list-framing", "chunked|length", "of lists with more than 100 cases",
     [](settings& to, text value) { to.list_chunked = value_of(framings, value); },
     [](const settings& from) { return name_of(framings, from.list_chunked); }},
    {"list-lag", "MS", "a case created from now on appears in lists only after this time",
     [](settings& to, text value) { to.list_lag_ms = number(value); },
     [](const settings& from) { return std::to_string(from.list_lag_ms); }},
    {"list-order", "newest|oldest|random", "random: by id, so that new cases land anywhere",
     [](settings& to, text value) { to.order = value_of(orders, value); },
     [](const settings& from) { return name_of(orders, from.order); }},
    {"list-echo", "yes|no", "whether lists and single reads carry case_request.referenceId",
     [](settings& to, text value) { to.list_echoes_reference = value_of(yes_no, value); },
     [](const settings& from) { return name_of(yes_no, from.list_echoes_reference); }},
    {"post-status", "200|201|202", "of a good answer to a POST",
     [](settings& to, text value) { to.post_status = value_of(statuses, value); },
     [](const settings& from) { return std::to_string(from.post_status); }},
    {"url", "at-once|later=MS|never", "when a case created from now on has its contract_url",
     [](settings& to, text value) { to.url_after_ms = url_time(value); },
     [](const settings& from) { return show_url_time(from.url_after_ms); }},
    {"read-one", "yes|no", "no: GET .../cases/{id} is 404",
     [](settings& to, text value) { to.read_one = value_of(yes_no, value); },
     [](const settings& from) { return name_of(yes_no, from.read_one); }},
    {"latency", "MS", "every answer waits this long; a case is created before the wait",
     [](settings& to, text value) { to.latency_ms = number(value); },
     [](const settings& from) { return std::to_string(from.latency_ms); }},
    {"duplicate-reference", "accept|400|409",
     "accept: a second case for a reference IS created, as with the provider, which has no "
     "idempotency",
     [](settings& to, text value) { to.duplicate = value_of(duplicate_words, value); },
     [](const settings& from) { return name_of(duplicate_words, from.duplicate); }},
    {"auto-after", "MS", "when the AUTO_... triggers of T accounts act",
     [](settings& to, text value) { to.auto_after_ms = number(value); },
     [](const settings& from) { return std::to_string(from.auto_after_ms); }},
    {"token-life", "SECONDS", "of tokens issued from now on",
     [](settings& to, text value) { to.token_life_s = number(value); },
     [](const settings& from) { return std::to_string(from.token_life_s); }},
    {"requests-per-connection", "N", "answers before the connection is closed; 0: no limit",
     [](settings& to, text value) { to.requests_per_connection_max = number(value); },
     [](const settings& from) { return std::to_string(from.requests_per_connection_max); }},
    {"idle", "MS", "after which a kept-alive connection is closed; 0: never",
     [](settings& to, text value) { to.idle_max_ms = number(value); },
     [](const settings& from) { return std::to_string(from.idle_max_ms); }},
    {"listening", "yes|no", "no: connections are refused and the open ones are closed",
     [](settings& to, text value) { to.listening = value_of(yes_no, value); },
     [](const settings& from) { return name_of(yes_no, from.listening); }},
    {"seed", "N", "of random faults",
     [](settings& to, text value) {
         to.seed = number(value);
         to.random.seed(to.seed);
     },
     [](const settings& from) { return std::to_string(from.seed); }},
    {"fault", "NAME[=VALUE]:OFTEN",
     "of POSTs; OFTEN is a probability or first=N; several are separated by commas; none: no more",
     [](settings& to, text value) { to.post_faults.plan(value); },
     [](const settings& from) { return from.post_faults.planned(); }},
    {"token-fault", "NAME[=VALUE]:OFTEN", "the same for the token endpoint",
     [](settings& to, text value) { to.token_faults.plan(value); },
     [](const settings& from) { return from.token_faults.planned(); }},
    {"list-fault", "NAME[=VALUE]:OFTEN", "the same for lists and single reads",
     [](settings& to, text value) { to.list_faults.plan(value); },
     [](const settings& from) { return from.list_faults.planned(); }},
});

}  // namespace

std::span<const switch_entry> switches() noexcept {
    return entries;
}

const switch_entry* find_switch(std::string_view name) noexcept {
    const auto named = [&](const switch_entry& entry) { return entry.name == name; };
    const auto* found = std::find_if(entries.begin(), entries.end(), named);
    return found == entries.end() ? nullptr : found;
}

}  // namespace onboardd::sandbox
