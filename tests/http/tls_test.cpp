#include "http/client_fixture.hpp"
#include "http/tls_server.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;
using http::phase;
using http::progress;

class HttpTlsTest : public test::client_fixture {
protected:
    using test::client_fixture::ask;

    // What a client that wants `host` makes of a server that shows `shown`.
    result<http::response, http::failure> meet(const test::identity& shown, const std::string& host,
                                               std::function<void(SSL_CTX*)> adjust = {}) {
        test::tls_server::options wanted;
        wanted.adjust = std::move(adjust);
        test::tls_server server(shown, test::always_answers(test::good_answer("ok")), wanted);
        auto options = options_for(server);
        options.host = host;
        auto answer = ask_with(std::move(options), post("/", "canary"));
        if (answer.has_error()) {
            server.wait_for_ended(1);
            EXPECT_EQ(server.received(), "")
                << "nothing may be sent to a server that is not the right one";
        }
        return answer;
    }

    void expect_refused(const result<http::response, http::failure>& answer,
                        const std::string& reason, const std::string& what) {
        ASSERT_TRUE(answer.has_error()) << what;
        EXPECT_EQ(answer.error().step, phase::tls) << what;
        EXPECT_EQ(answer.error().reached, progress::not_sent) << what;
        EXPECT_NE(answer.error().detail.find(reason), std::string::npos)
            << what << ": " << answer.error().detail;
    }
};

test::leaf named(const std::string& names) {
    test::leaf wanted;
    wanted.names = names;
    return wanted;
}

TEST_F(HttpTlsTest, AcceptsTheRightNameAndTheRightAddress) {
    const std::vector<std::pair<const char*, const char*>> cases = {
        {"DNS:localhost", "localhost"},
        {"DNS:other.example,DNS:LOCALHOST", "localhost"},
        {"IP:127.0.0.1", "127.0.0.1"},
    };
    for (const auto& [names, host] : cases) {
        const auto answer = meet(trusted().issue(named(names)), host);
        EXPECT_TRUE(answer.has_value()) << names << ": " << test::describe(answer);
    }
}

TEST_F(HttpTlsTest, RefusesAnotherNameOrAddress) {
    const std::vector<std::pair<const char*, const char*>> cases = {
        {"DNS:other.example", "localhost"}, {"DNS:localhost.example", "localhost"},
        {"DNS:*.localhost", "localhost"},   {"DNS:*", "localhost"},
        {"DNS:loc*", "localhost"},          {"IP:127.0.0.1", "localhost"},
        {"email:localhost", "localhost"},
    };
    for (const auto& [names, host] : cases) {
        expect_refused(meet(trusted().issue(named(names)), host), "hostname mismatch", names);
    }
    for (const auto* names : {"IP:127.0.0.2", "DNS:127.0.0.1", "DNS:localhost"}) {
        expect_refused(meet(trusted().issue(named(names)), "127.0.0.1"), "IP address mismatch",
                       names);
    }
}

TEST_F(HttpTlsTest, TheCommonNameIsNoHostName) {
    auto wanted = named("");
    wanted.common_name = "localhost";
    expect_refused(meet(trusted().issue(wanted), "localhost"), "hostname mismatch",
                   "common name only");
    wanted.common_name = "127.0.0.1";
    expect_refused(meet(trusted().issue(wanted), "127.0.0.1"), "IP address mismatch",
                   "address as common name");
}

TEST_F(HttpTlsTest, RefusesCertificatesThatAreNotValid) {
    test::leaf expired;
    expired.ends_in_seconds = -60;
    expect_refused(meet(trusted().issue(expired), "localhost"), "certificate has expired",
                   "expired");
    test::leaf future;
    future.begins_in_seconds = 600;
    expect_refused(meet(trusted().issue(future), "localhost"), "not yet valid", "future");
    test::leaf for_clients;
    for_clients.purpose = "clientAuth";
    expect_refused(meet(trusted().issue(for_clients), "localhost"), "certificate verify failed",
                   "purpose");
    expect_refused(meet(test::self_signed(test::leaf()), "localhost"), "self-signed certificate",
                   "self-signed");
    const test::authority stranger("another CA");
    expect_refused(meet(stranger.issue(test::leaf()), "localhost"), "unable to get local issuer",
                   "unknown CA");
    const test::authority impostor("onboardd test CA");  // the trusted one's name, another key
    expect_refused(meet(impostor.issue(test::leaf()), "localhost"), "certificate signature failure",
                   "impostor");
}

TEST_F(HttpTlsTest, TheSystemsTrustStoreDoesNotHoldTheTestsAuthority) {
    test::tls_server server(good_identity(), test::always_answers(test::good_answer("ok")));
    auto options = options_for(server);
    options.tls.ca_file.reset();
    expect_refused(ask_with(std::move(options), get("/")), "certificate verify failed",
                   "system trust");
}

TEST_F(HttpTlsTest, RefusesOldProtocolsAndWeakKeyExchange) {
    test::leaf with_rsa;
    with_rsa.rsa = true;
    const auto rsa = trusted().issue(with_rsa);
    auto only = [](int version, const char* ciphers) {
        return [version, ciphers](SSL_CTX* context) {
            SSL_CTX_set_security_level(context, 0);
            SSL_CTX_set_min_proto_version(context, version);
            SSL_CTX_set_max_proto_version(context, version);
            SSL_CTX_set_cipher_list(context, ciphers);
        };
    };
    constexpr const char* all = "ALL:@SECLEVEL=0";
    expect_refused(meet(rsa, "localhost", only(TLS1_VERSION, all)), "", "TLS 1.0");
    expect_refused(meet(rsa, "localhost", only(TLS1_1_VERSION, all)), "", "TLS 1.1");
    expect_refused(meet(rsa, "localhost", only(TLS1_2_VERSION, "AES128-GCM-SHA256")), "",
                   "RSA key exchange");
    expect_refused(meet(rsa, "localhost", only(TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA256")), "",
                   "CBC");
    expect_refused(meet(rsa, "localhost", only(TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256")), "",
                   "finite field DH");
    const auto good = meet(rsa, "localhost", only(TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256"));
    EXPECT_TRUE(good.has_value()) << test::describe(good);
    const auto newest = meet(rsa, "localhost", only(TLS1_3_VERSION, all));
    EXPECT_TRUE(newest.has_value()) << test::describe(newest);
}

TEST_F(HttpTlsTest, NamesTheServerOnlyWhereItHasAName) {
    std::string shown = "none";
    auto note_name = [&](test::tls_session& session) {
        shown = session.server_name();
        test::answers(test::good_answer("ok"))(session);
    };
    {
        test::tls_server server(good_identity(), note_name);
        auto options = options_for(server);
        options.host = "localhost";
        EXPECT_TRUE(ask_with(std::move(options), get("/")).has_value());
    }
    EXPECT_EQ(shown, "localhost");
    {
        test::tls_server server(good_identity(), note_name);
        EXPECT_TRUE(ask(server, get("/")).has_value());
    }
    EXPECT_EQ(shown, "");
}

TEST_F(HttpTlsTest, ResumesASessionOnANewConnection) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        std::vector<bool> resumed;
        test::tls_server::options wanted;
        wanted.adjust = [version](SSL_CTX* context) {
            SSL_CTX_set_max_proto_version(context, version);
            SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("t"), 1);
        };
        auto note_resumed = [&](test::tls_session& session) {
            resumed.push_back(session.resumed());
            session.read_request();
            session.send(test::good_answer("ok", "Connection: close\r\n"));
            session.read_to_end();
        };
        {
            test::tls_server server(good_identity(), note_resumed, wanted);
            with_client(options_for(server), [&](http::client& client) -> asio::awaitable<void> {
                for (int i = 0; i < 2; ++i) {
                    auto message = get("/");
                    http::exchange_options options;
                    const auto answer =
                        co_await client.send(std::move(message), std::move(options));
                    EXPECT_TRUE(answer.has_value()) << test::describe(answer);
                }
            });
        }
        EXPECT_EQ(resumed, (std::vector<bool>{false, true}));
    }
}

TEST_F(HttpTlsTest, APeerThatDoesNotSpeakTlsIsRefused) {
    test::tls_server::options plain;
    plain.plain = true;
    test::tls_server server(
        good_identity(),
        [](test::tls_session& session) {
            session.read_some();
            session.send("HTTP/1.1 400 Bad Request\r\n\r\n");
            session.read_to_end();
        },
        plain);
    expect_refused(ask(server, get("/")), "wrong version number", "plain HTTP");
}

TEST_F(HttpTlsTest, ASilentPeerCostsTheConnectTimeoutAtMost) {
    test::tls_server::options plain;
    plain.plain = true;
    test::tls_server server(
        good_identity(), [](test::tls_session& session) { session.read_to_end(); }, plain);
    auto options = options_for(server);
    options.connect_timeout = 50ms;
    const auto answer = ask_with(std::move(options), get("/"));
    ASSERT_TRUE(answer.has_error());
    EXPECT_EQ(answer.error().ec, errc::timed_out);
    EXPECT_EQ(answer.error().step, phase::tls);
    EXPECT_EQ(answer.error().reached, progress::not_sent);
}

TEST_F(HttpTlsTest, BadOptionsStopTheStart) {
    http::client_options options;
    options.host = "localhost";
    options.tls.ca_file = "/nonexistent/ca.pem";
    EXPECT_THROW(http::make_client(loop.get_executor(), time, log, options), config_error);
    options.tls.ca_file = trusted().file();
    EXPECT_NO_THROW(http::make_client(loop.get_executor(), time, log, options));
    for (const auto* host : {"", "a b", "a/b", "https://a", "[::1]", "a\r\nX: y", "user@a"}) {
        options.host = host;
        EXPECT_THROW(http::make_client(loop.get_executor(), time, log, options), config_error)
            << host;
    }
}

}  // namespace
}  // namespace onboardd
