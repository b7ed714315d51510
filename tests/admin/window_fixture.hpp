#pragma once

// A running admin server, and a caller that sends bytes and reads what comes back until the end.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <string>
#include <thread>

#include "onboardd/admin/server.hpp"
#include "onboardd/base/task_group.hpp"
#include "onboardd/base/unique_fd.hpp"
#include "support/recording_log.hpp"
#include "support/temporary_directory.hpp"

namespace onboardd::test {

class window_fixture : public testing::Test {
protected:
    window_fixture() {
        options.http = "127.0.0.1:0";
        options.socket = files.path() / "control.sock";
    }

    ~window_fixture() override { close(); }

    void open() {
        subject = admin::open_server(loop.get_executor(), *time, log, options);
        add_handlers(*subject);
        tasks.spawn(subject->run());
        serving = std::thread([this] { loop.run(); });
    }

    void close() {
        if (serving.joinable()) {
            asio::post(loop, [this] { tasks.cancel(); });
            serving.join();
        }
        subject.reset();
    }

    virtual void add_handlers(admin::server&) {}

    unique_fd connect() const {
        sockaddr_in place{};
        place.sin_family = AF_INET;
        place.sin_port = htons(subject->port());
        place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&place), sizeof place), 0);
        return fd;
    }

    unique_fd connect_to_socket() const {
        sockaddr_un place{};
        place.sun_family = AF_UNIX;
        options.socket.native().copy(place.sun_path, sizeof place.sun_path - 1);
        unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&place), sizeof place), 0);
        return fd;
    }

    static void send(const unique_fd& fd, const std::string& bytes) {
        ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }

    static std::string receive_all(const unique_fd& fd) {
        std::string all;
        char part[4096];
        for (ssize_t got = 0; (got = ::recv(fd.get(), part, sizeof part, 0)) > 0;) {
            all.append(part, static_cast<std::size_t>(got));
        }
        return all;
    }

    // Over TCP; the connection ends after the answer.
    std::string ask(const std::string& request) const {
        const auto fd = connect();
        send(fd, request);
        return receive_all(fd);
    }
    std::string ask_socket(const std::string& request) const {
        const auto fd = connect_to_socket();
        send(fd, request);
        return receive_all(fd);
    }

    static std::string get(const std::string& path, const std::string& host = "localhost") {
        return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
    }

    temporary_directory files;
    asio::io_context loop{1};
    std::unique_ptr<clock> time = make_system_clock();
    recording_log log;
    admin::server_options options;
    std::unique_ptr<admin::server> subject;
    task_group tasks{loop.get_executor()};
    std::thread serving;
};

}  // namespace onboardd::test
