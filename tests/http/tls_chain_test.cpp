// Chains that a careful client must refuse, and the good ones among them that it must not: the
// kinds that badssl.com shows, made while the test runs.

#include <openssl/x509v3.h>

#include "http/client_fixture.hpp"
#include "http/tls_server.hpp"

namespace onboardd {
namespace {

using namespace std::string_literals;
using http::phase;
using http::progress;

class HttpTlsChainTest : public test::client_fixture {
protected:
    struct chain {
        test::identity shown;
        std::vector<test::identity> above;  // sent along with it
    };

    result<http::response, http::failure> meet(const chain& shown, const std::string& host) {
        test::tls_server::options wanted;
        wanted.adjust = [&shown](SSL_CTX* context) {
            for (const auto& each : shown.above) {
                SSL_CTX_add1_chain_cert(context, each.certificate.get());
            }
        };
        test::tls_server server(shown.shown, test::always_answers(test::good_answer("ok")), wanted);
        auto options = options_for(server);
        options.host = host;
        auto answer = ask_with(std::move(options), post("/", "canary"));
        if (answer.has_error()) {
            server.wait_for_ended(1);
            EXPECT_EQ(server.received(), "") << "sent to a server that is not the right one";
        }
        return answer;
    }

    void expect_refused(const chain& shown, const std::string& reason, const std::string& what) {
        const auto answer = meet(shown, "localhost");
        ASSERT_TRUE(answer.has_error()) << what;
        EXPECT_EQ(answer.error().step, phase::tls) << what;
        EXPECT_EQ(answer.error().reached, progress::not_sent) << what;
        EXPECT_NE(answer.error().detail.find(reason), std::string::npos)
            << what << ": " << answer.error().detail;
    }

    static test::leaf ca(const std::string& name) {
        test::leaf wanted;
        wanted.common_name = name;
        wanted.authority = true;
        return wanted;
    }
};

TEST_F(HttpTlsChainTest, AnIntermediateMustBeThereAndBeAnAuthority) {
    const auto middle = trusted().issue(ca("intermediate"));
    const auto good = test::issued_by(middle, test::leaf());
    const auto answer = meet({good, {middle}}, "localhost");
    EXPECT_TRUE(answer.has_value()) << test::describe(answer);
    expect_refused({good, {}}, "unable to get local issuer", "missing intermediate");

    test::leaf no_authority;
    no_authority.common_name = "another shop";
    const auto plain = trusted().issue(no_authority);  // CA:FALSE
    expect_refused({test::issued_by(plain, test::leaf()), {plain}}, "invalid CA certificate",
                   "issued by a leaf");
    auto old = ca("expired intermediate");
    old.ends_in_seconds = -60;
    const auto expired = trusted().issue(old);
    expect_refused({test::issued_by(expired, test::leaf()), {expired}}, "certificate has expired",
                   "expired intermediate");
    const auto own_root = test::self_signed(ca("a root of its own"));
    expect_refused({test::issued_by(own_root, test::leaf()), {own_root}},
                   "self-signed certificate in certificate chain", "root sent along");
}

TEST_F(HttpTlsChainTest, WeakKeysAndSignaturesAreRefused) {
    test::leaf weak;
    weak.rsa = true;
    weak.rsa_bits = 1024;
    expect_refused({trusted().issue(weak), {}}, "EE certificate key too weak", "RSA 1024");
    test::leaf sha1;
    sha1.sha1 = true;
    expect_refused({trusted().issue(sha1), {}}, "CA signature digest algorithm too weak", "SHA-1");
    auto weak_middle = ca("weak intermediate");
    weak_middle.rsa = true;
    weak_middle.rsa_bits = 1024;
    const auto middle = trusted().issue(weak_middle);
    expect_refused({test::issued_by(middle, test::leaf()), {middle}}, "CA certificate key too weak",
                   "weak intermediate");
}

TEST_F(HttpTlsChainTest, ANameWithANulByteIsNotItsBeginning) {
    test::leaf tricky;
    tricky.names.clear();
    for (const auto& name : {"localhost\0.evil.example"s, "localhost\0"s, "\0localhost"s}) {
        tricky.raw_name = name;
        expect_refused({trusted().issue(tricky), {}}, "", "NUL");
    }
    tricky.raw_name = "localhost";
    const auto answer = meet({trusted().issue(tricky), {}}, "localhost");
    EXPECT_TRUE(answer.has_value()) << "the control: " << test::describe(answer);
}

TEST_F(HttpTlsChainTest, PurposesOtherThanServersAreRefused) {
    for (const auto* purpose : {"clientAuth", "codeSigning", "emailProtection", "timeStamping"}) {
        test::leaf wanted;
        wanted.purpose = purpose;
        expect_refused({trusted().issue(wanted), {}}, "certificate verify failed", purpose);
    }
}

// The name does not resolve here, so OpenSSL's own check is asked with the flags that the client
// sets.
TEST_F(HttpTlsChainTest, AWildcardStandsForOneWholeLabel) {
    constexpr unsigned flags =
        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    auto fits = [](const std::string& pattern, const std::string& host) {
        test::leaf wanted;
        wanted.names = "DNS:" + pattern;
        const auto made = test::self_signed(wanted);
        return X509_check_host(made.certificate.get(), host.data(), host.size(), flags, nullptr) ==
               1;
    };
    EXPECT_TRUE(fits("*.pay.example", "api.pay.example"));
    EXPECT_FALSE(fits("*.pay.example", "pay.example"));
    EXPECT_FALSE(fits("*.pay.example", "a.b.pay.example"));
    EXPECT_FALSE(fits("a*.pay.example", "api.pay.example"));
    EXPECT_FALSE(fits("*i.pay.example", "api.pay.example"));
    EXPECT_FALSE(fits("*.example", "pay.example"));
    EXPECT_FALSE(fits("*", "localhost"));
}

}  // namespace
}  // namespace onboardd
