#include "daemon/http/exchange.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <vector>

#include "http/certificates.hpp"
#include "support/manual_clock.hpp"

namespace onboardd::http {
namespace {

using need = exchange::need;

// Both ends of a TLS connection in one thread, over a socket with a small buffer: every step is the
// test's.
class HttpExchangeTest : public testing::Test {
protected:
    HttpExchangeTest() : authority("onboardd test CA"), context(trusting(authority), "localhost") {
        int pair[2];
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair);
        const int small = 1;
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        here = pair[0];
        there = pair[1];
        const auto self = authority.issue(test::leaf());
        server_context.reset(SSL_CTX_new(TLS_server_method()));
        SSL_CTX_use_certificate(server_context.get(), self.certificate.get());
        SSL_CTX_use_PrivateKey(server_context.get(), self.key.get());
        server.reset(SSL_new(server_context.get()));
        SSL_set_fd(server.get(), there);
        stream.emplace(context, here);
        for (int turn = 0; turn < 20 && stream->handshake() != io::done; ++turn) {
            SSL_accept(server.get());
        }
        SSL_accept(server.get());
        EXPECT_EQ(SSL_is_init_finished(server.get()), 1);
        message.verb = method::post;
        message.target = "/v1/cases";
        message.authorization = "Bearer canary-token";
        message.body = std::string(40'000, 'x') + "L";
    }

    ~HttpExchangeTest() override {
        ::close(here);
        close_there();
    }

    static tls_options trusting(const test::authority& authority) {
        tls_options options;
        options.ca_file = authority.file();
        return options;
    }

    exchange& start() {
        return work.emplace(*stream, in, out, time, answer_limits(), "Host: localhost\r\n", message,
                            std::move(options));
    }

    // What the server gets in one read; false if there is nothing.
    bool serve_some() {
        char bytes[4096];
        const int got = SSL_read(server.get(), bytes, sizeof bytes);
        received.append(bytes, static_cast<std::size_t>(std::max(got, 0)));
        return got > 0;
    }

    // Goes on until the exchange waits for its answer or is over, with a server that reads all.
    need finish_writing() {
        auto next = work->advance();
        while (next == need::writable) {
            serve_some();
            next = work->advance();
        }
        while (serve_some()) {
        }
        return next;
    }

    void close_there() {
        if (there >= 0) {
            ::close(std::exchange(there, -1));
        }
    }

    failure failed() {
        auto answer = work->take();
        EXPECT_TRUE(answer.has_error());
        return answer.has_error() ? answer.error() : failure();
    }

    test::authority authority;
    tls_context context;
    ssl_ctx_ptr server_context;
    ssl_ptr server;
    int here = -1;
    int there = -1;
    std::optional<tls_stream> stream;
    std::vector<char> in = std::vector<char>(16 * 1024);
    std::string out;
    test::manual_clock time;
    request message;
    exchange_options options;
    std::optional<exchange> work;
    std::string received;
};

TEST_F(HttpExchangeTest, SendsAllButTheLastByteThenTheLastByte) {
    start();
    EXPECT_EQ(finish_writing(), need::readable);
    EXPECT_TRUE(received.ends_with("xL"));
    EXPECT_EQ(received.size() - received.find("\r\n\r\n") - 4, 40'001u);
    const std::string answer = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
    SSL_write(server.get(), answer.data(), static_cast<int>(answer.size()));
    EXPECT_EQ(work->advance(), need::done);
    EXPECT_TRUE(work->leaves_connection_clean());
    const auto read = work->take();
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->status, 201u);
}

// The server takes some pieces and is gone. Either it lacks the last byte and we say "not sent", or
// we say "sent".
class HttpExchangeCutTest : public HttpExchangeTest, public testing::WithParamInterface<int> {};

TEST_P(HttpExchangeCutTest, BeforeTheLastByteIsNotSent) {
    start();
    auto next = work->advance();
    for (int reads = 0; reads < GetParam() && next == need::writable; ++reads) {
        serve_some();
        next = work->advance();
    }
    EXPECT_EQ(next, need::writable) << "the buffer must be smaller than the request";
    close_there();
    EXPECT_EQ(work->advance(), need::done);
    const auto why = failed();
    EXPECT_EQ(why.reached, progress::not_sent);
    EXPECT_EQ(why.step, phase::send);
    EXPECT_EQ(received.find("xL"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(AfterSomeReads, HttpExchangeCutTest, testing::Range(0, 8));

TEST_F(HttpExchangeTest, TheDeadlineIsLookedAtRightBeforeTheLastByte) {
    options.send_deadline = time.boot_now() + std::chrono::seconds(1);
    start();
    EXPECT_EQ(work->advance(), need::writable);
    time.advance(std::chrono::milliseconds(1'001));
    EXPECT_EQ(finish_writing(), need::done);
    const auto why = failed();
    EXPECT_EQ(why.ec, errc::send_deadline);
    EXPECT_EQ(why.reached, progress::not_sent);
    EXPECT_EQ(why.step, phase::send);
    EXPECT_TRUE(received.ends_with("x")) << "all but the last byte";
    EXPECT_FALSE(work->leaves_connection_clean());
}

TEST_F(HttpExchangeTest, TheDeadlinePassesWhileTheMachineSleeps) {
    options.send_deadline = time.boot_now() + std::chrono::seconds(1);
    start();
    EXPECT_EQ(work->advance(), need::writable);
    time.sleep(std::chrono::milliseconds(1'001));
    EXPECT_EQ(finish_writing(), need::done);
    const auto why = failed();
    EXPECT_EQ(why.ec, errc::send_deadline);
    EXPECT_EQ(why.reached, progress::not_sent);
    EXPECT_TRUE(received.ends_with("x")) << "all but the last byte";
}

TEST_F(HttpExchangeTest, ADeadlineOfThisVeryMomentIsStillKept) {
    options.send_deadline = time.boot_now();
    start();
    EXPECT_EQ(finish_writing(), need::readable);
}

TEST_F(HttpExchangeTest, StrayBytesBeforeTheLastByteStopTheRequest) {
    const std::string stray = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    SSL_write(server.get(), stray.data(), static_cast<int>(stray.size()));
    start();
    EXPECT_EQ(finish_writing(), need::done);
    const auto why = failed();
    EXPECT_EQ(why.ec, errc::stale_connection);
    EXPECT_EQ(why.reached, progress::not_sent);
    EXPECT_TRUE(received.ends_with("x"));
}

TEST_F(HttpExchangeTest, TheLastByteOfAGetIsHeldBackToo) {
    message.verb = method::get;
    options.send_deadline = time.boot_now() - std::chrono::seconds(1);
    start();
    EXPECT_EQ(finish_writing(), need::done);
    EXPECT_TRUE(received.starts_with("GET /v1/cases HTTP/1.1\r\n"));
    EXPECT_TRUE(received.ends_with("\r\n\r")) << "the empty line lacks its line feed";
    EXPECT_EQ(failed().reached, progress::not_sent);
}

TEST_F(HttpExchangeTest, AnEndBeforeTheLastByteStopsTheRequest) {
    SSL_shutdown(server.get());
    start();
    EXPECT_EQ(finish_writing(), need::done);
    const auto why = failed();
    EXPECT_EQ(why.ec, errc::stale_connection);
    EXPECT_EQ(why.reached, progress::not_sent);
}

TEST_F(HttpExchangeTest, AfterTheLastByteEveryFailureIsSent) {
    start();
    EXPECT_EQ(finish_writing(), need::readable);
    close_there();
    EXPECT_EQ(work->advance(), need::done);
    EXPECT_EQ(failed().reached, progress::sent);
}

TEST_F(HttpExchangeTest, InterruptionTellsHowFarItCame) {
    start();
    EXPECT_EQ(work->advance(), need::writable);
    work->interrupt(errc::timed_out);
    EXPECT_EQ(work->advance(), need::done);
    EXPECT_EQ(failed().reached, progress::not_sent);
}

TEST_F(HttpExchangeTest, CredentialsAreWipedOnceSent) {
    message.body = "{}";
    out.reserve(4'096);
    const std::string_view memory(out.data(), out.capacity());
    start();
    EXPECT_EQ(finish_writing(), need::readable);
    EXPECT_NE(received.find("canary-token"), std::string::npos);
    EXPECT_EQ(memory.find("canary-token"), std::string_view::npos);
}

TEST_F(HttpExchangeTest, UnsafeRequestsLeaveTheConnectionUntouched) {
    for (const auto* target : {"/a b", "/a\r\nX: y", "", "a", "/\xc3\xa6", "/#"}) {
        message.target = target;
        start();
        EXPECT_EQ(work->advance(), need::done);
        EXPECT_TRUE(work->leaves_connection_clean());
        const auto why = failed();
        EXPECT_EQ(why.ec, errc::unsafe_request);
        EXPECT_EQ(why.reached, progress::not_sent);
    }
    message.target = "/";
    message.authorization = "Bearer a\r\nX: y";
    start();
    EXPECT_EQ(work->advance(), need::done);
    EXPECT_EQ(failed().ec, errc::unsafe_request);
    EXPECT_FALSE(serve_some());
}

}  // namespace
}  // namespace onboardd::http
