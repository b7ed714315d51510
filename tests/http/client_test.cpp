#include "onboardd/http/client.hpp"

#include "http/client_fixture.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;

class HttpClientTest : public test::client_fixture {};

TEST_F(HttpClientTest, SendsARequestWholeAndReadsItsAnswer) {
    test::tls_server server(good_identity(),
                            test::answers(test::good_answer("{\"id\":1}", "Retry-After: 7\r\n")));
    const auto answer = ask(server, post("/v1/cases?x=1", "{\"a\":2}"));
    ASSERT_TRUE(answer.has_value()) << test::describe(answer);
    EXPECT_EQ(answer->status, 200u);
    EXPECT_EQ(answer->body, "{\"id\":1}");
    EXPECT_EQ(answer->retry_after, "7");
    EXPECT_EQ(answer->content_type, "application/json");
    EXPECT_EQ(server.received(),
              "POST /v1/cases?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                  "\r\nUser-Agent: onboardd/" ONBOARDD_VERSION
                  "\r\nAccept: application/json\r\nAuthorization: Bearer canary\r\n"
                  "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":2}");
}

}  // namespace
}  // namespace onboardd
