#include "simulate/sim_provider.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <boost/system/system_error.hpp>
#include <cmath>
#include <utility>

namespace onboardd::simulate {
namespace {

namespace json = boost::json;

constexpr std::string_view no_case = R"({"error":{"message":"no","code":"nope"}})";

http::failure broken(http::progress reached, http::phase step) {
    http::failure failure;
    failure.ec = asio::error::connection_reset;
    failure.reached = reached;
    failure.step = step;
    return failure;
}

http::response status_answer(unsigned status, std::string_view body = no_case) {
    http::response answer;
    answer.status = status;
    answer.body = body;
    return answer;
}

template <class T, std::size_t N>
const T& one_of(world& from, const T (&choices)[N]) {
    return choices[from.number(0, static_cast<int>(N) - 1)];
}

}  // namespace

std::string identity_of(std::string_view account, std::string_view reference) {
    return std::string(account) + '/' + std::string(reference);
}

class sim_connection final : public http::connection {
public:
    explicit sim_connection(sim_provider& owner) : owner_(owner) {}

    asio::awaitable<result<http::response, http::failure>> send(
        http::request message, http::exchange_options options) override {
        return owner_.exchange(std::move(message), std::move(options));
    }

private:
    sim_provider& owner_;
};

sim_provider::sim_provider(world& around) : world_(around), time_(around.time) {}

asio::awaitable<void> sim_provider::run() {
    for (;;) {
        co_await time_.wait_for(std::chrono::hours(24 * 365));
    }
}

void sim_provider::plan_troubles() {
    const auto during_chaos = [&] { return world_.time_between(0ms, world_.plan.chaos); };
    for (int i = 0; i < world_.plan.outages; ++i) {
        world_.after(during_chaos(), [this] {
            outage_ = static_cast<outage>(world_.number(1, 3));
            world_.note("outage", {}, static_cast<int>(outage_));
            world_.after(world_.time_between(1s, 1h), [this] { outage_ = outage::none; });
        });
    }
    for (int i = 0; i < world_.plan.revocations; ++i) {
        world_.after(during_chaos(), [this] {
            world_.note("tokens_revoked");
            tokens_.clear();
        });
    }
    for (int i = 0; i < world_.plan.refusals; ++i) {
        world_.after(during_chaos(), [this] {
            const auto account = "T1000000" + std::to_string(world_.number(1, 2));
            world_.note("refused", account);
            refused_.insert(account);
            world_.after(world_.time_between(1min, 1h),
                         [this, account] { refused_.erase(account); });
        });
    }
}

const stored_case* sim_provider::find(const std::string& id) const {
    const auto found = case_by_id_.find(id);
    return found == case_by_id_.end() ? nullptr : &record_.cases[found->second];
}

const received_post* sim_provider::last_post(const std::string& identity) const {
    const auto found = record_.posts_of.find(identity);
    return found == record_.posts_of.end() ? nullptr : &record_.posts[found->second.back()];
}

milliseconds sim_provider::latency() {
    return world_.time_between(1ms, world_.plan.latency_max);
}

asio::awaitable<result<std::unique_ptr<http::connection>, http::failure>> sim_provider::connect() {
    world_.refuse_the_dead();
    co_await time_.wait_for(world_.time_between(0ms, 20ms));
    const bool down = outage_ == outage::unreachable && !world_.calm();
    if (down || world_.fault(world_.plan.no_connection)) {
        co_return broken(http::progress::not_sent, http::phase::connect);
    }
    co_return std::make_unique<sim_connection>(*this);
}

asio::awaitable<result<http::response, http::failure>> sim_provider::exchange(
    http::request message, http::exchange_options options) {
    world_.refuse_the_dead();
    const auto start = time_.now();
    const bool slow = world_.fault(0.01);  // some requests leave much later than they should
    co_await time_.wait_for(slow ? world_.time_between(1s, 20s) : latency() / 2);
    world_.refuse_the_dead();
    if (world_.fault(world_.plan.not_sent)) {
        co_return broken(http::progress::not_sent, http::phase::send);
    }
    if (time_.boot_now() > options.send_deadline) {
        auto late = broken(http::progress::not_sent, http::phase::send);
        late.ec = errc::send_deadline;
        co_return late;
    }
    auto coming = receive(message, options);  // the last byte has arrived
    const auto left =
        std::max(milliseconds(0),
                 options.time_max - std::chrono::duration_cast<milliseconds>(time_.now() - start));
    co_await time_.wait_for(std::min(coming.after, left));
    world_.refuse_the_dead();
    if (coming.after > left) {
        auto lost = broken(http::progress::sent, http::phase::receive);
        lost.ec = errc::timed_out;
        co_return lost;
    }
    if (coming.post && coming.what) {
        record_.posts[*coming.post].answered = true;
    }
    co_return std::move(coming.what);
}

sim_provider::delivery sim_provider::receive(const http::request& message,
                                             http::exchange_options& options) {
    constexpr std::string_view accounts = "/v1/accounts/";
    const auto target = std::string_view(message.target).substr(accounts.size());
    const std::string account(target.substr(0, target.find('/')));
    const auto path = target.substr(account.size());
    if (path == "/auth/token") {
        return grant_token(account);
    }
    constexpr std::string_view cases = "/management/settings/cdd/cases";
    const auto rest = path.substr(cases.size());
    if (message.verb == http::method::post) {
        return create(account, message);
    }
    if (auto refusal = refuse_caller(account, message.authorization)) {
        world_.note("reading_refused", account);
        return std::move(*refusal);
    }
    return rest.starts_with('/') ? read(account, rest.substr(1)) : list(account, rest, options);
}

sim_provider::delivery sim_provider::grant_token(const std::string& account) {
    auto& in_flight = token_requests_[{account, world_.process()}];
    if (++in_flight > 1) {
        record_.faults.emplace_back("two token requests of one account in flight");
    }
    const auto after = latency();
    world_.after(after, [&in_flight] { --in_flight; });
    if (refused_.contains(account) && !world_.calm()) {
        constexpr unsigned words[] = {400, 401, 403};
        return {after, status_answer(one_of(world_, words)), {}};
    }
    const bool down = outage_ != outage::none && !world_.calm();
    if (down || world_.fault(world_.plan.token_fault)) {
        switch (world_.number(0, 4)) {
            case 0:
                return {after, broken(http::progress::sent, http::phase::receive), {}};
            case 1:
                return {after, status_answer(500), {}};
            case 2: {
                auto busy = status_answer(429);
                busy.retry_after = "3";
                return {after, std::move(busy), {}};
            }
            case 3:
                return {after, status_answer(200, "<html>"), {}};
            default: {
                constexpr std::string_view odd[] = {R"(,"expires_in":0})", R"(,"expires_in":-1})",
                                                    R"(,"expires_in":"never"})"};
                const auto body = R"({"access_token":"x","token_type":"Bearer")" +
                                  std::string(one_of(world_, odd));
                return {after, status_answer(200, body), {}};
            }
        }
    }
    const auto name = "token-" + std::to_string(++last_token_);
    constexpr std::int64_t lives[] = {30, 300, 3600, 14'400};
    const auto life = world_.calm() ? 14'400 : one_of(world_, lives);
    tokens_[name] = {account, time_.now() + std::chrono::seconds(life + 5)};
    const auto quote = world_.fault(0.2) ? "\"" : "";
    const auto expiry =
        life == 300 && world_.fault(0.2)
            ? std::string()  // 5 minutes are what is assumed then
            : std::string(",\"expires_in\":") + quote + std::to_string(life) + quote;
    return {after,
            status_answer(
                200, R"({"access_token":")" + name + R"(","token_type":"Bearer")" + expiry + "}"),
            {}};
}

// An account that is refused, and tokens that have expired or were revoked.
std::optional<sim_provider::delivery> sim_provider::refuse_caller(const std::string& account,
                                                                  const std::string& caller) {
    const auto known = tokens_.find(caller.substr(caller.find(' ') + 1));
    const bool good = known != tokens_.end() && known->second.account == account &&
                      time_.now() < known->second.expires_at;
    if (!good) {
        return delivery{latency(), status_answer(401), {}};
    }
    if (refused_.contains(account) && !world_.calm()) {
        return delivery{latency(), status_answer(403), {}};
    }
    return std::nullopt;
}

// ---- creating

sim_provider::delivery sim_provider::create(const std::string& account,
                                            const http::request& message) {
    const auto body = json::parse(message.body);
    const auto& asked = body.at("case_request");
    const std::string reference(asked.at("referenceId").as_string());
    const std::string organization(asked.at("organizationNumber").as_string());
    if (auto why = may_send(account, reference, message.body); !why.empty()) {
        record_.faults.push_back(identity_of(account, reference) + ": " + why);
    }
    const auto index = record_.posts.size();
    received_post entry;
    entry.account = account;
    entry.reference = reference;
    entry.at = time_.now();
    record_.posts.push_back(entry);
    record_.posts_of[identity_of(account, reference)].push_back(index);
    if (auto refusal = refuse_caller(account, message.authorization)) {
        record_.posts[index].refused = true;
        record_.posts[index].status = refusal->what->status;
        world_.note("post_unauthorized", reference, static_cast<int>(index));
        refusal->post = index;
        return std::move(*refusal);
    }
    auto coming = decide_fate(index, organization);
    coming.post = index;
    auto& post = record_.posts[index];
    post.status = coming.what ? coming.what->status : 0;
    record_.ambiguous += post.refused || post.what <= fate::good_without_link ? 0 : 1;
    world_.note("post", reference, static_cast<int>(post.what));
    return coming;
}

fate sim_provider::draw_fate() {
    const auto& weights = world_.plan.weights;
    double sum = 0;
    for (const auto weight : weights) {
        sum += weight;
    }
    double at = world_.real() * sum;
    for (std::size_t i = 0; i < fates; ++i) {
        if ((at -= weights[i]) < 0) {
            return static_cast<fate>(i);
        }
    }
    return fate::good;
}

sim_provider::delivery sim_provider::decide_fate(std::size_t index,
                                                 const std::string& organization) {
    auto what = world_.calm() ? fate::good : draw_fate();
    if (!world_.calm() && outage_ == outage::erring) {
        what = fate::server_error;
    } else if (!world_.calm() && outage_ == outage::silent) {
        what = fate::stall;
    }
    auto& post = record_.posts[index];
    post.what = what;
    const auto after = latency();
    const bool opens = world_.number(0, 1) == 1;
    const auto open_perhaps = [&] {
        if (opens) {
            open_case(index, organization, world_.time_between(0ms, after));
        }
    };
    const auto lost = broken(http::progress::sent, http::phase::receive);
    switch (what) {
        case fate::good:
        case fate::good_without_link: {
            const auto made = open_now(index, organization);
            if (what == fate::good) {
                record_.cases[made].link_at = time_.now();
            }
            return {after,
                    status_answer(world_.number(0, 1) == 0 ? 200 : 201,
                                  render(record_.cases[made], true)),
                    {}};
        }
        case fate::bad_request: {
            constexpr unsigned words[] = {400, 404, 422};
            post.refused = true;
            return {after, status_answer(one_of(world_, words)), {}};
        }
        case fate::not_now:
            post.refused = true;
            return {after, status_answer(opens ? 421 : 425), {}};
        case fate::too_many: {
            post.refused = true;
            auto busy = status_answer(429);
            busy.retry_after = std::to_string(world_.number(0, 120));
            return {after, std::move(busy), {}};
        }
        case fate::unavailable: {
            open_perhaps();
            auto busy = status_answer(503);
            busy.retry_after = std::to_string(world_.number(0, 120));
            return {after, std::move(busy), {}};
        }
        case fate::server_error: {
            constexpr unsigned words[] = {500, 502, 504};
            open_perhaps();
            return {after, status_answer(one_of(world_, words)), {}};
        }
        case fate::odd_status: {
            constexpr unsigned words[] = {302, 307, 408, 409};
            open_perhaps();
            return {after, status_answer(one_of(world_, words)), {}};
        }
        case fate::cut:
            open_perhaps();
            return {after, lost, {}};
        case fate::stall:
            open_perhaps();
            return {24h, lost, {}};
        case fate::garbage: {
            constexpr std::string_view bodies[] = {"{}", "<html>", R"({"id":"")", R"({"id":7})",
                                                   ""};
            open_perhaps();
            return {after, status_answer(200, one_of(world_, bodies)), {}};
        }
        case fate::other_reference: {
            open_perhaps();
            stored_case other;
            other.id = "somebody-else";
            other.account = post.account;
            other.reference = "other-" + post.reference;
            other.organization = organization;
            return {after, status_answer(200, render(other, true)), {}};
        }
        case fate::twice:
            open_case(index, organization, 0ms);
            open_case(index, organization, 0ms);
            return {after, lost, {}};
        case fate::foreign:
            open_case(index, "999999999", 0ms);
            return {after, lost, {}};
        case fate::late: {
            // Many a little late, and some very late.
            const auto share = std::pow(world_.real(), 3);
            open_case(index, organization,
                      world_.time_between(1ms, 1ms + std::chrono::duration_cast<milliseconds>(
                                                         world_.plan.late_max * share)));
            if (opens) {
                return {after, status_answer(504), {}};
            }
            return {24h, lost, {}};
        }
    }
    return {after, lost, {}};
}

void sim_provider::open_case(std::size_t post, const std::string& organization,
                             milliseconds delay) {
    if (delay.count() == 0) {
        open_now(post, organization);
        return;
    }
    world_.after(delay, [this, post, organization] { open_now(post, organization); });
}

std::size_t sim_provider::open_now(std::size_t post, const std::string& organization) {
    auto& from = record_.posts[post];
    ++from.cases;
    stored_case made;
    made.id = std::to_string(world_.number(100'000, 999'999)) + "-" +
              std::to_string(record_.cases.size());
    made.account = from.account;
    made.reference = from.reference;
    made.organization = organization;
    made.post = post;
    made.applied_at = time_.now();
    made.visible_at = time_.now() + world_.time_between(0ms, world_.plan.list_lag_max);
    made.link_at = time_.now() + world_.time_between(0ms, world_.plan.link_delay_max);
    case_by_id_[made.id] = record_.cases.size();
    world_.note("case_opened", made.reference, static_cast<int>(record_.cases.size()));
    record_.cases.push_back(std::move(made));
    return record_.cases.size() - 1;
}

std::string sim_provider::render(const stored_case& entry, bool echo) const {
    std::string text = R"({"id":")" + entry.id + R"(","account_id":")" + entry.account +
                       R"(","products":["payout"],"case_request":{)";
    if (echo) {
        text += R"("referenceId":")" + entry.reference + R"(",)";
    }
    text += R"("organizationNumber":")" + entry.organization +
            R"("},"events":[{"id":1,"event":"case_created","case_status":"ACTIVE","created":{)" +
            R"("case_id":"c-)" + entry.id + '"';
    if (entry.link_at <= time_.now()) {
        text += R"(,"contract_url":"https://sign.example/)" + entry.id + '"';
    }
    return text + "}}]}";
}

// ---- reading

std::vector<const stored_case*> sim_provider::visible_to(const std::string& account) const {
    std::vector<const stored_case*> shown;
    for (const auto& entry : record_.cases) {
        if (entry.account == account && entry.visible_at <= time_.now()) {
            shown.push_back(&entry);
        }
    }
    if (world_.plan.sorted == order::newest) {
        std::ranges::reverse(shown);
    } else if (world_.plan.sorted == order::by_id) {
        std::ranges::sort(shown, {}, &stored_case::id);
    }
    return shown;
}

std::string sim_provider::body_of_list(const std::string& account, std::string_view query) {
    constexpr std::string_view parameter = "starting_after=";
    const auto at = query.find(parameter);
    auto shown = visible_to(account);
    if (at != std::string_view::npos && world_.plan.pages != paging::ignored) {
        const auto after = query.substr(at + parameter.size());
        const auto last = std::ranges::find(shown, after, &stored_case::id);
        shown.erase(shown.begin(), last == shown.end() ? shown.end() : last + 1);
    }
    if (world_.plan.pages == paging::by_ten && shown.size() > 10) {
        shown.resize(10);
    }
    std::string body = world_.plan.list_as_object ? R"({"count":1,"cases":[)" : "[";
    for (std::size_t i = 0; i < shown.size(); ++i) {
        body += (i == 0 ? "" : ",") + render(*shown[i], world_.plan.echoes_references);
    }
    return body + (world_.plan.list_as_object ? "]}" : "]");
}

sim_provider::delivery sim_provider::list(const std::string& account, std::string_view query,
                                          http::exchange_options& options) {
    const auto after = latency();
    const auto lost = broken(http::progress::sent, http::phase::receive);
    const bool first = query.find("starting_after=") == std::string_view::npos;
    world_.note(first ? "list" : "list_page", account);
    auto& readings = record_.readings[account];
    if (first) {
        readings.push_back({time_.now(), time_.now()});
    } else if (!readings.empty()) {
        readings.back().ended = time_.now();
    }
    if (!first && world_.plan.planted == mistake::first_page_only) {
        options.sink(world_.plan.list_as_object ? R"({"cases":[]})" : "[]");
        return {after, status_answer(200, ""), {}};
    }
    auto body = body_of_list(account, query);
    const bool down = outage_ != outage::none && !world_.calm();
    if (down || world_.fault(world_.plan.list_fault)) {
        switch (world_.number(0, 4)) {
            case 0:
                return {after, lost, {}};
            case 1:
                return {24h, lost, {}};
            case 2:
                return {after, status_answer(world_.number(0, 1) == 0 ? 500 : 429), {}};
            case 3:
                body.resize(body.size() / 2);  // cut, or an answer that is framed and yet torn
                options.sink(body);
                return {
                    after, world_.number(0, 1) == 0 ? answer(lost) : status_answer(200, ""), {}};
            default:
                options.sink("<html>");
                return {after, status_answer(200, ""), {}};
        }
    }
    for (std::size_t at = 0; at < body.size(); at += 1000) {
        if (const auto ec = options.sink(std::string_view(body).substr(at, 1000))) {
            auto ended = lost;
            ended.ec = ec;
            return {after, ended, {}};
        }
    }
    return {after, status_answer(200, ""), {}};
}

sim_provider::delivery sim_provider::read(const std::string& account, std::string_view id) {
    const auto after = latency();
    world_.note("read", id);
    const auto* found = find(std::string(id));
    const bool known = found != nullptr && found->account == account;
    if (world_.fault(world_.plan.list_fault)) {
        return {after, status_answer(500), {}};
    }
    if (!world_.plan.reads_one || !known) {
        return {after, status_answer(404), {}};
    }
    return {after, status_answer(200, render(*found, true)), {}};
}

}  // namespace onboardd::simulate
