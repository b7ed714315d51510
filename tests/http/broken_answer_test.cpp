#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cstdio>
#include <future>

#include "http/client_fixture.hpp"
#include "http/tls_server.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;
using http::phase;
using http::progress;

class HttpBrokenAnswerTest : public test::client_fixture {
protected:
    void expect_unknown(const result<http::response, http::failure>& answer, const error_code& ec,
                        const std::string& what) {
        ASSERT_TRUE(answer.has_error()) << what << ": " << test::describe(answer);
        EXPECT_EQ(answer.error().ec, ec) << what << ": " << test::describe(answer);
        EXPECT_EQ(answer.error().reached, progress::sent) << what;
        EXPECT_EQ(answer.error().step, phase::receive) << what;
    }
};

std::string ok(const std::string& fields) {
    return "HTTP/1.1 200 OK\r\n" + fields + "\r\n";
}

// The heart of "never twice": whatever is cut off an answer, it is not an answer.
TEST_F(HttpBrokenAnswerTest, AnAnswerCutAtAnyByteInAnyWayIsNeverAnAnswer) {
    const std::string whole = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" +
                              ok("Transfer-Encoding: chunked\r\n") + "2\r\n{}\r\n0\r\nA: b\r\n\r\n";
    const std::vector<void (test::tls_session::*)()> endings = {
        &test::tls_session::close_properly, &test::tls_session::cut, &test::tls_session::reset};
    const auto cases = whole.size() * endings.size();
    test::tls_server server(good_identity(), [&](test::tls_session& session) {
        session.read_request();
        session.send(whole.substr(0, session.number() / endings.size()));
        (session.*endings[session.number() % endings.size()])();
    });
    with_client(options_for(server), [&](http::client& client) -> asio::awaitable<void> {
        for (std::size_t i = 0; i < cases; ++i) {
            auto message = post("/", "{}");
            http::exchange_options options;
            const auto answer = co_await client.send(std::move(message), std::move(options));
            const auto what = "cut " + std::to_string(i / endings.size()) + ", ending " +
                              std::to_string(i % endings.size());
            EXPECT_TRUE(answer.has_error()) << what;
            if (answer.has_error()) {
                EXPECT_EQ(answer.error().reached, progress::sent) << what;
                EXPECT_EQ(answer.error().step, phase::receive) << what;
            }
        }
        auto message = post("/", "{}");
        http::exchange_options options;
        const auto control = co_await client.send(std::move(message), std::move(options));
        EXPECT_TRUE(control.has_value()) << "the whole answer is one: " << test::describe(control);
    });
    EXPECT_EQ(server.connections(), cases + 1);
}

TEST_F(HttpBrokenAnswerTest, ThePlainEndAndTheCutAreToldApart) {
    expect_unknown(meet(ok("Content-Length: 5\r\n") + "hell"), asio::error::eof, "close_notify");
    test::tls_server server(good_identity(), [](test::tls_session& session) {
        session.read_request();
        session.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
        session.cut();
    });
    expect_unknown(ask(server, post("/", "{}")), asio::ssl::error::stream_truncated, "FIN alone");
}

TEST_F(HttpBrokenAnswerTest, MalformedAnswersAreRefused) {
    const std::vector<std::pair<const char*, std::string>> cases = {
        {"framed by the end", ok("") + "{}"},
        {"two equal lengths", ok("Content-Length: 2\r\nContent-Length: 2\r\n") + "{}"},
        {"length and chunked",
         ok("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n") + "2\r\n{}\r\n0\r\n\r\n"},
        {"xchunked", ok("Transfer-Encoding: xchunked\r\n") + "{}"},
        {"identity", ok("Transfer-Encoding: identity\r\n") + "{}"},
        {"a folded field", ok("Content-Length: 2\r\nX: a\r\n b\r\n") + "{}"},
        {"bad chunk size", ok("Transfer-Encoding: chunked\r\n") + "zz\r\n{}\r\n0\r\n\r\n"},
        {"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"},
        {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n"},
        {"HTTP/2", "HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\n{}"},
        {"101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"},
        {"2,000 fields", ok([] {
             std::string fields = "Content-Length: 0\r\n";
             for (int i = 0; i < 2'000; ++i) {
                 fields += "A:\r\n";
             }
             return fields;
         }())},
    };
    for (const auto& [name, raw] : cases) {
        expect_unknown(meet(raw), errc::malformed_answer, name);
    }
}

TEST_F(HttpBrokenAnswerTest, SkipsFiveInterimAnswersAndNotSix) {
    std::string raw = test::good_answer("ok");
    for (int interim = 0; interim <= 5; ++interim) {
        const auto answer = meet(raw);
        ASSERT_TRUE(answer.has_value()) << interim << test::describe(answer);
        EXPECT_EQ(answer->body, "ok");
        raw = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + raw;
    }
    expect_unknown(meet(raw), errc::too_many_interim, "six");
}

TEST_F(HttpBrokenAnswerTest, BoundsHeadAndBody) {
    http::exchange_options small;
    small.body_bytes_max = 10;
    const std::string chunked = ok("Transfer-Encoding: chunked\r\n");
    EXPECT_TRUE(meet(test::good_answer("0123456789"), small).has_value());
    EXPECT_TRUE(meet(chunked + "a\r\n0123456789\r\n0\r\n\r\n", small).has_value());
    expect_unknown(meet(ok("Content-Length: 11\r\n"), small), errc::answer_too_large, "length");
    expect_unknown(meet(ok("Content-Length: 10000000000\r\n")), errc::answer_too_large, "10 GB");
    expect_unknown(meet(chunked + "b\r\n0123456789a\r\n0\r\n\r\n", small), errc::answer_too_large,
                   "chunks");

    auto padded = [](std::size_t size) {
        const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
        return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
    };
    const std::size_t head_max = 8 * 1024;
    EXPECT_TRUE(meet(padded(head_max)).has_value());
    expect_unknown(meet(padded(head_max + 1)), errc::answer_too_large, "head");
    expect_unknown(meet(padded(100 * head_max)), errc::answer_too_large, "large head");
    const std::string filler(20'000, 'x');
    expect_unknown(meet(chunked + "1;" + filler + "\r\nx\r\n0\r\n\r\n"), errc::answer_too_large,
                   "chunk extension");
    expect_unknown(meet(chunked + "0\r\nX: " + filler + "\r\n\r\n"), errc::answer_too_large,
                   "trailers");
}

TEST_F(HttpBrokenAnswerTest, ABodyWithoutEndMeetsItsBound) {
    test::tls_server server(good_identity(), [](test::tls_session& session) {
        session.read_request();
        session.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        const auto chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
        while (session.send(chunk)) {
        }
    });
    expect_unknown(ask(server, post("/", "{}")), errc::answer_too_large, "endless");
}

TEST_F(HttpBrokenAnswerTest, ASlowDripMeetsTheTimeForTheWholeExchange) {
    std::promise<void> enough;
    auto over = enough.get_future();
    test::tls_server server(good_identity(), [&](test::tls_session& session) {
        session.read_request();
        const auto raw = test::good_answer(std::string(100'000, 'x'));
        for (std::size_t i = 0; session.send(raw.substr(i, 1)); ++i) {
            if (over.wait_for(2ms) == std::future_status::ready) {  // the pace, not a rendezvous
                return;
            }
        }
    });
    http::exchange_options options;
    options.time_max = 100ms;
    expect_unknown(ask(server, post("/", "{}"), std::move(options)), errc::timed_out, "drip");
    enough.set_value();
}

TEST_F(HttpBrokenAnswerTest, ASilentServerMeetsTheTimeForTheWholeExchange) {
    test::tls_server server(good_identity(),
                            [](test::tls_session& session) { session.read_to_end(); });
    http::exchange_options options;
    options.time_max = 50ms;
    expect_unknown(ask(server, post("/", "{}"), std::move(options)), errc::timed_out, "silence");
}

// A long answer is bounded by its pace: how long nothing comes, and how much comes on average.
TEST_F(HttpBrokenAnswerTest, ALongAnswerMayTakeItsTimeButNotStandStill) {
    const auto whole = test::good_answer(std::string(40'000, 'x'));
    const auto meet_pace = [&](std::size_t sent, std::size_t piece, http::answer_pace pace) {
        std::promise<void> enough;
        auto over = enough.get_future();
        test::tls_server server(good_identity(), [&](test::tls_session& session) {
            session.read_request();
            for (std::size_t i = 0; i < sent && session.send(whole.substr(i, piece)); i += piece) {
                if (over.wait_for(2ms) == std::future_status::ready) {  // the pace
                    return;
                }
            }
            over.wait();
        });
        http::exchange_options options;
        options.time_max = 1h;
        options.pace = pace;
        auto answer = ask(server, post("/", "{}"), std::move(options));
        enough.set_value();
        return answer;
    };
    expect_unknown(meet_pace(20'000, 10'000, {100ms, 0}), errc::timed_out, "half of it");
    expect_unknown(meet_pace(40'000, 1, {100ms, 1'000'000}), errc::timed_out, "too slow");
    EXPECT_TRUE(meet_pace(whole.size(), 500, {5s, 100}).has_value());
}

TEST_F(HttpBrokenAnswerTest, NoRedirectIsFollowed) {
    test::tls_server elsewhere(good_identity(), test::always_answers(test::good_answer("caught")));
    for (const int status : {300, 301, 302, 303, 307, 308}) {
        const auto there = "https://127.0.0.1:" + std::to_string(elsewhere.port()) + "/caught";
        const auto answer = meet("HTTP/1.1 " + std::to_string(status) +
                                 " Moved\r\nLocation: " + there + "\r\nContent-Length: 0\r\n\r\n");
        ASSERT_TRUE(answer.has_value()) << test::describe(answer);
        EXPECT_EQ(answer->status, static_cast<unsigned>(status));
    }
    EXPECT_EQ(elsewhere.connections(), 0u);
}

TEST_F(HttpBrokenAnswerTest, ALongListStreamsThroughLittleMemory) {
    constexpr std::size_t cases = 200'000;
    const std::string one = R"({"id":"0123456789abcdef","status":"CREATED"},)";
    test::tls_server server(good_identity(), [&](test::tls_session& session) {
        session.read_request();
        session.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        std::string thousand;
        for (int i = 0; i < 1'000; ++i) {
            thousand += one;
        }
        char size[16];
        std::snprintf(size, sizeof size, "%zx\r\n", thousand.size());
        for (std::size_t i = 0; i < cases / 1'000; ++i) {
            session.send(size + thousand + "\r\n");
        }
        session.send("0\r\n\r\n");
        session.read_to_end();
    });
    std::size_t total = 0;
    std::size_t largest = 0;
    http::exchange_options options;
    options.body_bytes_max = 64 * 1024 * 1024;
    options.sink = [&](std::string_view piece) {
        total += piece.size();
        largest = std::max(largest, piece.size());
        return error_code();
    };
    const auto answer = ask(server, get("/v1/cases"), std::move(options));
    ASSERT_TRUE(answer.has_value()) << test::describe(answer);
    EXPECT_EQ(total, cases * one.size());
    EXPECT_LE(largest, 16u * 1024);
    EXPECT_EQ(answer->body, "");
}

TEST_F(HttpBrokenAnswerTest, ASinkThatHasEnoughEndsTheExchange) {
    http::exchange_options options;
    options.sink = [](std::string_view) { return make_error_code(errc::stopping); };
    expect_unknown(meet(test::good_answer("ok"), std::move(options)), errc::stopping, "sink");
}

}  // namespace
}  // namespace onboardd
