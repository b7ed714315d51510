#include "support/fake_provider.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <cctype>

namespace onboardd::test {
namespace {

namespace json = boost::json;

http::failure lost(http::progress reached, http::phase step) {
    http::failure failure;
    failure.ec = asio::error::connection_reset;
    failure.reached = reached;
    failure.step = step;
    return failure;
}

http::response status_answer(unsigned status,
                             std::string body = R"({"error":{"message":"no","code":"nope"}})") {
    http::response answer;
    answer.status = status;
    answer.body = std::move(body);
    return answer;
}

}  // namespace

class fake_connection final : public http::connection {
public:
    explicit fake_connection(fake_provider& owner) : owner_(owner) {}

    asio::awaitable<result<http::response, http::failure>> send(
        http::request message, http::exchange_options options) override {
        return owner_.answer(std::move(message), std::move(options));
    }

private:
    fake_provider& owner_;
};

fake_provider::fake_provider(const asio::any_io_executor& executor, clock& time)
    : executor_(executor), time_(time), never_(executor) {}

asio::awaitable<void> fake_provider::run() {
    co_await never_.wait();
}

void fake_provider::script(const std::string& reference, std::initializer_list<fate> fates) {
    for (const auto next : fates) {
        if (next == fate::no_connection) {
            connect_fates_.push_back(next);
        } else {
            scripts_[reference].push_back(next);
        }
    }
}

asio::awaitable<result<std::unique_ptr<http::connection>, http::failure>> fake_provider::connect() {
    if (!connect_fates_.empty() || otherwise == fate::no_connection) {
        if (!connect_fates_.empty()) {
            connect_fates_.pop_front();
        }
        co_await time_.wait_for(latency);
        co_return lost(http::progress::not_sent, http::phase::connect);
    }
    co_return std::make_unique<fake_connection>(*this);
}

std::size_t fake_provider::cases_of(const std::string& reference) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        cases, [&](const auto& entry) { return entry.reference == reference; }));
}

asio::awaitable<result<http::response, http::failure>> fake_provider::answer(
    http::request message, http::exchange_options options) {
    struct flight {
        int& count;
        ~flight() { --count; }
    };
    in_flight_max = std::max(in_flight_max, ++in_flight);
    const flight under_way{in_flight};
    co_await time_.wait_for(latency);
    if (message.target.ends_with("/auth/token")) {
        co_return token();
    }
    if (message.verb == http::method::post) {
        co_return co_await create(std::move(message), std::move(options));
    }
    const auto cases_at = message.target.find("/cdd/cases");
    const auto rest = message.target.substr(cases_at + std::string_view("/cdd/cases").size());
    if (rest.starts_with("/")) {
        co_return read(rest.substr(1));
    }
    if (on_list) {
        on_list();
    }
    for (int i = 0; i < list_hops; ++i) {
        co_await asio::post(executor_, asio::use_awaitable);
    }
    co_return list(rest, options);
}

http::response fake_provider::token() {
    ++tokens;
    return status_answer(token_status, token_answer);
}

fate fake_provider::next_fate(const std::string& reference) {
    auto& script = scripts_[reference];
    if (script.empty()) {
        return otherwise;
    }
    const auto next = script.front();
    script.pop_front();
    return next;
}

fake_provider::stored_case& fake_provider::store(const std::string& reference,
                                                 const std::string& organization_number,
                                                 bool link) {
    stored_case entry;
    entry.id = "case-" + std::to_string(cases.size() + 1);
    entry.reference = reference;
    entry.organization_number = organization_number;
    entry.created_at = time_.wall_now();
    entry.link = link;
    return cases.emplace_back(std::move(entry));
}

asio::awaitable<result<http::response, http::failure>> fake_provider::create(
    http::request message, http::exchange_options options) {
    const auto body = json::parse(message.body);
    const std::string reference(body.at("case_request").at("referenceId").as_string());
    const std::string organization(body.at("case_request").at("organizationNumber").as_string());
    ++posts[reference];
    switch (next_fate(reference)) {
        case fate::good:
            co_return status_answer(200, render(store(reference, organization, true)));
        case fate::good_without_link:
            co_return status_answer(201, render(store(reference, organization, false)));
        case fate::refuse:
            co_return status_answer(
                400,
                R"({"error":{"message":"bad","code":"invalid_parameter","errors":[{"field":"x"}]}})");
        case fate::unauthorized:
            co_return status_answer(401);
        case fate::forbidden:
            co_return status_answer(403);
        case fate::too_many: {
            auto answer = status_answer(429);
            answer.retry_after = "7";
            co_return answer;
        }
        case fate::created_then_500:
            store(reference, organization, true);
            co_return status_answer(500);
        case fate::failed_500:
            co_return status_answer(500);
        case fate::created_then_cut:
            store(reference, organization, true);
            co_return lost(http::progress::sent, http::phase::receive);
        case fate::cut:
            co_return lost(http::progress::sent, http::phase::receive);
        case fate::not_sent:
        case fate::no_connection:
            --posts[reference];
            co_return lost(http::progress::not_sent, http::phase::send);
        case fate::created_without_id:
            store(reference, organization, true);
            co_return status_answer(200, "{}");
        case fate::twice:
            store(reference, organization, true);
            store(reference, organization, true);
            co_return lost(http::progress::sent, http::phase::receive);
        case fate::foreign:
            store(reference, "999999999", true);
            co_return lost(http::progress::sent, http::phase::receive);
        case fate::never:
            break;
    }
    co_await time_.wait_for(options.time_max);
    co_return lost(http::progress::sent, http::phase::receive);
}

std::string fake_provider::render(const stored_case& entry) const {
    json::object event{
        {"id", 1}, {"event", "case_created"}, {"case_status", "WAITING_FOR_DECLARATION"}};
    json::object created{{"case_id", "c-" + entry.id}};
    if (entry.link) {
        created["contract_url"] = "https://sign.example/" + entry.id;
    }
    event["created"] = std::move(created);
    json::object request{{"organizationNumber", entry.organization_number}};
    if (echo_references) {
        request["referenceId"] = entry.reference;
    }
    json::object whole{{"id", entry.id},
                       {"account_id", "T12345678"},
                       {"created_at", format_rfc3339(entry.created_at)}};
    whole["products"] = json::array{"payout"};
    whole["case_request"] = std::move(request);
    whole["events"] = json::array{std::move(event)};
    return json::serialize(whole);
}

fake_provider::stored_case fake_provider::as_listed(stored_case entry) const {
    if (list_in_capitals) {
        std::ranges::transform(entry.reference, entry.reference.begin(),
                               [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    }
    return entry;
}

result<http::response, http::failure> fake_provider::list(const std::string& target,
                                                          const http::exchange_options& options) {
    ++lists;
    if (list_fails) {
        return lost(http::progress::sent, http::phase::receive);
    }
    const bool goes_on = target.find("starting_after=") != std::string::npos;
    pages_ = goes_on ? pages_ + 1 : 1;
    if (list_fails_from != 0 && pages_ > list_fails_from) {
        return status_answer(500);
    }
    if (list_is_busy) {
        http::response busy;
        busy.status = 429;
        busy.retry_after = "60";
        return busy;
    }
    const auto after_at = target.find("starting_after=");
    const auto after =
        after_at == std::string::npos || !turns_pages ? "" : target.substr(after_at + 15);
    std::string body = "[";
    std::size_t on_page = 0;
    bool started = after.empty() || page_size == 0;
    for (const auto& entry : cases) {
        const bool visible = !list_is_empty && entry.created_at + list_lag <= time_.wall_now();
        if (started && visible && (page_size == 0 || on_page < page_size)) {
            body += (on_page++ == 0 ? "" : ",") + render(as_listed(entry));
        }
        started = started || entry.id == after;
    }
    body += "]";
    if (options.sink) {
        if (const auto ec = options.sink(body)) {
            auto failure = lost(http::progress::sent, http::phase::receive);
            failure.ec = ec;
            return failure;
        }
        body.clear();
    }
    return status_answer(200, std::move(body));
}

http::response fake_provider::read(const std::string& id) {
    ++reads;
    const auto entry =
        std::ranges::find_if(cases, [&](const auto& candidate) { return candidate.id == id; });
    if (!read_one || entry == cases.end()) {
        return status_answer(404);
    }
    entry->link = entry->link || give_links;
    return status_answer(200, render(*entry));
}

}  // namespace onboardd::test
