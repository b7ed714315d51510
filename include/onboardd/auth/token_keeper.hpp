#pragma once

// Keeps one account's access token fresh: one renewal in flight, ahead of expiry; a token that the
// provider rejects is dropped and renewed once; a refused credential pauses the account until a
// token works again. A failed early renewal never costs a token that is still valid.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "onboardd/auth/token.hpp"
#include "onboardd/base/clock.hpp"
#include "onboardd/base/condition.hpp"
#include "onboardd/base/log.hpp"
#include "onboardd/base/measures.hpp"
#include "onboardd/base/random.hpp"
#include "onboardd/base/wakeup.hpp"
#include "onboardd/http/client.hpp"

namespace onboardd {

// A token in use; it stays readable while somebody holds it.
struct access_token {
    std::shared_ptr<const secret> value;
    std::uint64_t generation = 0;
};

struct token_options {
    std::string account;                          // for logs
    std::function<http::request()> make_request;  // a fresh token request
    milliseconds request_time_max{30'000};
    milliseconds retry_min{1'000};  // between failed renewals; doubles up to retry_max
    milliseconds retry_max{60'000};
    milliseconds paused_retry_min{30'000};  // the same while the credential is refused
    milliseconds paused_retry_max{std::chrono::minutes(10)};
    measures* seen = nullptr;  // where renewals are timed; null: nowhere
};

// What people may know of the token in use: never the token.
struct token_times {
    std::optional<steady_time> obtained_at;  // nullopt: there is none that has not expired
    std::optional<steady_time> expires_at;
    steady_time next_fetch_at = steady_time::min();
    std::string failure;  // why the last fetch brought none; empty: it brought one
};

class token_keeper {
public:
    token_keeper(const asio::any_io_executor& executor, clock& time, http::client& client,
                 logger& log, random_source& random, token_options options);

    // Fetches and renews until cancelled. Nothing is fetched before the first get().
    asio::awaitable<void> run();

    // Waits until there is a token that has not expired. Needs run(). Cancellation throws
    // operation_aborted.
    asio::awaitable<access_token> get();

    // The same without waiting; nullopt: there is none.
    [[nodiscard]] std::optional<access_token> current() const;

    // The provider answered 401 to this token. It is dropped; the next one is fetched at once. If
    // the provider rejected a token that had never worked, the credential counts as refused. Older
    // generations are ignored, so a hundred rejections of one token cause one renewal.
    void reject(std::uint64_t generation);

    // The provider took this token.
    void worked(std::uint64_t generation);

    // Whether the credential is refused: the account is paused.
    [[nodiscard]] bool refused() const noexcept { return refused_; }

    [[nodiscard]] std::uint64_t fetches() const noexcept { return fetches_; }

    [[nodiscard]] token_times times() const;

private:
    [[nodiscard]] bool usable() const;
    asio::awaitable<void> fetch();
    void store(token_grant grant);
    void fail(bool refusal, milliseconds at_least, std::string_view why);
    void note_refusal(std::string_view why);

    clock& time_;
    http::client& client_;
    logger& log_;
    random_source& random_;
    token_options options_;
    wakeup wanted_;
    condition changed_;
    access_token current_;
    steady_time obtained_at_ = steady_time::min();
    steady_time expires_at_ = steady_time::min();
    steady_time next_fetch_ = steady_time::min();
    std::string failure_;  // of the last fetch
    milliseconds pause_{0};
    std::uint64_t fetches_ = 0;
    bool asked_ = false;   // somebody has wanted a token
    bool proven_ = false;  // the current token has worked
    bool refused_ = false;
};

}  // namespace onboardd
