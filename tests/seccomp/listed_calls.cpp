// listed_calls: runs a program under a list of system calls, as a unit's SystemCallFilter= does,
// and tells which others it makes.
//
//   listed_calls --report FILE NAME,NAME... PROGRAM ARGUMENT...
//
// A call that is not listed fails with EPERM, which a program may survive without a word; so each
// of them adds a line `NAME` to FILE. This process becomes PROGRAM; another one stays behind and
// watches. Code 77: the kernel does not allow that here. The list must have execve, sendmsg and
// close.

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace {

constexpr int not_allowed = 77;

[[noreturn]] void fail(const char* what, int error = errno) {
    throw std::system_error(error, std::generic_category(), what);
}

class filter {
public:
    explicit filter(std::string_view list) : context_(seccomp_init(SCMP_ACT_NOTIFY)) {
        if (context_ == nullptr) {
            fail("seccomp_init");
        }
        while (!list.empty()) {
            const auto end = std::min(list.find(','), list.size());
            allow(std::string(list.substr(0, end)));
            list.remove_prefix(std::min(end + 1, list.size()));
        }
    }
    filter(const filter&) = delete;
    filter& operator=(const filter&) = delete;
    ~filter() { seccomp_release(context_); }

    // From here on. Returns the descriptor that is asked about all other calls.
    int install() {
        if (const int error = seccomp_load(context_); error != 0) {
            fail("seccomp_load", -error);
        }
        return seccomp_notify_fd(context_);
    }

private:
    void allow(const std::string& name) {
        // Negative: of other machines, or newer than the library.
        if (const int number = seccomp_syscall_resolve_name(name.c_str()); number >= 0) {
            seccomp_rule_add(context_, SCMP_ACT_ALLOW, number, 0);
        }
    }

    scmp_filter_ctx context_;
};

// ---- the descriptor's way to the process that watches

union control_type {
    cmsghdr header;
    std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

void give(int socket, int descriptor) {
    char byte = 0;
    iovec part{&byte, 1};
    control_type control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    auto* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    if (sendmsg(socket, &message, 0) != 1) {
        fail("sendmsg");
    }
}

// -1 where the other one has ended without giving any.
int take(int socket) {
    char byte = 0;
    iovec part{&byte, 1};
    control_type control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    int descriptor = -1;
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message) != nullptr) {
        std::memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
    }
    return descriptor;
}

// ---- the process that watches

class watcher {
public:
    watcher(int listener, int report) : listener_(listener), report_(report) {}

    // Until the last thread has ended.
    void run() {
        for (;;) {
            pollfd ready{listener_, POLLIN, 0};
            if (poll(&ready, 1, -1) < 0 && errno != EINTR) {
                fail("poll");
            }
            if ((ready.revents & POLLIN) != 0) {
                refuse_one();
            } else if ((ready.revents & (POLLHUP | POLLERR)) != 0) {
                return;
            }
        }
    }

private:
    void refuse_one() {
        seccomp_notif asked{};
        if (ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) {
            return;  // the thread was killed meanwhile
        }
        // No call has this number: it is what a tracer (strace's fault injection) makes of one that
        // is not to happen.
        constexpr int taken_back = -1;
        if (asked.data.nr != taken_back && told_.insert(asked.data.nr).second) {
            tell(asked.data.nr);
        }
        seccomp_notif_resp reply{};
        reply.id = asked.id;
        reply.error = -EPERM;
        ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &reply);
    }

    void tell(int call) const {
        const std::unique_ptr<char, decltype(&std::free)> name(
            seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call), &std::free);
        const auto line = (name ? std::string(name.get()) : std::to_string(call)) + '\n';
        if (write(report_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
            fail("write");
        }
    }

    int listener_;
    int report_;
    std::set<int> told_;
};

// A grandchild, which is nobody's to wait for, watches; returns the socket that leads to it.
int start_watching(const char* file) {
    const int report = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (report < 0) {
        fail(file);
    }
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        fail("socketpair");
    }
    const auto child = fork();
    if (child < 0) {
        fail("fork");
    }
    if (child == 0) {
        if (fork() != 0) {
            _exit(0);
        }
        setsid();
        close(ends[0]);
        if (const int listener = take(ends[1]); listener >= 0) {
            watcher(listener, report).run();
        }
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    close(ends[1]);
    close(report);
    return ends[0];
}

[[noreturn]] void become(std::span<char*> arguments) {
    filter calls(arguments[3]);
    const int way = start_watching(arguments[2]);
    int listener = -1;
    try {
        listener = calls.install();
    } catch (const std::system_error& ex) {
        std::cerr << "listed_calls: this is not possible here: " << ex.what() << '\n';
        _exit(not_allowed);
    }
    give(way, listener);
    close(listener);
    execv(arguments[4], &arguments[4]);
    fail(arguments[4]);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const std::span arguments(argv, static_cast<std::size_t>(argc) + 1);  // with the null
        if (argc < 5 || std::string_view(argv[1]) != "--report") {
            throw std::invalid_argument("usage: see the top of listed_calls.cpp");
        }
        become(arguments);
    } catch (const std::exception& ex) {
        std::cerr << "listed_calls: " << ex.what() << '\n';
        return 2;
    }
}
