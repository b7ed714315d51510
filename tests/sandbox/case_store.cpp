#include "case_store.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "text.hpp"

namespace onboardd::sandbox {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t block_bytes = 1 << 20;
constexpr std::uint32_t kept_bodies_max = 20;  // of one reference, besides those that made a case

constexpr std::string_view first_status = "WAITING_FOR_DECLARATION";

// The members between the outer braces.
std::string_view inner(std::string_view object) {
    const auto open = object.find('{');
    const auto close = object.rfind('}');
    return object.substr(open + 1, close - open - 1);
}

std::uint32_t mix(std::uint64_t value) {
    return static_cast<std::uint32_t>((value * 0x9E3779B97F4A7C15ULL) >> 32);
}

void append_hex(std::string& to, std::uint64_t value, int from, int digits) {
    constexpr std::string_view all = "0123456789abcdef";
    for (int at = from; at < from + digits; ++at) {
        to += all[(value >> (60 - 4 * at)) & 15];
    }
}

bool parse_id(std::string_view text, std::array<std::uint64_t, 2>& id) {
    std::size_t digits = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (at == 8 || at == 13 || at == 18 || at == 23) {
            if (text[at] != '-') {
                return false;
            }
            continue;
        }
        const auto digit = std::string_view("0123456789abcdef").find(text[at]);
        if (digit == std::string_view::npos || digits == 32) {
            return false;
        }
        id[digits / 16] = (id[digits / 16] << 4) | digit;
        ++digits;
    }
    return digits == 32 && text.size() == 36;
}

std::string without_reference(std::string_view body) {
    auto parsed = boost::json::parse(boost::json::string_view(body.data(), body.size()));
    if (auto* request = parsed.as_object()["case_request"].if_object()) {
        request->erase("referenceId");
    }
    return boost::json::serialize(parsed);
}

}  // namespace

struct case_store::event {
    std::int64_t at_ms;
    std::string_view name;
    std::string_view status;
    bool has_created;
    bool has_url;
};

std::string_view text_arena::keep(std::string_view text) {
    if (text.size() > left_) {
        left_ = std::max(block_bytes, text.size());
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
        free_ = blocks_.back().get();
    }
    std::memcpy(free_, text.data(), text.size());
    const std::string_view kept(free_, text.size());
    free_ += text.size();
    left_ -= text.size();
    return kept;
}

void text_arena::clear() {
    blocks_.clear();
    free_ = nullptr;
    left_ = 0;
}

// Ids differ from run to run: a client must never meet an old id again after the sandbox was
// started afresh.
case_store::case_store() : random_(std::random_device()()) {}

reference_record& case_store::record_of(std::string_view account, std::string_view reference) {
    thread_local std::string key;
    key.assign(account).append("/").append(reference);
    const auto found = references_.find(key);
    if (found != references_.end()) {
        return found->second;
    }
    const auto kept = texts_.keep(key);
    auto& record = references_[kept];
    record.account = kept.substr(0, account.size());
    record.reference = kept.substr(account.size() + 1);
    return record;
}

std::uint32_t case_store::note_request(std::string_view account, std::string_view reference,
                                       std::string_view body, const fault_kind* fault) {
    const auto index = static_cast<std::uint32_t>(requests_.size());
    auto& noted = requests_.emplace_back();
    noted.fault = fault;
    auto& record = record_of(account, reference);
    if (record.requests < kept_bodies_max) {
        noted.body = texts_.keep(body);
    }
    ++record.requests;
    if (record.last_request == nothing) {
        record.first_request = index;
    } else {
        requests_[record.last_request].next = index;
    }
    record.last_request = index;
    return index;
}

void case_store::note_answer(std::uint32_t request, unsigned status) {
    if (request < requests_.size()) {
        requests_[request].status = static_cast<std::uint16_t>(status);
    }
}

std::uint32_t case_store::create(const new_case& from, const settings& how, std::int64_t now_ms) {
    const auto index = static_cast<std::uint32_t>(cases_.size());
    auto& made = cases_.emplace_back();
    made.id = make_id(index);
    made.created_ms = now_ms;
    made.created_steady_ns = std::chrono::steady_clock::now().time_since_epoch() / 1ns;
    made.request = from.request;
    made.url_after_ms = how.url_after_ms;
    made.visible_after_ms = how.list_lag_ms;
    made.auto_after_ms = how.auto_after_ms;
    made.auto_status = from.auto_status;
    made.account = account_number(from.account);
    made.creator = creator_number(from.client);
    accounts_[made.account].cases.push_back(index);

    auto& request = requests_[from.request];
    if (request.body.empty()) {
        request.body = texts_.keep(from.body);
    }
    if (!from.echoed.empty()) {
        echoed_[index] = texts_.keep(from.echoed);
    }
    if (from.reference.empty()) {
        return index;
    }
    auto& record = record_of(from.account, from.reference);
    ++record.cases;
    distinct_ += record.cases == 1 ? 1 : 0;
    if (record.cases == 2) {
        duplicated_.push_back(&record);
    }
    (record.last_case == nothing ? record.first_case : cases_[record.last_case].next) = index;
    record.last_case = index;
    return index;
}

std::uint32_t case_store::create_again(const new_case& from, const settings& how,
                                       std::string_view id, std::int64_t created_ms) {
    std::array<std::uint64_t, 2> same{};
    const auto next = static_cast<std::uint32_t>(cases_.size());
    if (!parse_id(id, same) || (static_cast<std::uint32_t>(same[1]) ^ mix(same[0])) != next) {
        throw std::invalid_argument("case " + std::string(id) + " is not the next one");
    }
    const auto index = create(from, how, created_ms);
    cases_[index].id = same;
    return index;
}

void case_store::append_snapshot(std::string& to, std::uint32_t index) const {
    const auto& one = cases_[index];
    to += "{\"account\":";
    append_json_string(to, accounts_[one.account].name);
    to += ",\"client\":" + creators_[one.creator] + R"(,"id":")";
    append_id(to, one);
    to += R"(","created_ms":)" + std::to_string(one.created_ms);
    to += ",\"created_steady_ns\":" + std::to_string(one.created_steady_ns) + ",\"body\":";
    append_json_string(to, requests_[one.request].body);
    to += '}';
}

void case_store::change_status(std::uint32_t index, std::string_view status, std::int64_t now_ms) {
    changes_[index].push_back({now_ms, std::string(status)});
}

// A version 4 UUID that carries the case's number, so that no table from ids to cases is needed.
std::array<std::uint64_t, 2> case_store::make_id(std::uint32_t index) {
    const auto high = (random_() & ~0xF000ULL) | 0x4000ULL;
    const auto filler = (random_() & 0x3FFF'FFFFULL) << 32;
    return {high, 0x8000'0000'0000'0000ULL | filler | (index ^ mix(high))};
}

std::uint32_t case_store::find(std::string_view account, std::string_view id) const {
    std::array<std::uint64_t, 2> wanted{};
    if (!parse_id(id, wanted)) {
        return nothing;
    }
    const auto index = static_cast<std::uint32_t>(wanted[1]) ^ mix(wanted[0]);
    const bool same = index < cases_.size() && cases_[index].id == wanted &&
                      accounts_[cases_[index].account].name == account;
    return same ? index : nothing;
}

const reference_record* case_store::find_reference(std::string_view account,
                                                   std::string_view reference) const {
    std::string key(account);
    const auto found = references_.find(key.append("/").append(reference));
    return found == references_.end() ? nullptr : &found->second;
}

std::vector<std::uint32_t> case_store::cases_of(const reference_record& record) const {
    std::vector<std::uint32_t> all;
    for (auto index = record.first_case; index != nothing; index = cases_[index].next) {
        all.push_back(index);
    }
    return all;
}

std::vector<std::string_view> case_store::accounts() const {
    std::vector<std::string_view> names;
    for (const auto& account : accounts_) {
        names.push_back(account.name);
    }
    return names;
}

std::uint16_t case_store::account_number(std::string_view name) {
    const auto* found = find_account(name);
    if (found != nullptr) {
        return static_cast<std::uint16_t>(found - accounts_.data());
    }
    accounts_.emplace_back().name = name;
    return static_cast<std::uint16_t>(accounts_.size() - 1);
}

std::uint16_t case_store::creator_number(std::string_view client) {
    std::string quoted;
    append_json_string(quoted, client);
    const auto found = std::find(creators_.begin(), creators_.end(), quoted);
    if (found != creators_.end()) {
        return static_cast<std::uint16_t>(found - creators_.begin());
    }
    creators_.push_back(std::move(quoted));
    return static_cast<std::uint16_t>(creators_.size() - 1);
}

const case_store::account_cases* case_store::find_account(std::string_view name) const {
    const auto named = [&](const account_cases& account) { return account.name == name; };
    const auto found = std::find_if(accounts_.begin(), accounts_.end(), named);
    return found == accounts_.end() ? nullptr : &*found;
}

const std::vector<std::uint32_t>& case_store::by_id(const account_cases& account) const {
    if (account.by_id.size() != account.cases.size()) {
        account.by_id = account.cases;
        std::sort(account.by_id.begin(), account.by_id.end(),
                  [&](auto one, auto other) { return cases_[one].id < cases_[other].id; });
    }
    return account.by_id;
}

bool case_store::visible(const stored_case& one, const list_query& query,
                         std::int64_t now_ms) const {
    const auto age = now_ms - one.created_ms;
    return age >= one.visible_after_ms && age >= query.younger_than_ms;
}

std::vector<std::uint32_t> case_store::list(std::string_view account, const list_query& query,
                                            std::int64_t now_ms) const {
    std::vector<std::uint32_t> part;
    const auto* from = find_account(account);
    if (from == nullptr) {
        return part;
    }
    const auto take = [&](std::uint32_t index) {
        if (visible(cases_[index], query, now_ms)) {
            part.push_back(index);
        }
        return part.size() < query.count_max;
    };
    const bool whole = query.after == nothing;
    if (query.order == list_order::newest) {
        const auto& all = from->cases;
        auto at = whole ? all.end() : std::lower_bound(all.begin(), all.end(), query.after);
        while (at != all.begin() && take(*--at)) {
        }
        return part;
    }
    const auto& all = query.order == list_order::random ? by_id(*from) : from->cases;
    auto at = all.begin();
    if (!whole && query.order == list_order::random) {
        at = std::upper_bound(all.begin(), all.end(), query.after, [&](auto one, auto other) {
            return cases_[one].id < cases_[other].id;
        });
    } else if (!whole) {
        at = std::upper_bound(all.begin(), all.end(), query.after);
    }
    while (at != all.end() && take(*at)) {
        ++at;
    }
    return part;
}

void case_store::append_id(std::string& to, const stored_case& one) const {
    append_hex(to, one.id[0], 0, 8);
    to += '-';
    append_hex(to, one.id[0], 8, 4);
    to += '-';
    append_hex(to, one.id[0], 12, 4);
    to += '-';
    append_hex(to, one.id[1], 0, 4);
    to += '-';
    append_hex(to, one.id[1], 4, 12);
}

void case_store::append_members(std::string& to, std::uint32_t index, bool with_reference) const {
    const auto replaced = echoed_.find(index);
    const auto body =
        replaced == echoed_.end() ? requests_[cases_[index].request].body : replaced->second;
    if (with_reference) {
        to += inner(body);
    } else {
        to += inner(without_reference(body));
    }
}

// Time makes the events: nothing runs in the background, a case is looked at when it is shown.
std::vector<case_store::event> case_store::events_of(std::uint32_t index,
                                                     std::int64_t now_ms) const {
    const auto& one = cases_[index];
    std::vector<event> events;
    const bool at_once = one.url_after_ms == 0;
    events.push_back({one.created_ms, "case_created", first_status, true, at_once});
    if (!at_once && one.url_after_ms != never) {
        events.push_back({one.created_ms + one.url_after_ms, "case_updated", "", true, true});
    }
    if (!one.auto_status.empty()) {
        events.push_back(
            {one.created_ms + one.auto_after_ms, "case_updated", one.auto_status, false, false});
    }
    if (const auto found = changes_.find(index); found != changes_.end()) {
        for (const auto& change : found->second) {
            events.push_back({change.at_ms, "case_updated", change.status, false, false});
        }
    }
    std::stable_sort(events.begin(), events.end(),
                     [](const event& a, const event& b) { return a.at_ms < b.at_ms; });
    std::erase_if(events, [&](const event& later) { return later.at_ms > now_ms; });
    return events;
}

void case_store::append_event(std::string& to, std::uint32_t index, unsigned number,
                              const event& one) const {
    to += "{\"id\":";
    append_number(to, number);
    to += R"(,"request_id":"req-)";
    append_number(to, cases_[index].request + 1U);
    to.append(R"(","event":")").append(one.name).append(R"(","created_at":")");
    append_time(to, one.at_ms);
    to += '"';
    if (!one.status.empty()) {
        to += ",\"case_status\":";
        append_json_string(to, one.status);
    }
    if (one.has_created) {
        to += R"(,"created":{"case_id":"c-)";
        append_number(to, index + 1U);
        to += '"';
        if (one.has_url) {
            to += R"(,"contract_url":"https://kyc.sandbox.test/contract/c-)";
            append_number(to, index + 1U);
            to += '"';
        }
        to += '}';
    }
    to += '}';
}

void case_store::append_events(std::string& to, std::uint32_t index, std::int64_t now_ms) const {
    unsigned number = 0;
    std::int64_t updated_ms = 0;
    to += ",\"events\":[";
    for (const auto& one : events_of(index, now_ms)) {
        to += number == 0 ? "" : ",";
        append_event(to, index, ++number, one);
        updated_ms = one.at_ms;
    }
    to += R"(],"updated_at":")";
    append_time(to, updated_ms);
    to += '"';
}

void case_store::append_json(std::string& to, std::uint32_t index, std::int64_t now_ms,
                             bool with_reference) const {
    const auto& one = cases_[index];
    to += '{';
    append_members(to, index, with_reference);
    to += R"(,"account_id":")";
    to += accounts_[one.account].name;
    to += '"';
    append_events(to, index, now_ms);
    to += R"(,"id":")";
    append_id(to, one);
    to += R"(","created_at":")";
    append_time(to, one.created_ms);
    to.append(R"(","created_by":)").append(creators_[one.creator]).append("}");
}

void case_store::clear() {
    cases_.clear();
    requests_.clear();
    references_.clear();
    duplicated_.clear();
    distinct_ = 0;
    accounts_.clear();
    changes_.clear();
    echoed_.clear();
    texts_.clear();
}

}  // namespace onboardd::sandbox
