#include <gmock/gmock.h>
#include <sys/stat.h>

#include <future>

#include "admin/window_fixture.hpp"
#include "onboardd/base/error.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;
using admin::verb;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class AdminServer : public test::window_fixture {
protected:
    void add_handlers(admin::server& window) override {
        window.on(verb::get, "/hello",
                  [](admin::request asked) -> asio::awaitable<admin::response> {
                      co_return admin::plain(200, "hello " + asked.query);
                  });
        window.on(verb::get, "/fails", [](admin::request) -> asio::awaitable<admin::response> {
            throw std::runtime_error("a handler has a bug");
            co_return admin::plain(200, "");
        });
        window.on(verb::post, "/echo",
                  [](admin::request asked) -> asio::awaitable<admin::response> {
                      const auto uid = asked.from ? std::to_string(asked.from->uid) : "nobody";
                      const bool is_us = asked.from && asked.from->pid == ::getpid();
                      co_return admin::plain(200, uid + (is_us ? " us " : " others ") + asked.body);
                  });
    }
};

TEST_F(AdminServer, AnswersAGetWithStrictFields) {
    open();
    const auto answer = ask(get("/hello?world"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nhello world\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 12\r\n"));
    EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store\r\n"));
    EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("Access-Control")));
}

TEST_F(AdminServer, AnswersAHeadWithoutABody) {
    open();
    const auto answer =
        ask("HEAD /hello?world HTTP/1.1\r\nHost: [::1]:9\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(answer, HasSubstr("Content-Length: 12\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(AdminServer, KeepsAConnectionForTheNextRequest) {
    open();
    const auto answer = ask("GET /hello?1 HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/hello?2"));
    EXPECT_THAT(answer, HasSubstr("hello 1\n"));
    EXPECT_THAT(answer, EndsWith("hello 2\n"));
}

TEST_F(AdminServer, SendsAPageAwayThatHasItsOwnNamePointHere) {
    open();
    EXPECT_THAT(ask(get("/hello", "evil.example:9464")), StartsWith("HTTP/1.1 421 "));
    EXPECT_THAT(ask("GET /hello HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(ask("GET /hello HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(ask("GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"),
                StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(ask("GET http://evil.example/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                StartsWith("HTTP/1.1 400 "));
}

TEST_F(AdminServer, ChangesNothingOverTcp) {
    open();
    const std::string post =
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    EXPECT_THAT(ask(post), StartsWith("HTTP/1.1 405 "));
    EXPECT_THAT(ask("DELETE /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
                StartsWith("HTTP/1.1 405 "));
    EXPECT_THAT(ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"),
                StartsWith("HTTP/1.1 413 "));
}

TEST_F(AdminServer, TheControlSocketTakesAPostAndKnowsWhoSentIt) {
    open();
    const auto answer = ask_socket(
        "POST /echo HTTP/1.1\r\nHost: onboardd\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
        "body");
    EXPECT_THAT(answer, EndsWith("\r\n\r\n" + std::to_string(::getuid()) + " us body\n"));
    EXPECT_THAT(ask_socket(get("/hello?there", "onboardd")), EndsWith("hello there\n"));
    EXPECT_THAT(ask_socket(get("/echo")), HasSubstr("Allow: POST\r\n"));
}

TEST_F(AdminServer, WhatIsNotThereOrNoRequestIsToldSo) {
    open();
    EXPECT_THAT(ask(get("/nothing")), StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(ask("this is not HTTP\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(ask("GET /hello HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(9000, 'x')),
                StartsWith("HTTP/1.1 431 "));
    EXPECT_THAT(ask_socket("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"),
                StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(ask(get("/hello")), StartsWith("HTTP/1.1 200 ")) << "it goes on";
}

TEST_F(AdminServer, AHandlerThatFailsEndsItsRequestAlone) {
    open();
    EXPECT_THAT(ask(get("/fails")), StartsWith("HTTP/1.1 500 "));
    ASSERT_EQ(log.count("admin_request_failed"), 1u);
    EXPECT_EQ(log.of("admin_request_failed")[0].fields.at("reason"), "a handler has a bug");
    EXPECT_THAT(ask(get("/hello")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServer, ASlowCallerIsSentAway) {
    options.request_max = 20ms;
    open();
    const auto fd = connect();
    send(fd, "GET /hello HTT");
    EXPECT_THAT(receive_all(fd), StartsWith("HTTP/1.1 408 "));
}

TEST_F(AdminServer, AnIdleConnectionEnds) {
    options.idle_max = 20ms;
    open();
    EXPECT_EQ(receive_all(connect()), "");
}

TEST_F(AdminServer, WhoComesWhenItIsFullWaitsForAPlace) {
    options.connections_max = 2;
    open();
    auto first = connect();
    const auto second = connect();
    send(first, "GET /hel");
    send(second, "GET /hel");
    const auto third = connect();
    send(third, get("/hello?third"));
    first.reset();
    EXPECT_THAT(receive_all(third), EndsWith("hello third\n"));
}

TEST_F(AdminServer, TheOnesWhoLookDoNotKeepTheOperatorOut) {
    options.connections_max = 1;
    open();
    const auto looking = connect();
    send(looking, "GET /hel");
    EXPECT_THAT(ask_socket(get("/hello?operator")), EndsWith("hello operator\n"));
}

TEST_F(AdminServer, TheControlSocketIsForItsGroupAndGoesWithTheServer) {
    open();
    struct stat seen {};
    ASSERT_EQ(::stat(options.socket.c_str(), &seen), 0);
    EXPECT_TRUE(S_ISSOCK(seen.st_mode));
    EXPECT_EQ(seen.st_mode & 0777, 0660u);
    close();
    EXPECT_NE(::stat(options.socket.c_str(), &seen), 0);
}

TEST_F(AdminServer, AStaleSocketIsReplacedAndALivingOneIsNot) {
    {
        sockaddr_un place{};
        place.sun_family = AF_UNIX;
        options.socket.native().copy(place.sun_path, sizeof place.sun_path - 1);
        const unique_fd left(::socket(AF_UNIX, SOCK_STREAM, 0));
        ASSERT_EQ(::bind(left.get(), reinterpret_cast<sockaddr*>(&place), sizeof place), 0);
    }  // closed, and the file stays
    open();
    EXPECT_THAT(ask_socket(get("/hello?new")), EndsWith("hello new\n"));
    auto other = options;
    other.http.reset();
    EXPECT_THROW(admin::open_server(loop.get_executor(), *time, log, other), already_owned);
    EXPECT_THAT(ask_socket(get("/hello?still")), EndsWith("hello still\n"));
}

TEST_F(AdminServer, AnotherFileAtItsPlaceIsLeftAlone) {
    test::write_file(options.socket, "precious");
    EXPECT_THROW(admin::open_server(loop.get_executor(), *time, log, options), config_error);
    EXPECT_EQ(test::read_file(options.socket), "precious");
}

TEST_F(AdminServer, AnAddressThatCannotBeUsedIsAFaultAtTheStart) {
    open();
    auto other = options;
    other.socket.clear();
    other.http = "127.0.0.1:" + std::to_string(subject->port());
    try {
        admin::open_server(loop.get_executor(), *time, log, other);
        FAIL() << "the port is taken";
    } catch (const config_error& told) {
        EXPECT_THAT(told.what(), StartsWith("admin.http: cannot listen at 127.0.0.1:"));
    }
    other.http = "unix:/nonexistent/http.sock";
    EXPECT_THROW(admin::open_server(loop.get_executor(), *time, log, other), config_error);
}

TEST_F(AdminServer, WithoutADirectoryForTheControlSocketItGoesOnAndSaysSo) {
    options.socket = files.path() / "missing" / "control.sock";
    open();
    EXPECT_EQ(log.count("no_control_socket"), 1u);
    EXPECT_THAT(ask(get("/hello")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServer, LookingOverAUnixSocketNeedsNoHostAndChangesNothing) {
    options.http = "unix:" + (files.path() / "http.sock").native();
    options.socket.clear();
    open();
    options.socket = files.path() / "http.sock";  // where the caller goes
    EXPECT_THAT(ask_socket(get("/hello?there", "proxy.example")), EndsWith("hello there\n"));
    EXPECT_THAT(ask_socket("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                           "Connection: close\r\n\r\n"),
                StartsWith("HTTP/1.1 405 "));
}

TEST_F(AdminServer, EndsWhateverIsOpen) {
    open();
    const auto waiting = connect();
    send(waiting, "GET /hel");
    const auto idle = connect_to_socket();
    close();
    EXPECT_EQ(receive_all(idle), "");
}

}  // namespace
}  // namespace onboardd
