#include "control.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <cstring>
#include <stdexcept>

#include "post_body.hpp"
#include "text.hpp"

namespace onboardd::sandbox {
namespace {

using asio::ip::tcp;
namespace json = boost::json;

constexpr auto quietly = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t duplicated_shown_max = 10'000;
constexpr std::uint64_t references_shown_max = 10'000;
constexpr std::int64_t preloaded_max = 1'000'000;

json::string_view json_view(std::string_view text) {
    return {text.data(), text.size()};
}

json::object parse_object(std::string_view text) {
    json::error_code ec;
    auto parsed = json::parse(json_view(text), ec);
    if (ec || !parsed.is_object()) {
        throw std::invalid_argument("the body must be a JSON object");
    }
    return std::move(parsed.as_object());
}

template <class Counts>
json::object to_json(const Counts& counts) {
    json::object all;
    for (const auto& [name, count] : counts) {
        all[name] = count;
    }
    return all;
}

// As it would stand on the command line.
std::string setting_text(const json::value& value) {
    if (value.is_string()) {
        return std::string(std::string_view(value.as_string()));
    }
    if (value.is_bool()) {
        return value.as_bool() ? "yes" : "no";
    }
    if (value.is_array()) {
        std::string all;
        for (const auto& one : value.as_array()) {
            all += (all.empty() ? "" : ",") + setting_text(one);
        }
        return all;
    }
    return json::serialize(value);
}

void append_request(std::string& to, const stored_request& one) {
    to += "{\"status\":";
    append_number(to, one.status);
    to += ",\"fault\":";
    append_json_string(to, one.fault->name);
    to += ",\"body\":";
    append_json_string(to, one.body);
    to += '}';
}

std::string text_member(const json::object& in, std::string_view name) {
    const auto* found = in.if_contains(json_view(name));
    return found != nullptr && found->is_string()
               ? std::string(std::string_view(found->as_string()))
               : std::string();
}

}  // namespace

void control::open(const tcp::endpoint& at) {
    acceptor_.open(at.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(at);
    acceptor_.listen();
    asio::co_spawn(loop_, accept(), asio::detached);
}

asio::awaitable<void> control::accept() {
    while (acceptor_.is_open()) {
        auto [ec, socket] = co_await acceptor_.async_accept(quietly);
        if (!ec) {
            asio::co_spawn(loop_, serve(std::move(socket)), asio::detached);
        }
    }
}

asio::awaitable<void> control::serve(tcp::socket socket) {
    std::string in;
    bool open = true;
    while (open) {
        request_reader request;
        error_code bad;
        while (!request.is_done() && !bad) {
            in.erase(0, request.feed(in, bad));
            if (request.is_done() || bad) {
                break;
            }
            std::array<char, 16 * 1024> part;
            const auto space = asio::buffer(part);
            const auto [ec, got] = co_await socket.async_read_some(space, quietly);
            if (ec) {
                co_return;
            }
            in.append(part.data(), got);
        }
        auto what = bad ? error_reply(400, "the request is no HTTP") : answer(request);
        what.closes = bad.failed() || !request.keep_alive();
        std::string out;
        append_whole(out, what);
        const auto all = asio::buffer(out);
        const auto [ec, sent] = co_await asio::async_write(socket, all, quietly);
        open = !ec && !what.closes;
    }
}

reply control::answer(const request_reader& request) {
    try {
        return request.method == "POST" ? answer_post(request) : answer_get(request);
    } catch (const std::exception& ex) {
        return error_reply(400, ex.what());
    }
}

reply control::answer_get(const request_reader& request) {
    reply good;
    if (request.path() == "/summary") {
        good.body = summary();
    } else if (request.path() == "/cases") {
        good.body = cases(request.query());
    } else if (request.path() == "/requests") {
        good.body = requests(request.query());
    } else if (request.path() == "/references") {
        good.body = references(request.query());
    } else if (request.path() == "/snapshot") {
        good.body = snapshot();
    } else if (request.path() == "/settings") {
        good.body = show_settings();
    } else {
        return error_reply(404, "the control port has no such page");
    }
    return good;
}

reply control::answer_post(const request_reader& request) {
    reply good;
    good.body = "{}";
    if (request.path() == "/settings") {
        change_settings(request.body);
        good.body = show_settings();
    } else if (request.path() == "/script") {
        read_scripts(request.body, server_.the_world().how.scripts);
    } else if (request.path() == "/status") {
        change_status(request.body);
    } else if (request.path() == "/preload") {
        preload(request.body);
    } else if (request.path() == "/revoke") {
        server_.the_world().tokens.revoke_all();
    } else if (request.path() == "/disconnect") {
        server_.close_connections();
    } else if (request.path() == "/reset") {
        forget();
    } else if (request.path() == "/load") {
        load(request.body);
    } else {
        return error_reply(404, "the control port has no such page");
    }
    return good;
}

std::string control::summary() const {
    const auto& the_world = server_.the_world();
    const auto& counts = the_world.counts;
    json::object all;
    all["cases"] = the_world.store.cases();
    all["references"] = the_world.store.distinct_references();
    all["duplicated"] = the_world.store.duplicated().size();
    auto& shown = all["duplicated_references"].emplace_array();
    for (const auto* record : the_world.store.duplicated()) {
        if (shown.size() < duplicated_shown_max) {
            shown.push_back(json::value{{"account", json_view(record->account)},
                                        {"reference", json_view(record->reference)},
                                        {"cases", record->cases}});
        }
    }
    all["posts_by_status"] = to_json(counts.posts_by_status);
    all["token_requests_by_status"] = to_json(counts.token_requests_by_status);
    all["tokens_issued"] = to_json(the_world.tokens.issued());
    all["faults_played"] = to_json(counts.faults_played);
    all["lists_served"] = counts.lists_served;
    all["reads_served"] = counts.reads_served;
    all["requests"] = counts.requests;
    all["requests_cut"] = counts.requests_cut;
    all["elsewhere"] = counts.elsewhere;
    all["in_flight"] = counts.in_flight;
    all["in_flight_max"] = counts.in_flight_max;
    all["connections_accepted"] = counts.connections_accepted;
    all["connections_open"] = counts.connections_open;
    all["connections_open_max"] = counts.connections_open_max;
    all["handshakes_failed"] = counts.handshakes_failed;
    return json::serialize(all);
}

std::string control::cases(std::string_view query) const {
    const auto& the_world = server_.the_world();
    std::string account;
    std::string reference;
    const bool one = query_value(query, "account", account);
    query_value(query, "reference", reference);
    const auto now = wall_now_ms();
    std::string all = "[";
    for (const auto name : the_world.store.accounts()) {
        const auto* record = the_world.store.find_reference(name, reference);
        if (record == nullptr || (one && name != account)) {
            continue;
        }
        for (const auto index : the_world.store.cases_of(*record)) {
            all += all.size() == 1 ? "" : ",";
            the_world.store.append_json(all, index, now);
        }
    }
    return all + "]";
}

std::string control::requests(std::string_view query) const {
    const auto& store = server_.the_world().store;
    std::string account;
    std::string reference;
    const bool one = query_value(query, "account", account);
    query_value(query, "reference", reference);
    std::uint64_t count = 0;
    std::string kept = "[";
    const auto add = [&](const reference_record& record) {
        count += record.requests;
        for (auto at = record.first_request; at != nothing; at = store.request(at).next) {
            if (!store.request(at).body.empty()) {
                kept += kept.size() == 1 ? "" : ",";
                append_request(kept, store.request(at));
            }
        }
    };
    if (one) {
        if (const auto* record = store.find_reference(account, reference)) {
            add(*record);
        }
    } else {
        store.for_each_reference([&](const reference_record& record) {
            if (record.reference == reference) {
                add(record);
            }
        });
    }
    return "{\"count\":" + std::to_string(count) + ",\"requests\":" + kept + "]}";
}

std::string control::references(std::string_view query) const {
    std::string account;
    std::string after;
    const bool one = query_value(query, "account", account);
    const auto skipped = query_value(query, "after", after) ? std::stoull(after) : 0;
    std::uint64_t number = 0;
    std::string all = "[";
    server_.the_world().store.for_each_reference([&](const reference_record& record) {
        if (one && record.account != account) {
            return;
        }
        if (++number <= skipped || number > skipped + references_shown_max) {
            return;
        }
        all += all.size() == 1 ? "{\"account\":" : ",{\"account\":";
        append_json_string(all, record.account);
        all += ",\"reference\":";
        append_json_string(all, record.reference);
        all += ",\"cases\":" + std::to_string(record.cases);
        all += ",\"requests\":" + std::to_string(record.requests) + "}";
    });
    return all + "]";
}

std::string control::snapshot() const {
    const auto& store = server_.the_world().store;
    std::string all = "[";
    for (std::uint32_t index = 0; index < store.cases(); ++index) {
        all += all.size() == 1 ? "" : ",";
        store.append_snapshot(all, index);
    }
    return all + "]";
}

std::string control::show_settings() const {
    json::object all;
    for (const auto& entry : switches()) {
        all[json_view(entry.name)] = entry.show(server_.the_world().how);
    }
    return json::serialize(all);
}

void control::change_settings(std::string_view text) {
    auto& how = server_.the_world().how;
    auto changed = how;
    for (const auto& member : parse_object(text)) {
        const std::string_view name(member.key().data(), member.key().size());
        const auto* entry = find_switch(name);
        if (entry == nullptr) {
            throw std::invalid_argument("there is no switch '" + std::string(name) + "'");
        }
        entry->set(changed, setting_text(member.value()));
    }
    how = std::move(changed);
    server_.apply_listening();
}

void control::change_status(std::string_view text) {
    auto& store = server_.the_world().store;
    const auto wanted = parse_object(text);
    const auto account = text_member(wanted, "account");
    auto index = store.find(account, text_member(wanted, "id"));
    if (index == nothing) {
        const auto* record = store.find_reference(account, text_member(wanted, "reference"));
        index = record == nullptr ? nothing : record->last_case;
    }
    if (index == nothing || text_member(wanted, "case_status").empty()) {
        throw std::invalid_argument("no such case, or no case_status");
    }
    store.change_status(index, text_member(wanted, "case_status"), wall_now_ms());
}

// Cases of an earlier life, without a POST for each.
void control::preload(std::string_view text) {
    auto& the_world = server_.the_world();
    auto wanted = parse_object(text);
    const auto account = text_member(wanted, "account");
    const auto prefix = text_member(wanted, "reference");
    auto* body = wanted.if_contains("case");
    const auto count = wanted.contains("count") ? wanted.at("count").to_number<std::int64_t>() : 1;
    if (account.empty() || prefix.empty() || body == nullptr || !body->is_object() || count < 0 ||
        count > preloaded_max) {
        throw std::invalid_argument("account, reference, case and a count are needed");
    }
    auto& asked = body->as_object()["case_request"];
    if (!asked.is_object()) {
        asked.emplace_object();
    }
    for (std::int64_t number = 0; number < count; ++number) {
        const auto reference = prefix + std::to_string(number);
        asked.as_object()["referenceId"] = reference;
        const auto request = json::serialize(*body);
        new_case from;
        from.account = account;
        from.client = "preload";
        from.reference = reference;
        from.body = request;
        from.request = the_world.store.note_request(account, reference, request, no_fault().kind);
        the_world.store.create(from, the_world.how, wall_now_ms());
    }
}

void control::forget() {
    auto& the_world = server_.the_world();
    const auto open = the_world.counts.connections_open;
    const auto in_flight = the_world.counts.in_flight;
    the_world.store.clear();
    the_world.tokens.revoke_all();
    the_world.tokens.forget_counts();
    the_world.how.scripts.clear();
    the_world.how.random.seed(the_world.how.seed);
    the_world.counts = statistics();
    the_world.counts.connections_open = the_world.counts.connections_open_max = open;
    the_world.counts.in_flight = the_world.counts.in_flight_max = in_flight;
    ++the_world.generation;
}

void control::load(std::string_view text) {
    const auto cases = json::parse(json_view(text));
    forget();
    auto& the_world = server_.the_world();
    for (const auto& told : cases.as_array()) {
        const auto& one = told.as_object();
        const auto account = text_member(one, "account");
        const auto client = text_member(one, "client");
        const auto body = text_member(one, "body");
        const auto read = read_post_body(body);
        new_case from;
        from.account = account;
        from.client = client;
        from.reference = read.reference;
        from.body = body;
        from.echoed = read.echoed;
        from.auto_status = account[0] == 'T' ? read.auto_status : std::string_view();
        from.request = the_world.store.note_request(account, read.reference, body, no_fault().kind);
        the_world.store.create_again(from, the_world.how, text_member(one, "id"),
                                     one.at("created_ms").to_number<std::int64_t>());
    }
}

}  // namespace onboardd::sandbox
