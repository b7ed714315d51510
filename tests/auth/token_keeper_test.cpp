#include "onboardd/auth/token_keeper.hpp"

#include <gtest/gtest.h>

#include "onboardd/base/task_group.hpp"
#include "onboardd/base/until.hpp"
#include "support/fake_provider.hpp"
#include "support/recording_log.hpp"
#include "support/run.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;

class TokenKeeper : public testing::Test {
protected:
    TokenKeeper() {
        token_options options;
        options.account = "T12345678";
        options.make_request = [] {
            http::request message;
            message.verb = http::method::post;
            message.target = "/v1/accounts/T12345678/auth/token";
            return message;
        };
        keeper = std::make_unique<token_keeper>(loop.get_executor(), time, provider, log, random,
                                                options);
    }

    // Runs `body` beside the keeper.
    void with_keeper(asio::awaitable<void> body) {
        auto whole = [&]() -> asio::awaitable<void> {
            task_group group(loop.get_executor());
            group.spawn(keeper->run());
            co_await std::move(body);
            group.cancel();
            co_await group.join();
        };
        test::run(loop, whole(), &time);
        EXPECT_EQ(time.waiters(), 0u);
    }

    asio::io_context loop;
    test::manual_clock time;
    test::recording_log log;
    test::fake_provider provider{loop.get_executor(), time};
    random_source random{1};
    std::unique_ptr<token_keeper> keeper;
};

TEST_F(TokenKeeper, FetchesNothingBeforeSomebodyAsks) {
    auto body = [&]() -> asio::awaitable<void> {
        co_await time.wait_for(24h);
        EXPECT_EQ(provider.tokens, 0);
    };
    with_keeper(body());
}

TEST_F(TokenKeeper, ManyWhoAskAtOnceShareOneFetch) {
    auto ask = [&]() -> asio::awaitable<void> {
        EXPECT_EQ((co_await keeper->get()).generation, 1u);
    };
    auto body = [&]() -> asio::awaitable<void> {
        task_group askers(loop.get_executor());
        for (int i = 0; i < 100; ++i) {
            askers.spawn(ask());
        }
        co_await askers.join();
        EXPECT_EQ(provider.tokens, 1);
    };
    with_keeper(body());
}

TEST_F(TokenKeeper, RenewsAheadOfExpirySoThatNobodyWaits) {
    auto body = [&]() -> asio::awaitable<void> {
        co_await keeper->get();
        for (int hour = 0; hour < 24; ++hour) {
            co_await time.wait_for(1h);
            EXPECT_TRUE(keeper->current()) << hour;
        }
        EXPECT_GE(provider.tokens, 10);
        EXPECT_LE(provider.tokens, 14);
    };
    with_keeper(body());
}

TEST_F(TokenKeeper, AFailedEarlyRenewalKeepsTheValidToken) {
    auto body = [&]() -> asio::awaitable<void> {
        const auto first = co_await keeper->get();
        provider.token_status = 500;
        co_await time.wait_for(3h);
        EXPECT_GT(provider.tokens, 1);
        EXPECT_EQ(keeper->current().value_or(access_token{}).generation, first.generation);
        co_await time.wait_for(2h);
        EXPECT_FALSE(keeper->current()) << "an expired token is not used";
        EXPECT_EQ(keeper->times().failure, "HTTP status 500");
        EXPECT_GT(keeper->times().next_fetch_at, time.now());
        provider.token_status = 200;
        EXPECT_GT((co_await keeper->get()).generation, first.generation);
        EXPECT_EQ(keeper->times().failure, "");
    };
    with_keeper(body());
}

TEST_F(TokenKeeper, AHundredRejectionsOfOneTokenCauseOneRenewal) {
    auto body = [&]() -> asio::awaitable<void> {
        const auto token = co_await keeper->get();
        keeper->worked(token.generation);
        for (int i = 0; i < 100; ++i) {
            keeper->reject(token.generation);
        }
        const auto next = co_await keeper->get();
        EXPECT_EQ(next.generation, token.generation + 1);
        EXPECT_EQ(provider.tokens, 2);
        EXPECT_FALSE(keeper->refused());
    };
    with_keeper(body());
}

TEST_F(TokenKeeper, AFreshTokenThatIsRejectedPausesTheAccount) {
    auto body = [&]() -> asio::awaitable<void> {
        const auto token = co_await keeper->get();
        keeper->reject(token.generation);
        EXPECT_TRUE(keeper->refused());
        EXPECT_EQ(log.count("account_paused"), 1u);
        const auto next = co_await keeper->get();
        EXPECT_GE(time.elapsed(), 24s) << "not at once";
        keeper->worked(next.generation);
        EXPECT_FALSE(keeper->refused());
        EXPECT_EQ(log.count("account_resumed"), 1u);
    };
    with_keeper(body());
}

// A call that was on its way with it may still end well.
TEST_F(TokenKeeper, ARejectedTokenResumesNothing) {
    auto body = [&]() -> asio::awaitable<void> {
        const auto token = co_await keeper->get();
        keeper->reject(token.generation);
        keeper->worked(token.generation);
        EXPECT_TRUE(keeper->refused());
        EXPECT_EQ(log.count("account_resumed"), 0u);
        co_return;
    };
    with_keeper(body());
}

TEST_F(TokenKeeper, ARefusedCredentialRaisesOneAlarmAndIsTriedCalmly) {
    provider.token_status = 401;
    auto body = [&]() -> asio::awaitable<void> {
        EXPECT_FALSE((co_await until(time, time.now() + 24h, keeper->get())).has_value());
        EXPECT_TRUE(keeper->refused());
        EXPECT_EQ(log.count("account_paused"), 1u);
        EXPECT_LE(provider.tokens, 200);
        EXPECT_GE(provider.tokens, 100) << "it resumes by itself, so it has to try";
        provider.token_status = 200;
        keeper->worked((co_await keeper->get()).generation);
        EXPECT_FALSE(keeper->refused());
    };
    with_keeper(body());
}

TEST_F(TokenKeeper, AMalformedAnswerIsTriedAgainAndPausesNothing) {
    provider.token_answer = R"({"access_token": "a", "token_type": "Bearer", "expires_in": 0})";
    auto body = [&]() -> asio::awaitable<void> {
        EXPECT_FALSE((co_await until(time, time.now() + 10min, keeper->get())).has_value());
        EXPECT_FALSE(keeper->refused());
        EXPECT_GE(provider.tokens, 5);
        EXPECT_LE(provider.tokens, 30);
    };
    with_keeper(body());
}

}  // namespace
}  // namespace onboardd
