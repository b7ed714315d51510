#include "daemon/engine/case_list_walk.hpp"

#include <utility>

#include "onboardd/policy/retry.hpp"

namespace onboardd {
namespace {

constexpr milliseconds list_time_max =
    std::chrono::minutes(10);  // for one page: it may be the whole list
constexpr std::uint64_t list_bytes_max = std::uint64_t{4} << 30;  // likewise; it is streamed
constexpr std::size_t list_cases_max = 2'000'000;                 // more is no list of one account
constexpr std::size_t page_size_max = 1'000;                      // more is no page
constexpr std::uint64_t bytes_per_second_min = 1'024;

// Where the reading stands.
class walk {
public:
    explicit walk(std::function<void(cdd_case)> show) : show_(std::move(show)) {}

    void begin_page() {
        new_on_page_ = 0;
        seen_on_page_ = 0;
        repeats_ = false;
    }

    // The sink's error stops the reading early when the page only repeats the whole list.
    error_code take(cdd_case found) {
        ++seen_on_page_;
        const auto& id = found.facts.id;
        if (pages_ == 1 && seen_on_page_ == 1 && id == first_id_ && first_page_looks_whole()) {
            repeats_ = true;
            return errc::stopping;
        }
        if (first_id_.empty()) {
            first_id_ = id;
        }
        last_id_ = id;
        if (seen_.ids.insert(hash_of_id(id)).second) {
            ++new_on_page_;
        }
        show_(std::move(found));  // always: two ids with one hash must not hide a case
        return seen_.ids.size() > list_cases_max ? make_error_code(errc::answer_too_large)
                                                 : error_code();
    }

    void end_page(const case_list_parser& page) {
        const bool only_the_end = pages_ > 0 && page.empty();
        ++pages_;
        seen_.sound = seen_.sound && (repeats_ || page.sound() || only_the_end);
        says_more_ = !repeats_ && page.says_more();
    }

    // Whether another page is to be asked for.
    [[nodiscard]] bool goes_on() const { return !repeats_ && new_on_page_ > 0; }

    [[nodiscard]] bool repeats() const { return repeats_; }
    [[nodiscard]] const std::string& last_id() const { return last_id_; }
    [[nodiscard]] std::size_t pages() const { return pages_; }

    // A first page of a length that is no page size is the whole list, should the provider refuse
    // to page.
    [[nodiscard]] bool first_page_looks_whole() const {
        return seen_.ids.size() % 10 != 0 || seen_.ids.size() > page_size_max;
    }

    list_walk finish() {
        seen_.sound = seen_.sound && !says_more_;
        return std::move(seen_);
    }

private:
    std::function<void(cdd_case)> show_;
    list_walk seen_;
    std::string first_id_;
    std::string last_id_;
    std::size_t pages_ = 0;
    std::size_t seen_on_page_ = 0;
    std::size_t new_on_page_ = 0;
    bool repeats_ = false;
    bool says_more_ = false;
};

asio::awaitable<result<void, list_failure>> read_page(http::client& client, const clock& time,
                                                      const provider_address& provider,
                                                      const std::string& account,
                                                      const access_token& token,
                                                      milliseconds silence_max, walk& list) {
    list.begin_page();
    case_list_parser parser([&list](cdd_case found) { return list.take(std::move(found)); });
    auto message = list_cases_request(provider, account, token.value->reveal(), list.last_id());
    http::exchange_options exchange;
    exchange.time_max = list_time_max;
    exchange.pace = http::answer_pace{silence_max, bytes_per_second_min};
    exchange.body_bytes_max = list_bytes_max;
    exchange.sink = [&parser](std::string_view piece) { return parser.write(piece); };
    auto answer = co_await client.send(std::move(message), std::move(exchange));
    if (list.repeats()) {
        list.end_page(parser);
        co_return result<void, list_failure>();
    }
    if (!answer) {
        co_return list_failure{0, answer.error().ec, {}};
    }
    if (answer->status != 200) {
        co_return list_failure{
            answer->status, {}, wait_asked_for(answer->retry_after, time.wall_now())};
    }
    if (const auto ec = parser.finish()) {
        co_return list_failure{0, ec, {}};
    }
    list.end_page(parser);
    co_return result<void, list_failure>();
}

}  // namespace

std::size_t hash_of_id(const std::string& id) {
    return std::hash<std::string>{}(id);
}

asio::awaitable<result<list_walk, list_failure>> walk_case_list(
    http::client& client, const clock& time, const provider_address& provider, std::string account,
    access_token token, milliseconds silence_max, std::function<void(cdd_case)> show) {
    walk list(std::move(show));
    for (bool more = true; more;) {
        auto read = co_await read_page(client, time, provider, account, token, silence_max, list);
        if (!read) {
            const auto status = read.error().http_status;
            const bool no_paging = list.pages() == 1 && (status == 400 || status == 422);
            if (no_paging && list.first_page_looks_whole()) {
                break;
            }
            co_return read.error();
        }
        more = list.goes_on();
    }
    co_return list.finish();
}

}  // namespace onboardd
