// at_step: runs a program and stops at its N-th system call, to kill it there or to let that call
// fail. Unlike strace's injection, which counts in each thread, the count is one for all threads:
// N = 1, 2, 3... until nothing happens any more has met every call.
//
//   at_step --report FILE count               PROGRAM ARGUMENT...
//   at_step --report FILE kill N              PROGRAM ARGUMENT...   SIGKILL before the N-th call
//   at_step --report FILE once  CALL N ERRNO  PROGRAM ARGUMENT...   the N-th CALL fails
//   at_step --report FILE always CALL N ERRNO PROGRAM ARGUMENT...   it and all later ones fail
//
// FILE gets a line `CALL COUNT` for each kind and a line `met 0` or `met 1`. Ends as PROGRAM ended.
// No ptrace: a seccomp filter asks us about each of the calls below, so sanitizers work as well.
// Code 77: the kernel does not allow that here.

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

// After the kernel's own headers, which it needs.
#include <linux/filter.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace {

constexpr int not_allowed = 77;

struct known_call {
    std::string_view name;
    unsigned number;
};

// What touches the disk or the network, or what these depend on.
constexpr auto known_calls = std::to_array<known_call>({
    {"openat", SYS_openat},
    {"openat2", SYS_openat2},
    {"read", SYS_read},
    {"pread64", SYS_pread64},
    {"getdents64", SYS_getdents64},
    {"write", SYS_write},
    {"writev", SYS_writev},
    {"pwrite64", SYS_pwrite64},
    {"pwritev", SYS_pwritev},
    {"fsync", SYS_fsync},
    {"fdatasync", SYS_fdatasync},
    {"sync_file_range", SYS_sync_file_range},
    {"syncfs", SYS_syncfs},
    {"ftruncate", SYS_ftruncate},
    {"fallocate", SYS_fallocate},
    {"fchmod", SYS_fchmod},
    {"mkdirat", SYS_mkdirat},
    {"linkat", SYS_linkat},
    {"renameat", SYS_renameat},
    {"renameat2", SYS_renameat2},
    {"unlinkat", SYS_unlinkat},
#ifdef SYS_open
    {"mkdir", SYS_mkdir},
    {"link", SYS_link},
    {"rename", SYS_rename},
    {"unlink", SYS_unlink},
#endif
    {"inotify_add_watch", SYS_inotify_add_watch},
    {"socket", SYS_socket},
    {"connect", SYS_connect},
    {"sendto", SYS_sendto},
    {"sendmsg", SYS_sendmsg},
    {"recvfrom", SYS_recvfrom},
    {"recvmsg", SYS_recvmsg},
    {"getrandom", SYS_getrandom},
});

// The loader opens libraries with none of these; everything else of interest has one.
constexpr unsigned open_flags = O_WRONLY | O_RDWR | O_CREAT | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;

const std::map<std::string, int, std::less<>> errnos = {
    {"EIO", EIO},
    {"ENOSPC", ENOSPC},
    {"EDQUOT", EDQUOT},
    {"EROFS", EROFS},
    {"EACCES", EACCES},
    {"EINTR", EINTR},
    {"EAGAIN", EAGAIN},
    {"EMFILE", EMFILE},
    {"ENFILE", ENFILE},
    {"ENOMEM", ENOMEM},
    {"ENOBUFS", ENOBUFS},
    {"EPIPE", EPIPE},
    {"ECONNRESET", ECONNRESET},
    {"ECONNREFUSED", ECONNREFUSED},
    {"ETIMEDOUT", ETIMEDOUT},
    {"ENETUNREACH", ENETUNREACH},
    {"EHOSTUNREACH", EHOSTUNREACH},
};

enum class act { count, kill, fail_once, fail_always };

struct orders {
    std::string report;
    act what = act::count;
    unsigned call = 0;
    unsigned long at = 0;
    int error = 0;
    std::vector<char*> program;  // ends with a null pointer
};

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

unsigned number_of(std::string_view name) {
    for (const auto& one : known_calls) {
        if (one.name == name) {
            return one.number;
        }
    }
    throw std::invalid_argument("not watched: " + std::string(name));
}

orders read_orders(std::span<char*> arguments) {
    std::size_t next = 1;
    const auto take = [&] {
        if (next >= arguments.size()) {
            throw std::invalid_argument("usage: see the top of at_step.cpp");
        }
        return std::string(arguments[next++]);
    };
    orders out;
    take();
    out.report = take();
    const auto what = take();
    if (what == "kill") {
        out.what = act::kill;
        out.at = std::stoul(take());
    } else if (what == "once" || what == "always") {
        out.what = what == "once" ? act::fail_once : act::fail_always;
        out.call = number_of(take());
        out.at = std::stoul(take());
        out.error = errnos.at(take());
    } else if (what != "count") {
        throw std::invalid_argument("no such order: " + what);
    }
    out.program.assign(arguments.begin() + static_cast<std::ptrdiff_t>(next), arguments.end());
    out.program.push_back(nullptr);
    return out;
}

std::vector<sock_filter> make_filter() {
    constexpr auto load = static_cast<std::uint16_t>(BPF_LD | BPF_W | BPF_ABS);
    constexpr auto equal = static_cast<std::uint16_t>(BPF_JMP | BPF_JEQ | BPF_K);
    constexpr auto any_bit = static_cast<std::uint16_t>(BPF_JMP | BPF_JSET | BPF_K);
    constexpr auto end = static_cast<std::uint16_t>(BPF_RET | BPF_K);
    constexpr auto flags_at = offsetof(seccomp_data, args) + 2 * sizeof(__u64);
    std::vector<sock_filter> code;
    code.push_back(BPF_STMT(load, offsetof(seccomp_data, nr)));
    for (const auto& one : known_calls) {
        if (one.number == SYS_openat) {
            code.push_back(BPF_JUMP(equal, one.number, 0, 4));
            code.push_back(BPF_STMT(load, flags_at));
            code.push_back(BPF_JUMP(any_bit, open_flags, 0, 1));
            code.push_back(BPF_STMT(end, SECCOMP_RET_USER_NOTIF));
            code.push_back(BPF_STMT(end, SECCOMP_RET_ALLOW));
        } else {
            code.push_back(BPF_JUMP(equal, one.number, 0, 1));
            code.push_back(BPF_STMT(end, SECCOMP_RET_USER_NOTIF));
        }
    }
    code.push_back(BPF_STMT(end, SECCOMP_RET_ALLOW));
    return code;
}

// A number that two processes share. The futex is not a private one, as that of std::atomic::wait()
// would be, and no watched call.
constexpr timespec told_within{10, 0};

void tell(std::atomic<int>& told, int number) {
    told = number;
    syscall(SYS_futex, &told, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

// The next number after `old`; still `old` if none comes.
int next_told(std::atomic<int>& told, int old) {
    while (told == old) {
        if (syscall(SYS_futex, &told, FUTEX_WAIT, old, &told_within, nullptr, 0) != 0 &&
            errno == ETIMEDOUT) {
            break;
        }
    }
    return told;
}

// In the child. Between the filter and exec() no watched call may be made: nobody would answer.
[[noreturn]] void become(const orders& todo, std::atomic<int>& told) {
    auto code = make_filter();
    const sock_fprog filter{static_cast<unsigned short>(code.size()), code.data()};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const auto install = [&](unsigned long flags) {
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
    };
    long listener =
        install(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    if (listener < 0) {
        listener = install(SECCOMP_FILTER_FLAG_NEW_LISTENER);
    }
    const auto number = listener < 0 ? -errno : static_cast<int>(listener);
    tell(told, number);
    if (listener >= 0 && next_told(told, number) == 0) {
        execv(todo.program[0], todo.program.data());
    }
    _exit(127);
}

// The child's listener, in this process.
int fetch_listener(pid_t child, std::atomic<int>& told) {
    const int number = next_told(told, 0);
    if (number == 0) {
        errno = ETIMEDOUT;
        fail("the child's first word");
    }
    if (number < 0) {
        errno = -number;
        return -1;
    }
    const auto process = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    const auto listener =
        process < 0 ? -1 : static_cast<int>(syscall(SYS_pidfd_getfd, process, number, 0));
    close(process);
    tell(told, 0);
    return listener;
}

class watcher {
public:
    watcher(const orders& todo, int listener, pid_t child)
        : todo_(todo), listener_(listener), child_(child) {}

    void run() {
        for (;;) {
            pollfd ready{listener_, POLLIN, 0};
            if (poll(&ready, 1, -1) < 0 && errno != EINTR) {
                fail("poll");
            }
            if ((ready.revents & POLLIN) != 0) {
                answer_one();
            } else if ((ready.revents & (POLLHUP | POLLERR)) != 0) {
                return;  // the last thread has ended
            }
        }
    }

    void report() const {
        std::ofstream file(todo_.report);
        for (const auto& one : known_calls) {
            if (const auto found = counts_.find(one.number); found != counts_.end()) {
                file << one.name << ' ' << found->second << '\n';
            }
        }
        file << "met " << (met_ ? 1 : 0) << '\n';
    }

private:
    void answer_one() {
        seccomp_notif asked{};
        if (ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) {
            if (errno != EINTR && errno != ENOENT) {
                fail("SECCOMP_IOCTL_NOTIF_RECV");
            }
            return;  // the thread was killed meanwhile
        }
        seccomp_notif_resp reply{};
        reply.id = asked.id;
        reply.error = is_wakeup(asked.data) ? 0 : verdict(static_cast<unsigned>(asked.data.nr));
        reply.flags = reply.error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
        if (ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &reply) != 0 && errno != ENOENT) {
            fail("SECCOMP_IOCTL_NOTIF_SEND");
        }
    }

    // An event or timer descriptor, by its eight bytes: these calls of the loop cannot fail.
    static bool is_wakeup(const seccomp_data& asked) {
        const auto call = static_cast<unsigned>(asked.nr);
        return (call == SYS_read || call == SYS_write) && asked.args[2] == 8;
    }

    // 0: the call goes on; else what it fails with.
    int verdict(unsigned call) {
        const auto count = ++counts_[call];
        ++total_;
        switch (todo_.what) {
            case act::count:
                return 0;
            case act::kill:
                if (total_ >= todo_.at) {
                    met_ = true;
                    ::kill(child_, SIGKILL);
                    return -EINTR;
                }
                return 0;
            case act::fail_once:
            case act::fail_always:
                if (call != todo_.call || count < todo_.at ||
                    (todo_.what == act::fail_once && count > todo_.at)) {
                    return 0;
                }
                met_ = true;
                return -todo_.error;
        }
        return 0;
    }

    const orders& todo_;
    int listener_;
    pid_t child_;
    std::map<unsigned, unsigned long> counts_;
    unsigned long total_ = 0;
    bool met_ = false;
};

pid_t child_to_signal = 0;

void pass_on(int signal) {
    kill(child_to_signal, signal);
}

int end_as(int status) {
    if (WIFSIGNALED(status)) {
        std::signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}

int run(const orders& todo) {
    void* shared = mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        fail("mmap");
    }
    auto& told = *new (shared) std::atomic<int>(0);
    const auto child = fork();
    if (child == 0) {
        become(todo, told);
    }
    child_to_signal = child;
    std::signal(SIGTERM, pass_on);
    std::signal(SIGINT, pass_on);
    const int listener = fetch_listener(child, told);
    if (listener < 0) {
        std::cerr << "at_step: seccomp notification is not possible here: "
                  << std::generic_category().message(errno) << '\n';
        kill(child, SIGKILL);
        return not_allowed;
    }
    watcher watching(todo, listener, child);
    watching.run();
    watching.report();
    int status = 0;
    waitpid(child, &status, 0);
    return end_as(status);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(read_orders({argv, static_cast<std::size_t>(argc)}));
    } catch (const std::exception& ex) {
        std::cerr << "at_step: " << ex.what() << '\n';
        return 2;
    }
}
