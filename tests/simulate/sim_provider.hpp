#pragma once

// The provider, as an HTTP client without a network. What it has taken in happens, whether the
// process that sent it still lives or not.

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "onboardd/http/client.hpp"
#include "simulate/world.hpp"

namespace onboardd::simulate {

// A job's identity, as "account/reference".
std::string identity_of(std::string_view account, std::string_view reference);

struct stored_case {
    std::string id;
    std::string account;
    std::string reference;
    std::string organization;
    std::size_t post = 0;  // index of the POST that opened it
    steady_time applied_at{};
    steady_time visible_at{};  // in lists
    steady_time link_at{};     // when it has a contract URL
};

// A POST whose last byte has arrived.
struct received_post {
    std::string account;
    std::string reference;
    steady_time at{};
    fate what = fate::good;
    bool refused = false;   // a complete answer says that it was not applied
    int cases = 0;          // that it has opened so far
    bool answered = false;  // whole, and a living process got it
    unsigned status = 0;    // of the answer
};

// Of the list of an account, page by page.
struct list_reading {
    steady_time began{};  // the first page was made
    steady_time ended{};  // the last one
};

// What the provider has seen, in the order in which it did.
struct provider_record {
    std::vector<stored_case> cases;
    std::vector<received_post> posts;
    std::map<std::string, std::vector<std::size_t>> posts_of;   // by identity
    std::map<std::string, std::vector<list_reading>> readings;  // by account
    std::vector<std::string> faults;                            // things that no client may do
    std::uint64_t ambiguous = 0;  // POSTs whose fate their sender could not know
};

class sim_provider final : public http::client {
public:
    explicit sim_provider(world& around);

    asio::awaitable<void> run() override;
    asio::awaitable<result<std::unique_ptr<http::connection>, http::failure>> connect() override;

    // The accounts' troubles of this run; called once.
    void plan_troubles();

    // Asked for each POST before it counts: words for what is wrong with it, or empty.
    std::function<std::string(const std::string& account, const std::string& reference,
                              const std::string& body)>
        may_send;

    [[nodiscard]] const provider_record& record() const { return record_; }
    // The case with this id; nullptr: there is none.
    [[nodiscard]] const stored_case* find(const std::string& id) const;
    // The last answer that this process got for a POST of the identity; nullptr: none.
    [[nodiscard]] const received_post* last_post(const std::string& identity) const;

private:
    friend class sim_connection;
    using answer = result<http::response, http::failure>;

    // An answer that is on its way.
    struct delivery {
        milliseconds after{};
        answer what;
        std::optional<std::size_t> post;
    };

    asio::awaitable<answer> exchange(http::request message, http::exchange_options options);
    delivery receive(const http::request& message, http::exchange_options& options);
    delivery grant_token(const std::string& account);
    delivery create(const std::string& account, const http::request& message);
    delivery decide_fate(std::size_t post, const std::string& organization);
    delivery list(const std::string& account, std::string_view query,
                  http::exchange_options& options);
    delivery read(const std::string& account, std::string_view id);

    std::optional<delivery> refuse_caller(const std::string& account, const std::string& caller);
    fate draw_fate();
    milliseconds latency();
    void open_case(std::size_t post, const std::string& organization, milliseconds delay);
    std::size_t open_now(std::size_t post, const std::string& organization);
    [[nodiscard]] std::string render(const stored_case& entry, bool echo) const;
    [[nodiscard]] std::vector<const stored_case*> visible_to(const std::string& account) const;
    std::string body_of_list(const std::string& account, std::string_view query);

    struct token {
        std::string account;
        steady_time expires_at{};
    };
    enum class outage : std::uint8_t { none, unreachable, erring, silent };

    world& world_;
    clock& time_;
    provider_record record_;
    std::map<std::string, std::size_t> case_by_id_;
    std::map<std::string, token> tokens_;
    // In flight, by account and the process that sent them: a new one knows nothing of the last.
    std::map<std::pair<std::string, int>, int> token_requests_;
    std::set<std::string> refused_;  // accounts that are refused now
    outage outage_ = outage::none;
    std::uint64_t last_token_ = 0;
};

}  // namespace onboardd::simulate
