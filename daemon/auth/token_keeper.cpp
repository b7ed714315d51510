#include "onboardd/auth/token_keeper.hpp"

#include <algorithm>
#include <utility>

#include "onboardd/policy/retry.hpp"

namespace onboardd {

token_keeper::token_keeper(const asio::any_io_executor& executor, clock& time, http::client& client,
                           logger& log, random_source& random, token_options options)
    : time_(time),
      client_(client),
      log_(log),
      random_(random),
      options_(std::move(options)),
      wanted_(executor),
      changed_(executor) {}

bool token_keeper::usable() const {
    return current_.value != nullptr && time_.now() < expires_at_;
}

asio::awaitable<access_token> token_keeper::get() {
    while (!usable()) {
        asked_ = true;
        wanted_.set();
        co_await changed_.wait();
    }
    co_return current_;
}

std::optional<access_token> token_keeper::current() const {
    return usable() ? std::optional(current_) : std::nullopt;
}

token_times token_keeper::times() const {
    token_times seen;
    seen.next_fetch_at = next_fetch_;
    seen.failure = failure_;
    if (usable()) {
        seen.obtained_at = obtained_at_;
        seen.expires_at = expires_at_;
    }
    return seen;
}

asio::awaitable<void> token_keeper::run() {
    for (;;) {
        if (!asked_) {
            co_await wanted_.wait();
        } else if (time_.now() < next_fetch_) {
            co_await wanted_.wait_until(time_, next_fetch_);
        }
        if (asked_ && time_.now() >= next_fetch_) {
            co_await fetch();
        }
    }
}

asio::awaitable<void> token_keeper::fetch() {
    ++fetches_;
    auto message = options_.make_request();
    http::exchange_options exchange;
    exchange.time_max = options_.request_time_max;
    exchange.body_bytes_max = 64 * 1024;
    const auto asked_at = time_.now();
    auto answer = co_await client_.send(std::move(message), std::move(exchange));
    if (options_.seen != nullptr && answer) {
        options_.seen->token_time.observe(time_.now() - asked_at);
    }
    if (!answer) {
        fail(false, milliseconds(0), answer.error().ec.message());
        co_return;
    }
    const auto wait = wait_asked_for(answer->retry_after, time_.wall_now());
    if (answer->status != 200) {
        wipe(answer->body);
        fail(is_credential_refusal(answer->status), wait,
             "HTTP status " + std::to_string(answer->status));
        co_return;
    }
    auto grant = parse_token(answer->body);
    wipe(answer->body);
    if (!grant) {
        fail(false, milliseconds(0), grant.error().message());
        co_return;
    }
    store(std::move(*grant));
}

void token_keeper::store(token_grant grant) {
    current_.value = std::make_shared<const secret>(std::move(grant.access_token));
    ++current_.generation;
    obtained_at_ = time_.now();
    expires_at_ = obtained_at_ + grant.life;
    next_fetch_ = time_.now() + renew_after(grant.life, random_);
    proven_ = false;
    failure_.clear();
    if (!refused_) {  // a credential that was refused counts as good only once a call has worked
        pause_ = milliseconds(0);
    }
    log_.debug("token_renewed", "a fresh access token is there", {{"account", options_.account}});
    changed_.notify_all();
}

void token_keeper::fail(bool refusal, milliseconds at_least, std::string_view why) {
    if (options_.seen != nullptr) {
        options_.seen->token_failures.add();
    }
    failure_ = why;
    if (refusal) {
        note_refusal(why);
    } else {
        log_.warning("token_renewal_failed", "the token could not be renewed; trying again",
                     {{"account", options_.account}, {"reason", std::string(why)}});
    }
    const auto shortest = refused_ ? options_.paused_retry_min : options_.retry_min;
    const auto longest = refused_ ? options_.paused_retry_max : options_.retry_max;
    pause_ = std::clamp(pause_ * 2, shortest, longest);
    next_fetch_ = time_.now() + std::max(at_least, jitter(pause_, retry_jitter, random_));
}

void token_keeper::note_refusal(std::string_view why) {
    if (!std::exchange(refused_, true)) {
        log_.error(
            "account_paused",
            "the provider refuses the credential of this account; its jobs wait. Check client_id, "
            "client_secret_file and audience",
            {{"account", options_.account}, {"reason", std::string(why)}});
    }
}

void token_keeper::reject(std::uint64_t generation) {
    if (generation != current_.generation || current_.value == nullptr) {
        return;
    }
    current_.value = nullptr;
    if (proven_) {
        next_fetch_ = time_.now();
    } else {
        fail(true, milliseconds(0), "a fresh token was answered with 401");
    }
    wanted_.set();
}

void token_keeper::worked(std::uint64_t generation) {
    if (generation != current_.generation || current_.value == nullptr) {
        return;  // a call that ended well late, of a token that was refused meanwhile
    }
    proven_ = true;
    if (std::exchange(refused_, false)) {
        pause_ = milliseconds(0);
        log_.info("account_resumed", "a token works again", {{"account", options_.account}});
    }
}

}  // namespace onboardd
