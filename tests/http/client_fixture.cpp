#include "http/client_fixture.hpp"

#include "onboardd/base/task_group.hpp"
#include "onboardd/base/until.hpp"
#include "support/run.hpp"

namespace onboardd::test {
namespace {

// Nothing here waits for real time on purpose; this only turns a hang into a failure.
constexpr std::chrono::seconds patience{60};

asio::awaitable<void> play_beside_run(
    clock& time, http::client& client,
    const std::function<asio::awaitable<void>(http::client&)>& play) {
    task_group group(co_await asio::this_coro::executor);
    group.spawn(client.run());
    std::exception_ptr thrown;
    try {
        const bool in_time = co_await until(time, time.now() + patience, play(client));
        EXPECT_TRUE(in_time) << "the test hangs";
    } catch (...) {
        thrown = std::current_exception();
    }
    group.cancel();
    co_await group.join();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
}

}  // namespace

std::string describe(const result<http::response, http::failure>& answer) {
    if (answer.has_value()) {
        return "status " + std::to_string(answer->status) + ", body of " +
               std::to_string(answer->body.size());
    }
    const auto& failed = answer.error();
    return failed.ec.message() +
           (failed.reached == http::progress::sent ? ", sent, " : ", not sent, ") +
           http::to_string(failed.step) + ": " + failed.detail;
}

const authority& client_fixture::trusted() {
    static const authority instance("onboardd test CA");
    return instance;
}

const identity& client_fixture::good_identity() {
    static const identity instance = trusted().issue(leaf{});
    return instance;
}

http::client_options client_fixture::options_for(const tls_server& server) const {
    http::client_options options;
    options.host = "127.0.0.1";
    options.port = server.port();
    options.tls.ca_file = trusted().file();
    return options;
}

void client_fixture::with_client(http::client_options options, const body& play) {
    {
        auto client = http::make_client(loop.get_executor(), time, log, std::move(options));
        run(loop, play_beside_run(time, *client, play));
    }
    loop.restart();
    loop.run_for(std::chrono::seconds(5));  // ends at once, or when a helper thread has let go
    EXPECT_TRUE(loop.stopped()) << "work is left on the loop";
}

result<http::response, http::failure> client_fixture::ask(const tls_server& server,
                                                          http::request message,
                                                          http::exchange_options options) {
    return ask_with(options_for(server), std::move(message), std::move(options));
}

result<http::response, http::failure> client_fixture::ask_with(http::client_options wanted,
                                                               http::request message,
                                                               http::exchange_options options) {
    result<http::response, http::failure> answer = http::response{};
    with_client(std::move(wanted), [&](http::client& client) -> asio::awaitable<void> {
        answer = co_await client.send(std::move(message), std::move(options));
    });
    return answer;
}

result<http::response, http::failure> client_fixture::meet(const std::string& raw,
                                                           http::exchange_options options) {
    tls_server server(good_identity(), [&raw](tls_session& session) {
        session.read_request();
        session.send(raw);
        session.close_properly();
    });
    return ask(server, post("/v1/cases", "{}"), std::move(options));
}

http::request client_fixture::get(std::string target) {
    http::request made;
    made.target = std::move(target);
    return made;
}

http::request client_fixture::post(std::string target, std::string text) {
    auto made = get(std::move(target));
    made.verb = http::method::post;
    made.authorization = "Bearer canary";
    made.body = std::move(text);
    return made;
}

}  // namespace onboardd::test
