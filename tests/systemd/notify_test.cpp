#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "onboardd/systemd/notify.hpp"
#include "support/environment.hpp"

namespace onboardd {
namespace {

using namespace std::chrono_literals;

// A datagram socket in NOTIFY_SOCKET, as systemd would bind it.
class SystemdNotifier : public testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/onboardd-notify-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        folder_ = name;
        const auto path = (folder_ / "notify").string();
        socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        variables.set("NOTIFY_SOCKET", path);
    }

    void TearDown() override {
        ::close(socket_);
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    // The next datagram; empty if none waits.
    std::string heard() const {
        char buffer[4096];
        const auto count = ::recv(socket_, buffer, sizeof buffer, 0);
        return count < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(count));
    }

    test::environment variables;
    systemd_notifier notifier;

private:
    std::filesystem::path folder_;
    int socket_ = -1;
};

TEST_F(SystemdNotifier, SaysWhatSystemdListensFor) {
    notifier.ready();
    EXPECT_EQ(heard(), "READY=1");
    notifier.watchdog();
    EXPECT_EQ(heard(), "WATCHDOG=1");
    notifier.status("3 accounts, 12 jobs open");
    EXPECT_EQ(heard(), "STATUS=3 accounts, 12 jobs open");
    notifier.stopping();
    EXPECT_EQ(heard(), "STOPPING=1");
    EXPECT_EQ(heard(), "") << "one datagram each";
}

TEST_F(SystemdNotifier, TellsTheMonotonicTimeOfAReload) {
    timespec before = {};
    ::clock_gettime(CLOCK_MONOTONIC, &before);
    notifier.reloading();
    timespec after = {};
    ::clock_gettime(CLOCK_MONOTONIC, &after);
    const auto text = heard();
    const std::string start = "RELOADING=1\nMONOTONIC_USEC=";
    ASSERT_EQ(text.substr(0, start.size()), start);
    std::int64_t told = 0;
    const auto [end, ec] =
        std::from_chars(text.data() + start.size(), text.data() + text.size(), told);
    EXPECT_EQ(ec, std::errc{});
    EXPECT_EQ(end, text.data() + text.size());
    EXPECT_GE(told, before.tv_sec * 1'000'000 + before.tv_nsec / 1000);
    EXPECT_LE(told, after.tv_sec * 1'000'000 + after.tv_nsec / 1000);
}

TEST_F(SystemdNotifier, CannotBeMadeToSayMore) {
    notifier.status("bad\nSTOPPING=1");
    EXPECT_EQ(heard(), "STATUS=bad\\x0aSTOPPING=1");
}

TEST_F(SystemdNotifier, IsQuietWithoutSystemd) {
    test::environment::unset("NOTIFY_SOCKET");
    notifier.ready();
    notifier.status("x");
    EXPECT_EQ(heard(), "");
    EXPECT_EQ(notifier.watchdog_interval(), std::nullopt);
}

TEST_F(SystemdNotifier, BeatsAtTwiceTheRateThatIsAskedFor) {
    variables.set("WATCHDOG_USEC", "30000000");
    EXPECT_EQ(notifier.watchdog_interval(), 15s);
    variables.set("WATCHDOG_PID", std::to_string(::getpid()));
    EXPECT_EQ(notifier.watchdog_interval(), 15s);
    variables.set("WATCHDOG_PID", std::to_string(::getpid() + 1));
    EXPECT_EQ(notifier.watchdog_interval(), std::nullopt) << "meant for another process";
}

TEST_F(SystemdNotifier, TakesNoNonsenseForAWatchdog) {
    for (const char* text : {"", "0", "-1", "soon", "18446744073709551615"}) {
        variables.set("WATCHDOG_USEC", text);
        EXPECT_EQ(notifier.watchdog_interval(), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace onboardd
