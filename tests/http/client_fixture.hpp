#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "http/certificates.hpp"
#include "http/tls_server.hpp"
#include "onboardd/http/client.hpp"

namespace onboardd::test {

// The machine's clock, set ahead by a test.
class shifted_clock final : public clock {
public:
    steady_time now() const override { return std::chrono::steady_clock::now() + ahead_; }
    wall_time wall_now() const override { return machine_->wall_now() + ahead_; }
    asio::awaitable<void> wait_until(steady_time deadline) override {
        return machine_->wait_until(deadline - ahead_);
    }
    void advance(milliseconds by) { ahead_ += by; }

private:
    std::unique_ptr<clock> machine_ = make_system_clock();
    milliseconds ahead_{0};
};

// Keeps the names of events.
class event_log final : public logger {
public:
    void write(severity, std::string_view event, std::string_view,
               std::span<const log_field> fields) override {
        std::string line(event);
        for (const auto& field : fields) {
            line += " " + std::string(field.name) + "=" + field.value;
        }
        events.push_back(line);
    }
    bool enabled(severity) const override { return true; }

    std::vector<std::string> events;
};

// For messages of failed expectations.
std::string describe(const result<http::response, http::failure>& answer);

// A real client on a loop of its own, meeting real servers.
class client_fixture : public testing::Test {
protected:
    using body = std::function<asio::awaitable<void>(http::client&)>;

    // For a server on 127.0.0.1 whose certificate the client should trust.
    http::client_options options_for(const tls_server& server) const;

    // Runs `play` with a client whose run() runs beside it; ends both and sees that nothing is left
    // on the loop.
    void with_client(http::client_options options, const body& play);

    // The answer to one request with a client of its own.
    result<http::response, http::failure> ask(const tls_server& server, http::request message,
                                              http::exchange_options options = {});
    result<http::response, http::failure> ask_with(http::client_options wanted,
                                                   http::request message,
                                                   http::exchange_options options = {});

    // The answer to a POST that is met with `raw` and a proper end of the connection.
    result<http::response, http::failure> meet(const std::string& raw,
                                               http::exchange_options options = {});

    static http::request get(std::string target);
    static http::request post(std::string target, std::string text);

    static const authority& trusted();
    static const identity& good_identity();

    asio::io_context loop;
    shifted_clock time;
    event_log log;
};

}  // namespace onboardd::test
