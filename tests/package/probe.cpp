// Tries what the unit's sandbox forbids, one thing for each option, and prints a line for each: the
// option, a tab, and "possible" or why not. Run by onboardd's own unit with nothing but ExecStart=
// changed, and once outside of any sandbox, so that what is refused is refused by the option. For a
// machine that may be thrown away.

#include <dirent.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <sched.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <initializer_list>

namespace {

void say(const char* option, const char* result) {
    std::printf("%s\t%s\n", option, result);
}

// `result` is as a system call returns it.
void tell(const char* option, long result) {
    say(option, result >= 0 ? "possible" : std::strerror(errno));
}

void tell_if(const char* option, bool is_possible) {
    say(option, is_possible ? "possible" : "not so");
}

long open_and_close(const char* path, int flags) {
    const int fd = ::open(path, flags | O_CLOEXEC, 0600);
    return fd < 0 ? -1 : ::close(fd);
}

long socket_and_close(int family, int type) {
    const int fd = ::socket(family, type, 0);
    return fd < 0 ? -1 : ::close(fd);
}

// What a child says through a pipe, or 0: it became another program, or was killed. Not by wait(),
// which the list of system calls leaves out.
template <class Action>
char word_of_child(Action action) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return 'n';
    }
    const pid_t child = ::fork();
    if (child == 0) {
        const char word = action() ? 'y' : 'n';
        ::_exit(::write(ends[1], &word, 1) == 1 ? 0 : 1);
    }
    ::close(ends[1]);
    char word = child > 0 ? 0 : 'n';
    const ssize_t got = ::read(ends[0], &word, 1);
    ::close(ends[0]);
    return got < 0 ? 'n' : word;
}

template <class Action>
bool child_can(Action action) {
    return word_of_child(action) == 'y';
}

// `action` returns where it could not become another program.
template <class Action>
bool child_can_become(Action action) {
    return word_of_child([&] {
               action();
               return false;
           }) == 0;
}

// Where namespaces may be made, what is done in this one is not done to the machine.
void apart(int what) {
    if (::unshare(what) != 0) {
        errno = 0;
    }
}

bool has_capabilities() {
    for (int capability = 0; capability <= 40; ++capability) {
        if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) {
            return true;
        }
    }
    return false;
}

long map_writable_code() {
    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : 0;
}

long set_group_id_bit() {
    const char* const file = "/var/lib/onboardd/probe";
    ::unlink(file);
    const long result = open_and_close(file, O_CREAT | O_WRONLY) < 0 ? -1 : ::chmod(file, 02750);
    const int error = errno;
    ::unlink(file);
    errno = error;
    return result;
}

long link_once(const char* file, const char* other) {
    open_and_close(file, O_CREAT | O_WRONLY);
    const long result = ::link(file, other);
    const int error = errno;
    ::unlink(other);
    ::unlink(file);
    errno = error;
    return result;
}

// Executes a copy of this program, which then ends at once, from the file `to`.
bool can_execute_copy(int to, const char* path) {
    const int from = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char chunk[65536];
    for (ssize_t got = 1; to >= 0 && got > 0;) {
        got = ::read(from, chunk, sizeof chunk);
        if (got < 0 || ::write(to, chunk, static_cast<size_t>(got)) != got) {
            return false;
        }
    }
    ::close(from);
    ::close(to);
    const bool done = child_can_become([&] { ::execl(path, path, "end", nullptr); });
    ::unlink(path);
    return to >= 0 && done;
}

bool can_execute_copy_in(const char* folder) {
    char path[64];
    std::snprintf(path, sizeof path, "%s/probe-copy", folder);
    return can_execute_copy(::open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0700), path);
}

bool can_execute_memory() {
    const int memory = static_cast<int>(::syscall(SYS_memfd_create, "probe", 0));
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    return can_execute_copy(memory < 0 ? memory : ::dup(memory), path);
}

void* wait_for_ever(void*) {
    ::pause();
    return nullptr;
}

bool can_have_threads(int count) {
    pthread_attr_t small;
    ::pthread_attr_init(&small);
    ::pthread_attr_setstacksize(&small, 65536);
    for (int i = 0; i < count; ++i) {
        pthread_t one = {};
        if (::pthread_create(&one, &small, wait_for_ever, nullptr) != 0) {
            return false;
        }
    }
    return true;
}

void try_files() {
    tell("RootDirectory", open_and_close("/var/lib/dpkg/status", O_RDONLY));
    tell("ProtectHome", open_and_close("/home", O_RDONLY));
    tell("BindReadOnlyPaths=/etc", open_and_close("/etc/onboardd/probe", O_CREAT | O_WRONLY));
    tell("BindReadOnlyPaths=/usr",
         open_and_close("/usr/lib/onboardd-probe/new", O_CREAT | O_WRONLY));
    tell("ProtectSystem", open_and_close("/probe", O_CREAT | O_WRONLY));
    ::unlink("/probe");
    tell("PrivateTmp", open_and_close("/tmp/onboardd-canary", O_RDONLY));
    tell("PrivateDevices", open_and_close("/dev/console", O_RDONLY));
    tell("ProtectProc", ::access("/proc/1/status", F_OK));
    tell("ProcSubset", open_and_close("/proc/meminfo", O_RDONLY));
    tell("ProtectKernelTunables", open_and_close("/proc/sys/kernel/hostname", O_WRONLY));
    tell("ProtectControlGroups", ::mkdir("/sys/fs/cgroup/probe", 0700));
    ::rmdir("/sys/fs/cgroup/probe");
    tell("RestrictSUIDSGID", set_group_id_bit());
    tell_if("RootDirectory (programs)",
            child_can_become([] { ::execl("/usr/bin/true", "true", nullptr); }));
    tell_if("NoExecPaths=/var/lib/onboardd", can_execute_copy_in("/var/lib/onboardd"));
    tell_if("NoExecPaths=/tmp", can_execute_copy_in("/tmp"));
    tell_if("NoExecPaths=/dev/shm", can_execute_copy_in("/dev/shm"));
    tell_if("SystemCallFilter (memfd_create)", can_execute_memory());
}

void try_kernel() {
    const timespec now = {.tv_sec = ::time(nullptr), .tv_nsec = 0};
    tell("ProtectClock", ::clock_settime(CLOCK_REALTIME, &now));
    tell_if("ProtectHostname", child_can([] {
                apart(CLONE_NEWUTS);
                return ::sethostname("probe", 5) == 0;
            }));
    tell("ProtectKernelLogs", ::klogctl(10, nullptr, 0));
    tell("ProtectKernelModules", ::syscall(SYS_init_module, "", 0, ""));
    tell("RestrictAddressFamilies", socket_and_close(AF_NETLINK, SOCK_RAW));
    tell_if("RestrictNamespaces", child_can([] { return ::unshare(CLONE_NEWUTS) == 0; }));
    const sched_param first = {.sched_priority = 1};
    tell("RestrictRealtime", ::sched_setscheduler(0, SCHED_FIFO, &first));
    tell("LockPersonality", ::personality(ADDR_NO_RANDOMIZE));
    tell("MemoryDenyWriteExecute", map_writable_code());
#ifdef __x86_64__
    tell_if("SystemCallArchitectures", child_can([] {
                long id = 20;  // getpid() of i386
                asm volatile("int $0x80" : "+a"(id) : : "memory");
                return id > 0;
            }));
#endif
    tell_if("NoNewPrivileges", ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
    tell_if("CapabilityBoundingSet", has_capabilities());
}

// What the list leaves out, one of each kind: whatever is refused says EPERM.
void try_system_calls() {
    aio_context_t context = 0;
    tell("SystemCallFilter (aio)", ::syscall(SYS_io_setup, 1, &context));
    tell("SystemCallFilter (chown)",
         ::chown("/tmp", static_cast<uid_t>(-1), static_cast<gid_t>(-1)));
    tell("SystemCallFilter (ipc)", ::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600));
    tell("SystemCallFilter (memlock)", ::mlock("", 1));
    tell("SystemCallFilter (setuid)", ::setuid(::getuid()));
    tell("SystemCallFilter (privileged)", ::chroot("/"));
    tell("SystemCallFilter (resources)", ::setpriority(PRIO_PROCESS, 0, 5));
    tell("SystemCallFilter (pidfd_open)", ::syscall(SYS_pidfd_open, ::getpid(), 0));
    tell_if("SystemCallFilter (mount)", child_can([] {
                apart(CLONE_NEWNS);
                ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
                return ::mount("none", "/tmp", "tmpfs", 0, nullptr) == 0;
            }));
    tell("SystemCallFilter (symlink)", ::symlink("nowhere", "/tmp/onboardd-probe-link"));
    ::unlink("/tmp/onboardd-probe-link");
    tell("SystemCallFilter (utimensat)", ::utimensat(AT_FDCWD, "/tmp", nullptr, 0));
    tell("SystemCallFilter (link)", link_once("/tmp/onboardd-probe-a", "/tmp/onboardd-probe-b"));
    tell_if("SystemCallFilter (setsid)", child_can([] { return ::setsid() > 0; }));
    tell_if("SystemCallFilter (ptrace)",
            child_can([] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0; }));
    tell_if("SystemCallFilter (execveat)", child_can_become([] {
                const int program = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
                char name[] = "probe";
                char end[] = "end";
                char* const arguments[] = {name, end, nullptr};
                ::syscall(SYS_execveat, program, "", arguments, &arguments[2], AT_EMPTY_PATH);
            }));
}

void try_limits() {
    rlimit core = {};
    ::getrlimit(RLIMIT_CORE, &core);
    tell_if("LimitCORE", core.rlim_max != 0);
    rlimit files = {};
    ::getrlimit(RLIMIT_NOFILE, &files);
    tell_if("LimitNOFILE", files.rlim_max > 65536);
    tell_if("TasksMax", child_can([] { return can_have_threads(100); }));
    const mode_t mask = ::umask(0);
    tell_if("UMask", (mask & 0027) != 0027);
}

// What is the machine's own is another one here.
void show_namespaces() {
    for (const char* name : {"user", "ipc", "mnt"}) {
        char path[32];
        char target[64] = {};
        std::snprintf(path, sizeof path, "/proc/self/ns/%s", name);
        if (::readlink(path, target, sizeof target - 1) > 0) {
            std::printf("namespace %s\t%s\n", name, target);
        }
    }
}

}  // namespace

int main(int count, char**) {
    if (count > 1) {
        return 0;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    show_namespaces();
    try_files();
    try_kernel();
    try_system_calls();
    try_limits();
}
