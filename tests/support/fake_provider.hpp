#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "onboardd/base/condition.hpp"
#include "onboardd/http/client.hpp"

namespace onboardd::test {

// What happens to one POST.
enum class fate : std::uint8_t {
    good,               // created, 200 with a link
    good_without_link,  // created, 200, the link comes later (see give_links)
    refuse,             // 400 with an envelope
    unauthorized,       // 401
    forbidden,          // 403
    too_many,           // 429 with Retry-After: 7
    created_then_500,
    failed_500,          // 500, nothing created
    created_then_cut,    // created, the answer is lost
    cut,                 // the answer is lost, nothing created
    not_sent,            // fails before the last byte
    no_connection,       // connect() fails
    created_without_id,  // created, 200 without an id
    twice,               // two cases are created, the answer is lost
    foreign,  // a case of another organization with this reference is created, the answer is lost
    never,    // no answer until the caller gives up
};

// The provider, as an HTTP client without a network: tokens, cases, the list. On the virtual clock,
// one thread.
class fake_provider final : public http::client {
public:
    fake_provider(const asio::any_io_executor& executor, clock& time);

    asio::awaitable<void> run() override;
    asio::awaitable<result<std::unique_ptr<http::connection>, http::failure>> connect() override;

    // The fates of the next POSTs of `reference`; when they are used up, `good`.
    void script(const std::string& reference, std::initializer_list<fate> fates);
    fate otherwise = fate::good;
    unsigned token_status = 200;
    std::string token_answer =
        R"({"access_token":"token","token_type":"Bearer","expires_in":14400})";
    milliseconds latency{50};
    milliseconds list_lag{0};   // a case appears in the list this long after its creation
    std::size_t page_size = 0;  // 0: the list is not paged
    bool turns_pages = true;    // else every page is the first one
    bool list_is_empty = false;
    std::function<void()> on_list;  // called when the list's answer is there
    int list_hops = 0;              // turns of the loop that the answer takes from then on
    bool echo_references = true;
    bool read_one = true;
    bool list_fails = false;
    int list_fails_from = 0;        // pages that are shown before; 0: it does not
    bool list_is_busy = false;      // 429, and to come again in a minute
    bool list_in_capitals = false;  // the references of all cases
    bool give_links = true;

    // What it saw.
    struct stored_case {
        std::string id;
        std::string reference;
        std::string organization_number;
        wall_time created_at;
        bool link = true;
    };
    std::vector<stored_case> cases;
    std::map<std::string, int> posts;  // by reference
    int tokens = 0;
    int lists = 0;
    int reads = 0;
    int in_flight = 0;
    int in_flight_max = 0;
    [[nodiscard]] std::size_t cases_of(const std::string& reference) const;

private:
    friend class fake_connection;
    asio::awaitable<result<http::response, http::failure>> answer(http::request message,
                                                                  http::exchange_options options);
    asio::awaitable<result<http::response, http::failure>> create(http::request message,
                                                                  http::exchange_options options);
    http::response token();
    result<http::response, http::failure> list(const std::string& target,
                                               const http::exchange_options& options);
    http::response read(const std::string& id);
    stored_case& store(const std::string& reference, const std::string& organization_number,
                       bool link);
    std::string render(const stored_case& entry) const;
    [[nodiscard]] stored_case as_listed(stored_case entry) const;
    fate next_fate(const std::string& reference);

    asio::any_io_executor executor_;
    clock& time_;
    condition never_;
    std::map<std::string, std::deque<fate>> scripts_;
    std::deque<fate> connect_fates_;
    int pages_ = 0;  // of the list that is being read
};

}  // namespace onboardd::test
