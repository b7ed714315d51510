#include "fault.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <stdexcept>

namespace onboardd::sandbox {
namespace {

constexpr unsigned anywhere = on_post | on_token | on_list;

// Named as a user would say them; without "-after" nothing is created, unless the help says so.
constexpr auto catalogue = std::to_array<fault_kind>({
    {"ok", anywhere, effect::once, content::good, delivery::whole, 0, 0, "no fault"},

    {"refuse", on_post, effect::none, content::error, delivery::whole, 400, 0, "400 with errors[]"},
    {"401", anywhere, effect::none, content::error, delivery::whole, 401, 0, ""},
    {"403", anywhere, effect::none, content::error, delivery::whole, 403, 0, ""},
    {"404", anywhere, effect::none, content::error, delivery::whole, 404, 0, ""},
    {"409", anywhere, effect::none, content::error, delivery::whole, 409, 0, ""},
    {"429-seconds", anywhere, effect::none, content::error_retry_seconds, delivery::whole, 429, 1,
     "Retry-After: VALUE"},
    {"429-date", anywhere, effect::none, content::error_retry_date, delivery::whole, 429, 1,
     "Retry-After: the date in VALUE seconds"},
    {"503-seconds", anywhere, effect::none, content::error_retry_seconds, delivery::whole, 503, 1,
     "Retry-After: VALUE"},
    {"503-date", anywhere, effect::none, content::error_retry_date, delivery::whole, 503, 1,
     "Retry-After: the date in VALUE seconds"},
    {"500-before", anywhere, effect::none, content::error, delivery::whole, 500, 0,
     "500, nothing created"},
    {"500-after", on_post, effect::once, content::error, delivery::whole, 500, 0,
     "creates, answers 500"},
    {"status-before", anywhere, effect::none, content::error, delivery::whole, 0, 502,
     "answers status VALUE"},
    {"status-after", on_post, effect::once, content::error, delivery::whole, 0, 504,
     "creates, answers status VALUE"},
    {"html-500", anywhere, effect::none, content::html, delivery::whole, 500, 0,
     "an HTML page instead of JSON"},
    {"html-500-after", on_post, effect::once, content::html, delivery::whole, 500, 0, "creates"},
    {"html-200", anywhere, effect::none, content::html, delivery::whole, 200, 0, ""},
    {"html-200-after", on_post, effect::once, content::html, delivery::whole, 200, 0, "creates"},
    {"redirect-302", anywhere, effect::none, content::redirect, delivery::whole, 302, 0,
     "to a path outside of the API, under another host name"},
    {"redirect-307", anywhere, effect::none, content::redirect, delivery::whole, 307, 0, ""},
    {"redirect-308", anywhere, effect::none, content::redirect, delivery::whole, 308, 0, ""},
    {"no-id", on_post, effect::once, content::no_id, delivery::whole, 0, 0,
     "creates, 2xx without the id"},
    {"not-json", anywhere, effect::once, content::broken_json, delivery::whole, 0, 0,
     "creates, 2xx with broken JSON"},
    {"twice", on_post, effect::twice, content::good, delivery::whole, 0, 0, "creates two cases"},

    {"cut-before-read", anywhere, effect::none, content::good, delivery::cut_unread, 0, 0,
     "closes without reading the request whole"},
    {"cut-before-create", on_post, effect::none, content::good, delivery::cut, 0, 0,
     "reads the request, closes"},
    {"cut-after-create", on_post, effect::once, content::good, delivery::cut, 0, 0,
     "creates, closes"},
    {"cut-mid-answer", anywhere, effect::once, content::good, delivery::cut, 0, half,
     "creates, sends VALUE bytes (half), closes"},
    {"reset-before-create", anywhere, effect::none, content::good, delivery::reset, 0, 0,
     "reads the request, RST"},
    {"reset-after-create", on_post, effect::once, content::good, delivery::reset, 0, 0,
     "creates, RST"},
    {"reset-mid-answer", anywhere, effect::once, content::good, delivery::reset, 0, half,
     "creates, sends VALUE bytes (half), RST"},
    {"truncated-tls", anywhere, effect::once, content::good, delivery::truncated, 0, half,
     "creates, sends VALUE bytes (half), ends TCP without close_notify"},
    {"stall", anywhere, effect::once, content::good, delivery::stalled, 0, 0,
     "creates, never answers"},
    {"stall-before", on_post, effect::none, content::good, delivery::stalled, 0, 0,
     "creates nothing, never answers"},
    {"stall-mid-answer", anywhere, effect::once, content::good, delivery::stalled, 0, half,
     "creates, sends VALUE bytes (half), then nothing"},
    {"late-create", on_post, effect::late, content::good, delivery::cut, 0, 0,
     "closes at once, creates after VALUE ms"},
    {"garbage", anywhere, effect::none, content::good, delivery::garbage, 0, 0,
     "bytes that are not HTTP"},
    {"garbage-after", on_post, effect::once, content::good, delivery::garbage, 0, 0, "creates"},
    {"close", anywhere, effect::once, content::good, delivery::last, 0, 0,
     "Connection: close after a good answer"},
    {"no-length", anywhere, effect::once, content::good, delivery::unframed, 201, 0,
     "201 framed only by the end of the connection"},
    {"chunked", anywhere, effect::once, content::good, delivery::chunked, 0, 0,
     "a good answer in chunks"},
    {"two-lengths", anywhere, effect::once, content::good, delivery::two_lengths, 0, 0,
     "two Content-Length headers"},
    {"surplus", anywhere, effect::once, content::good, delivery::surplus, 0, 0,
     "bytes behind a good answer"},
    {"oversized", anywhere, effect::once, content::good, delivery::oversized, 0, 16 << 20,
     "a body of VALUE bytes"},
    {"slow-drip", anywhere, effect::once, content::good, delivery::dripping, 0, 100,
     "one byte every VALUE ms"},
    {"100-continue", anywhere, effect::once, content::good, delivery::after_100, 0, 1,
     "VALUE times 100 before a good answer"},
    {"103s", anywhere, effect::once, content::good, delivery::after_103s, 0, 3,
     "VALUE times 103 before a good answer"},
    {"101", anywhere, effect::once, content::good, delivery::switching, 0, 0, "creates"},

    {"expires-in", on_token, effect::once, content::token_expires, delivery::whole, 0, 0,
     "a good token whose expires_in says VALUE"},
    {"expires-in-string", on_token, effect::once, content::token_expires_string, delivery::whole, 0,
     0, "expires_in is \"14400\""},
    {"expires-in-absent", on_token, effect::once, content::token_expires_absent, delivery::whole, 0,
     0, ""},
    {"no-token", on_token, effect::once, content::token_absent, delivery::whole, 0, 0,
     "200 without access_token"},
    {"stale", on_list, effect::once, content::list_stale, delivery::whole, 0, 60'000,
     "cases younger than VALUE ms are missing"},
    {"empty", on_list, effect::once, content::list_empty, delivery::whole, 0, 0, "an empty list"},
});

// Short names that read better beside --token-fault and --list-fault.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> other_names{{
    {"429", "429-seconds"},
    {"500", "500-before"},
    {"503", "503-seconds"},
    {"cut", "cut-mid-answer"},
    {"html", "html-200"},
}};

template <class Number>
Number parse_number(std::string_view text, const char* what) {
    Number number{};
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc() || end != text.data() + text.size()) {
        throw std::invalid_argument("'" + std::string(text) + "' is no " + what);
    }
    return number;
}

const fault_kind* find_kind(std::string_view name, endpoint where) {
    for (const auto& [other, official] : other_names) {
        name = name == other ? official : name;
    }
    const auto known = [&](const fault_kind& kind) {
        return kind.name == name && (kind.where & where) != 0;
    };
    const auto* found = std::find_if(catalogue.begin(), catalogue.end(), known);
    return found == catalogue.end() ? nullptr : found;
}

}  // namespace

std::span<const fault_kind> fault_catalogue() noexcept {
    return catalogue;
}

fault no_fault() noexcept {
    return {&catalogue.front(), 0};
}

fault parse_fault(std::string_view text, endpoint where) {
    const auto equals = text.find('=');
    const auto* kind = find_kind(text.substr(0, equals), where);
    if (kind == nullptr) {
        throw std::invalid_argument("'" + std::string(text) + "' is no fault of this endpoint");
    }
    if (equals == std::string_view::npos) {
        return {kind, kind->value};
    }
    return {kind, parse_number<std::int64_t>(text.substr(equals + 1), "whole number")};
}

void fault_plan::plan(std::string_view text) {
    fault_plan fresh(where_);
    fresh.text_ = text;
    while (!text.empty() && text != "none") {
        const auto comma = text.find(',');
        fresh.add(text.substr(0, comma));
        text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
    }
    *this = std::move(fresh);
}

void fault_plan::add(std::string_view entry) {
    const auto colon = entry.find(':');
    const auto what = parse_fault(entry.substr(0, colon), where_);
    const auto often = colon == std::string_view::npos ? "1" : entry.substr(colon + 1);
    if (often.starts_with("first=")) {
        first_.push_back({what, parse_number<std::uint64_t>(often.substr(6), "count")});
        return;
    }
    const auto probability = parse_number<double>(often, "probability or first=N");
    if (!(probability >= 0 && probability <= 1)) {
        throw std::invalid_argument("a probability is from 0 to 1: " + std::string(entry));
    }
    chances_.push_back({what, probability});
}

fault fault_plan::next(std::mt19937_64& random) {
    while (!first_.empty()) {
        if (first_.front().left > 0) {
            --first_.front().left;
            return first_.front().what;
        }
        first_.pop_front();
    }
    if (chances_.empty()) {
        return no_fault();
    }
    double dice = std::uniform_real_distribution<double>()(random);
    for (const auto& one : chances_) {
        if (dice < one.probability) {
            return one.what;
        }
        dice -= one.probability;
    }
    return no_fault();
}

fault_scripts::scripts::const_iterator fault_scripts::find(std::string_view account,
                                                           std::string_view reference) const {
    if (scripts_.empty()) {
        return scripts_.end();
    }
    const auto found = scripts_.find(reference);
    if (found != scripts_.end()) {
        return found;
    }
    return scripts_.find(std::string(account) + "/" + std::string(reference));
}

std::optional<fault> fault_scripts::peek(std::string_view account,
                                         std::string_view reference) const {
    const auto found = find(account, reference);
    if (found == scripts_.end()) {
        return std::nullopt;
    }
    return found->second.empty() ? no_fault() : found->second.front();
}

std::optional<fault> fault_scripts::next(std::string_view account, std::string_view reference) {
    const auto found = find(account, reference);
    if (found == scripts_.end()) {
        return std::nullopt;
    }
    auto& left = scripts_.find(found->first)->second;
    if (left.empty()) {
        return no_fault();
    }
    const auto what = left.front();
    left.pop_front();
    return what;
}

void read_scripts(std::string_view json, fault_scripts& scripts) {
    boost::json::error_code ec;
    const auto parsed = boost::json::parse(boost::json::string_view(json.data(), json.size()), ec);
    if (ec || !parsed.is_object()) {
        throw std::invalid_argument(R"(a script is {"reference": ["fault", ...]})");
    }
    fault_scripts fresh = scripts;
    for (const auto& member : parsed.as_object()) {
        std::deque<fault> faults;
        if (!member.value().is_array()) {
            throw std::invalid_argument("the faults of a reference are an array");
        }
        for (const auto& name : member.value().as_array()) {
            if (!name.is_string()) {
                throw std::invalid_argument("a fault is a string");
            }
            faults.push_back(parse_fault(std::string_view(name.as_string()), on_post));
        }
        fresh.set(std::string(member.key()), std::move(faults));
    }
    scripts = std::move(fresh);
}

}  // namespace onboardd::sandbox
