#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <future>

#include "http/client_fixture.hpp"
#include "http/tls_server.hpp"
#include "onboardd/base/blocking.hpp"
#include "onboardd/base/task_group.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;
using http::phase;
using http::progress;
using answer_type = result<http::response, http::failure>;

class HttpPoolTest : public test::client_fixture {
protected:
    asio::awaitable<answer_type> send(http::client& client, std::string target) {
        auto message = get(std::move(target));
        http::exchange_options options;
        co_return co_await client.send(std::move(message), std::move(options));
    }

    asio::awaitable<void> expect_good(http::client& client, std::string target) {
        const auto answer = co_await send(client, std::move(target));
        EXPECT_TRUE(answer.has_value()) << test::describe(answer);
    }

    // Waits beside the loop for what a server's thread will do.
    asio::awaitable<void> wait_for(std::future<void>& event) {
        auto wait = [&event] {
            event.wait();
            return true;
        };
        co_await blocking(threads, wait);
    }

    asio::awaitable<void> wait_for_ended(test::tls_server& server, std::size_t count) {
        auto wait = [&server, count] {
            server.wait_for_ended(count);
            return true;
        };
        co_await blocking(threads, wait);
    }

    asio::thread_pool threads{2};
};

TEST_F(HttpPoolTest, KeepsAConnectionForTheNextRequest) {
    test::tls_server server(good_identity(), test::always_answers(test::good_answer("ok")));
    with_client(options_for(server), [&](http::client& client) -> asio::awaitable<void> {
        for (int i = 0; i < 10; ++i) {
            co_await expect_good(client, "/");
        }
    });
    EXPECT_EQ(server.connections(), 1u);
}

TEST_F(HttpPoolTest, KeepsAConnectionThatWasNotUsed) {
    test::tls_server server(good_identity(), test::always_answers(test::good_answer("ok")));
    with_client(options_for(server), [&](http::client& client) -> asio::awaitable<void> {
        {
            auto lent = co_await client.connect();
            EXPECT_TRUE(lent.has_value());
        }
        co_await expect_good(client, "/");
    });
    EXPECT_EQ(server.connections(), 1u);
}

TEST_F(HttpPoolTest, DropsAConnectionAfterAnAnswerThatForbidsASecond) {
    const std::vector<std::string> answers = {
        test::good_answer("ok", "Connection: close\r\n"),
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        test::good_answer("ok") + "stray",
        test::good_answer("ok") + test::good_answer("ok"),
        "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n",
    };
    for (const auto& raw : answers) {
        test::tls_server server(good_identity(), test::answers(raw));
        with_client(options_for(server), [&](http::client& client) -> asio::awaitable<void> {
            co_await expect_good(client, "/1");
            co_await expect_good(client, "/2");
        });
        EXPECT_EQ(server.connections(), 2u) << raw;
    }
}

TEST_F(HttpPoolTest, AConnectionThatThePeerEndedIsNotUsed) {
    const std::vector<void (test::tls_session::*)()> endings = {
        &test::tls_session::close_properly, &test::tls_session::cut, &test::tls_session::reset};
    for (const auto ending : endings) {
        test::tls_server server(good_identity(), [&](test::tls_session& session) {
            session.read_request();
            session.send(test::good_answer("ok"));
            if (session.number() == 0) {
                (session.*ending)();
            }
            session.read_to_end();
        });
        with_client(options_for(server), [&](http::client& client) -> asio::awaitable<void> {
            co_await expect_good(client, "/1");
            co_await wait_for_ended(server, 1);
            co_await expect_good(client, "/2");
        });
        EXPECT_EQ(server.connections(), 2u);
    }
}

TEST_F(HttpPoolTest, AConnectionWithStrayBytesIsNotUsed) {
    std::promise<void> answered;
    std::promise<void> strayed;
    auto may_stray = answered.get_future();
    auto has_strayed = strayed.get_future();
    test::tls_server server(good_identity(), [&](test::tls_session& session) {
        session.read_request();
        session.send(test::good_answer("ok"));
        if (session.number() == 0) {
            may_stray.wait();
            session.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
            strayed.set_value();
        }
        session.read_to_end();
    });
    with_client(options_for(server), [&](http::client& client) -> asio::awaitable<void> {
        co_await expect_good(client, "/1");
        answered.set_value();
        co_await wait_for(has_strayed);
        co_await expect_good(client, "/2");
    });
    EXPECT_EQ(server.connections(), 2u);
}

// The connection dies between connect() and send(): the time in which the intent is made durable.
TEST_F(HttpPoolTest, AConnectionThatEndsWhileLentFailsAsNotSent) {
    test::tls_server server(good_identity(), [](test::tls_session& session) { session.cut(); });
    with_client(options_for(server), [&](http::client& client) -> asio::awaitable<void> {
        auto lent = co_await client.connect();
        EXPECT_TRUE(lent.has_value());
        co_await wait_for_ended(server, 1);
        auto message = post("/", "{}");
        http::exchange_options options;
        const auto answer = co_await (*lent)->send(std::move(message), std::move(options));
        EXPECT_TRUE(answer.has_error());
        EXPECT_EQ(answer.error().reached, progress::not_sent) << test::describe(answer);
    });
    EXPECT_EQ(server.received(), "");
}

TEST_F(HttpPoolTest, AnIdleConnectionGrowsTooOld) {
    test::tls_server server(good_identity(), test::always_answers(test::good_answer("ok")));
    with_client(options_for(server), [&](http::client& client) -> asio::awaitable<void> {
        co_await expect_good(client, "/1");
        time.advance(4'000ms);  // the test itself takes some time, so this is already a little more
        co_await expect_good(client, "/2");
        time.advance(3'000ms);
        co_await expect_good(client, "/3");
    });
    EXPECT_EQ(server.connections(), 2u);
}

TEST_F(HttpPoolTest, AnIdleConnectionIsClosedWithoutBeingAskedFor) {
    test::tls_server server(good_identity(), test::always_answers(test::good_answer("ok")));
    auto options = options_for(server);
    options.idle_max = 30ms;
    with_client(std::move(options), [&](http::client& client) -> asio::awaitable<void> {
        co_await expect_good(client, "/");
        co_await wait_for_ended(server, 1);
    });
}

TEST_F(HttpPoolTest, LendsFirstInFirstOutWithinItsBound) {
    test::tls_server server(good_identity(), test::always_answers(test::good_answer("ok")));
    auto options = options_for(server);
    options.connections_max = 1;
    with_client(std::move(options), [&](http::client& client) -> asio::awaitable<void> {
        task_group group(loop.get_executor());
        for (int i = 1; i <= 5; ++i) {
            group.spawn(expect_good(client, "/" + std::to_string(i)));
        }
        co_await group.join();
    });
    EXPECT_EQ(server.connections(), 1u);
    std::size_t last = 0;
    for (int i = 1; i <= 5; ++i) {
        const auto at = server.received().find("GET /" + std::to_string(i) + " ");
        ASSERT_NE(at, std::string::npos);
        EXPECT_GE(at, last) << i;
        last = at;
    }
}

TEST_F(HttpPoolTest, NeverHasMoreConnectionsThanItsBound) {
    test::tls_server server(good_identity(), test::always_answers(test::good_answer("ok")));
    auto options = options_for(server);
    options.connections_max = 3;
    with_client(std::move(options), [&](http::client& client) -> asio::awaitable<void> {
        task_group group(loop.get_executor());
        for (int i = 1; i <= 30; ++i) {
            group.spawn(expect_good(client, "/" + std::to_string(i)));
        }
        co_await group.join();
    });
    EXPECT_LE(server.connections(), 3u);
}

TEST_F(HttpPoolTest, AWaiterThatGivesUpIsPassedOver) {
    test::tls_server server(good_identity(), test::always_answers(test::good_answer("ok")));
    auto options = options_for(server);
    options.connections_max = 1;
    with_client(std::move(options), [&](http::client& client) -> asio::awaitable<void> {
        auto lent = co_await client.connect();
        EXPECT_TRUE(lent.has_value());
        task_group first(loop.get_executor());
        task_group second(loop.get_executor());
        task_group third(loop.get_executor());
        first.spawn(expect_good(client, "/1"));
        second.spawn(expect_good(client, "/2"));
        third.spawn(expect_good(client, "/3"));
        co_await asio::post(asio::use_awaitable);  // they run up to their wait
        first.cancel();
        co_await first.join();
        lent->reset();    // the second gets the slot in this moment
        second.cancel();  // and is gone before it could take it
        co_await second.join();
        co_await third.join();
    });
    EXPECT_EQ(server.received().find("GET /1 "), std::string::npos);
    EXPECT_EQ(server.received().find("GET /2 "), std::string::npos);
    EXPECT_NE(server.received().find("GET /3 "), std::string::npos);
}

TEST_F(HttpPoolTest, TwoConnectionsGivenBackTogetherGoToTwoWaiters) {
    test::tls_server server(good_identity(), test::always_answers(test::good_answer("ok")));
    auto options = options_for(server);
    options.connections_max = 2;
    with_client(std::move(options), [&](http::client& client) -> asio::awaitable<void> {
        auto first = co_await client.connect();
        auto second = co_await client.connect();
        EXPECT_TRUE(first.has_value() && second.has_value());
        task_group group(loop.get_executor());
        group.spawn(expect_good(client, "/1"));
        group.spawn(expect_good(client, "/2"));
        co_await asio::post(asio::use_awaitable);  // both run up to their wait
        first->reset();
        second->reset();
        co_await group.join();
        first = co_await client.connect();  // and none was lost on the way
        second = co_await client.connect();
        EXPECT_TRUE(first.has_value() && second.has_value());
    });
}

TEST_F(HttpPoolTest, CancellationWhileTheAnswerIsAwaitedClosesTheConnection) {
    std::promise<void> arrived;
    auto has_arrived = arrived.get_future();
    test::tls_server server(good_identity(), [&](test::tls_session& session) {
        session.read_request();
        if (session.number() == 0) {
            arrived.set_value();
        } else {
            session.send(test::good_answer("ok"));
        }
        session.read_to_end();
    });
    auto options = options_for(server);
    options.connections_max = 1;
    with_client(std::move(options), [&](http::client& client) -> asio::awaitable<void> {
        task_group group(loop.get_executor());
        group.spawn(expect_good(client, "/1"));
        co_await wait_for(has_arrived);
        group.cancel();
        co_await group.join();
        co_await wait_for_ended(server, 1);
        co_await expect_good(client, "/2");
    });
    EXPECT_EQ(server.connections(), 2u);
}

TEST_F(HttpPoolTest, CancellationWhileTheRequestIsWrittenClosesTheConnection) {
    std::promise<void> begun;
    auto has_begun = begun.get_future();
    std::promise<void> over;
    auto is_over = over.get_future();
    test::tls_server server(good_identity(), [&](test::tls_session& session) {
        session.read_some();
        begun.set_value();
        is_over.wait();
        session.read_to_end();
    });
    constexpr std::size_t large = 64 * 1024 * 1024;  // more than any socket buffer
    auto send_large = [&](http::client& client) -> asio::awaitable<void> {
        auto message = post("/", std::string(large, 'x'));
        http::exchange_options options;
        co_await client.send(std::move(message), std::move(options));
        ADD_FAILURE() << "it was cancelled";
    };
    with_client(options_for(server), [&](http::client& client) -> asio::awaitable<void> {
        task_group group(loop.get_executor());
        group.spawn(send_large(client));
        co_await wait_for(has_begun);
        group.cancel();
        co_await group.join();
        over.set_value();
        co_await wait_for_ended(server, 1);
    });
    EXPECT_LT(server.received().size(), large);
}

TEST_F(HttpPoolTest, CancellationWhileConnectingLeavesNothingBehind) {
    std::promise<void> accepted;
    auto is_accepted = accepted.get_future();
    test::tls_server::options plain;
    plain.plain = true;
    test::tls_server server(
        good_identity(),
        [&](test::tls_session& session) {
            session.read_some();
            accepted.set_value();
            session.read_to_end();
        },
        plain);
    with_client(options_for(server), [&](http::client& client) -> asio::awaitable<void> {
        task_group group(loop.get_executor());
        group.spawn(expect_good(client, "/"));
        co_await wait_for(is_accepted);
        group.cancel();
        co_await group.join();
        co_await wait_for_ended(server, 1);
    });
}

TEST_F(HttpPoolTest, EndsExchangesAndWaitersWhenItStops) {
    std::promise<void> arrived;
    auto has_arrived = arrived.get_future();
    test::tls_server server(good_identity(), [&](test::tls_session& session) {
        session.read_request();
        arrived.set_value();
        session.read_to_end();
    });
    auto options = options_for(server);
    options.connections_max = 1;
    std::vector<answer_type> answers;
    auto note = [&](http::client& client) -> asio::awaitable<void> {
        answers.push_back(co_await send(client, "/"));
    };
    with_client(std::move(options), [&](http::client& client) -> asio::awaitable<void> {
        task_group running(loop.get_executor());
        running.spawn(client.run());
        task_group group(loop.get_executor());
        group.spawn(note(client));
        group.spawn(note(client));
        co_await wait_for(has_arrived);
        running.cancel();
        co_await running.join();
        co_await group.join();
        co_await note(client);
    });
    ASSERT_EQ(answers.size(), 3u);
    for (const auto& each : answers) {
        ASSERT_TRUE(each.has_error());
        EXPECT_EQ(each.error().ec, errc::stopping);
    }
    std::size_t sent = 0;
    for (const auto& each : answers) {
        sent += each.error().reached == progress::sent ? 1 : 0;
    }
    EXPECT_EQ(sent, 1u);
}

TEST_F(HttpPoolTest, RefusedConnectionsAndUnknownNamesAreNotSent) {
    std::uint16_t closed_port = 0;
    {
        const test::tls_server server(good_identity(), test::answers(""));
        closed_port = server.port();
    }
    http::client_options options;
    options.host = "127.0.0.1";
    options.port = closed_port;
    options.tls.ca_file = trusted().file();
    auto refused = ask_with(options, get("/"));
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().ec, asio::error::connection_refused);
    EXPECT_EQ(refused.error().step, phase::connect);
    EXPECT_EQ(refused.error().reached, progress::not_sent);

    options.host = "no-such-host.invalid";
    auto unknown = ask_with(options, get("/"));
    ASSERT_TRUE(unknown.has_error());
    EXPECT_EQ(unknown.error().step, phase::resolve) << test::describe(unknown);
    EXPECT_EQ(unknown.error().reached, progress::not_sent);
}

TEST_F(HttpPoolTest, AnUnsafeRequestLeavesTheConnectionUsable) {
    test::tls_server server(good_identity(), test::always_answers(test::good_answer("ok")));
    with_client(options_for(server), [&](http::client& client) -> asio::awaitable<void> {
        const auto refused = co_await send(client, "/a\r\nX: y");
        EXPECT_TRUE(refused.has_error());
        EXPECT_EQ(refused.error().ec, errc::unsafe_request);
        EXPECT_EQ(refused.error().reached, progress::not_sent);
        co_await expect_good(client, "/");
    });
    EXPECT_EQ(server.connections(), 1u);
    EXPECT_EQ(server.received().find("X: y"), std::string::npos);
}

}  // namespace
}  // namespace onboardd
