// A daemon that does not answer, in each of the ways in which it may not.

#include "daemon/ctl/control_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "onboardd/base/unique_fd.hpp"
#include "support/temporary_directory.hpp"

namespace onboardd::ctl {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::ThrowsMessage;

class ControlSocket : public testing::Test {
protected:
    // Somebody listens, and takes nobody in.
    void listen(int backlog) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.native().copy(address.sun_path, sizeof address.sun_path - 1);
        server = unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto* const name = reinterpret_cast<const sockaddr*>(&address);
        ASSERT_EQ(::bind(server.get(), name, sizeof address), 0);
        ASSERT_EQ(::listen(server.get(), backlog), 0);
    }

    test::temporary_directory directory;
    std::filesystem::path path = directory.path() / "control.sock";
    unique_fd server;
};

TEST_F(ControlSocket, WithoutAListenerThereIsNone) {
    EXPECT_EQ(open_control_socket(path), nullptr);
    listen(1);
    server.reset();
    EXPECT_EQ(open_control_socket(path), nullptr) << "left behind by a daemon that was killed";
}

TEST_F(ControlSocket, ADaemonThatHangsIsNotWaitedForForEver) {
    listen(8);
    const auto socket = open_control_socket(path, 20ms);
    ASSERT_NE(socket, nullptr);
    EXPECT_THAT([&] { (void)socket->get("/api/status"); },
                ThrowsMessage<std::runtime_error>(HasSubstr("does not answer at")));
}

TEST_F(ControlSocket, NorIsOneThatTakesNobodyInAnyMore) {
    listen(0);
    std::vector<std::unique_ptr<control_socket>> waiting;
    const auto fill = [&] {
        for (int i = 0; i < 10; ++i) {
            waiting.push_back(open_control_socket(path, 20ms));
        }
    };
    EXPECT_THAT(fill, ThrowsMessage<std::runtime_error>(HasSubstr("does not answer at")));
}

TEST_F(ControlSocket, OneThatEndsMeanwhileIsTold) {
    listen(8);
    const auto socket = open_control_socket(path);
    ASSERT_NE(socket, nullptr);
    unique_fd(::accept(server.get(), nullptr, nullptr)).reset();
    EXPECT_THAT([&] { (void)socket->get("/api/status"); },
                ThrowsMessage<std::runtime_error>(HasSubstr("does not answer at")));
}

}  // namespace
}  // namespace onboardd::ctl
