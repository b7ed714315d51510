// What a hostile or broken peer may try beyond broken answers: lead the request elsewhere, flood,
// drip, and swell.

#include <sys/resource.h>

#include <atomic>
#include <cstdlib>

#include "http/client_fixture.hpp"
#include "http/tls_server.hpp"
#include "support/environment.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;
using http::progress;

class HttpHostileNetworkTest : public test::client_fixture {
protected:
    void expect_unknown(const result<http::response, http::failure>& answer,
                        const std::string& what) {
        ASSERT_TRUE(answer.has_error()) << what << ": " << test::describe(answer);
        EXPECT_EQ(answer.error().reached, progress::sent) << what;
    }
};

test::tls_server::options plain_tcp() {
    test::tls_server::options wanted;
    wanted.plain = true;
    return wanted;
}

TEST_F(HttpHostileNetworkTest, ARedirectTakesTheTokenNowhere) {
    test::tls_server other(good_identity(), test::always_answers(test::good_answer("caught")));
    test::tls_server plain(good_identity(), test::always_answers(test::good_answer("caught")),
                           plain_tcp());
    const auto other_port = std::to_string(other.port());
    const std::vector<std::string> places = {
        "https://127.0.0.1:" + other_port + "/caught",
        "https://localhost:" + other_port + "/caught",
        "//127.0.0.1:" + other_port + "/caught",
        "http://127.0.0.1:" + std::to_string(plain.port()) + "/caught",
        "/v1/elsewhere",
        "",
    };
    for (int status = 300; status <= 308; ++status) {
        for (const auto& place : places) {
            std::size_t requests = 0;
            test::tls_server server(good_identity(), [&](test::tls_session& session) {
                while (!session.read_request().empty()) {
                    ++requests;
                    session.send("HTTP/1.1 " + std::to_string(status) +
                                 " Moved\r\nLocation: " + place + "\r\nContent-Length: 0\r\n\r\n");
                }
            });
            const auto answer = ask(server, post("/v1/cases", "{}"));
            server.wait_for_ended(1);
            // 304 has no body and no length, so a length of 0 is as good.
            ASSERT_TRUE(answer.has_value()) << status << place << test::describe(answer);
            EXPECT_EQ(answer->status, static_cast<unsigned>(status));
            EXPECT_EQ(requests, 1u) << status << " " << place;
            EXPECT_EQ(server.connections(), 1u);
        }
    }
    EXPECT_EQ(other.connections(), 0u);
    EXPECT_EQ(plain.connections(), 0u);
    EXPECT_EQ((other.received() + plain.received()).find("canary"), std::string::npos);
}

TEST_F(HttpHostileNetworkTest, ProxiesOfTheEnvironmentAreNotAsked) {
    test::tls_server canary(good_identity(), test::always_answers("HTTP/1.1 200 OK\r\n\r\n"),
                            plain_tcp());
    test::environment variables;
    const auto proxy = "http://127.0.0.1:" + std::to_string(canary.port());
    for (const auto* name :
         {"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) {
        variables.set(name, proxy);
    }
    variables.set("no_proxy", "");
    EXPECT_TRUE(meet(test::good_answer("ok")).has_value());
    EXPECT_EQ(canary.connections(), 0u);
}

TEST_F(HttpHostileNetworkTest, AFloodOfInterimAnswersEnds) {
    for (const char* interim : {"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n",
                                "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"}) {
        std::string flood;
        for (int i = 0; i < 100; ++i) {
            flood += interim;
        }
        const auto answer = meet(flood + test::good_answer("ok"));
        expect_unknown(answer, interim);
        EXPECT_EQ(answer.error().ec, errc::too_many_interim);
    }
}

TEST_F(HttpHostileNetworkTest, ADripOfAnyPartMeetsTheTimeLimit) {
    const std::string whole = test::good_answer(std::string(2'000, 'x'));
    // Where the drip begins: in the head, at its end, in the body.
    for (const std::size_t at : {std::size_t{0}, whole.find("\r\n\r\n"), whole.size() - 1'000}) {
        std::atomic<bool> over = false;
        test::tls_server server(good_identity(), [&](test::tls_session& session) {
            session.read_request();
            session.send(whole.substr(0, at));
            for (auto i = at; !over && session.send(whole.substr(i, 1)); ++i) {
                session.wait_for_peer(20ms);
            }
        });
        http::exchange_options options;
        options.time_max = 100ms;
        const auto answer = ask(server, post("/", "{}"), std::move(options));
        over = true;
        expect_unknown(answer, "drip from " + std::to_string(at));
        EXPECT_EQ(answer.error().ec, errc::timed_out);
    }
}

long peak_kib() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return used.ru_maxrss;
}

// Heads, chunk heads and trailers without end: what is kept of them is bounded.
TEST_F(HttpHostileNetworkTest, EndlessPartsCostNoMemory) {
    constexpr long growth_max_kib = 64 * 1024;
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::vector<std::pair<const char*, std::string>> starts = {
        {"status line", "HTTP/1.1 200 "},
        {"one field", "HTTP/1.1 200 OK\r\nX: "},
        {"chunk size", chunked},
        {"chunk extension", chunked + "1;x="},
        {"trailers", chunked + "0\r\nX: "},
    };
    const auto before = peak_kib();
    for (const auto& [name, start] : starts) {
        const std::string filler(16 * 1024, '0');
        std::size_t sent = 0;
        test::tls_server server(good_identity(),
                                [&, &beginning = start](test::tls_session& session) {
                                    session.read_request();
                                    session.send(beginning);
                                    while (sent < 256 * 1024 * 1024 && session.send(filler)) {
                                        sent += filler.size();
                                    }
                                });
        expect_unknown(ask(server, post("/", "{}")), name);
        server.wait_for_ended(1);
        EXPECT_LT(sent, std::size_t{64} * 1024 * 1024) << name << ": taken for ever";
    }
    EXPECT_LT(peak_kib() - before, growth_max_kib);
}

TEST_F(HttpHostileNetworkTest, SmugglingShapesAreNoAnswers) {
    const std::string rest = "2\r\n{}\r\n0\r\n\r\n";
    const std::vector<std::pair<const char*, std::string>> shapes = {
        {"TE then CL", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"},
        {"CL then TE", "Content-Length: 12\r\nTransfer-Encoding: chunked\r\n"},
        {"two lengths", "Content-Length: 2\r\nContent-Length: 12\r\n"},
        {"a list of lengths", "Content-Length: 2, 2\r\n"},
        {"a signed length", "Content-Length: +2\r\n"},
        {"a length in hex", "Content-Length: 0x2\r\n"},
        {"a huge length", "Content-Length: 99999999999999999999999\r\n"},
        {"a space before the colon", "Content-Length : 2\r\n"},
        {"a folded length", "Content-Length:\r\n 2\r\n"},
        {"two encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"},
        {"chunked, chunked", "Transfer-Encoding: chunked, chunked\r\n"},
        {"gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n"},
        {"chunked, identity", "Transfer-Encoding: chunked, identity\r\n"},
        {"xchunked", "Transfer-Encoding: xchunked\r\n"},
        {"a vertical tab", "Transfer-Encoding: \vchunked\r\n"},
        {"a NUL in a name", std::string("X\0Y: 1\r\nContent-Length: 2\r\n", 26)},
        {"a bare CR", "X: a\rContent-Length: 2\r\nContent-Length: 12\r\n"},
    };
    for (const auto& [name, fields] : shapes) {
        expect_unknown(meet("HTTP/1.1 200 OK\r\n" + fields + "\r\n" + rest), name);
    }
}

}  // namespace
}  // namespace onboardd
