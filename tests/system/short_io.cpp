// For LD_PRELOAD: every third call that reads or writes a file moves half of what it was asked to,
// and every seventh ends with EINTR instead, as a kernel may do it. Sockets, pipes and timers are
// left alone: with them a short call means that nothing is left, and Asio relies on that.

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace {

std::atomic<unsigned> calls = 0;

bool is_file(int fd) {
    struct stat status {};
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

template <class Call>
ssize_t at_times_less(int fd, std::size_t size, Call call) {
    if (!is_file(fd)) {
        return call(size);
    }
    const auto number = ++calls;
    if (number % 7 == 0) {
        errno = EINTR;
        return -1;
    }
    return call(number % 3 == 0 && size > 1 ? size / 2 : size);
}

}  // namespace

extern "C" {

ssize_t read(int fd, void* place, std::size_t size) {
    return at_times_less(fd, size, [=](std::size_t n) { return syscall(SYS_read, fd, place, n); });
}
ssize_t write(int fd, const void* bytes, std::size_t size) {
    return at_times_less(fd, size, [=](std::size_t n) { return syscall(SYS_write, fd, bytes, n); });
}
ssize_t pread64(int fd, void* place, std::size_t size, off64_t at) {
    return at_times_less(fd, size,
                         [=](std::size_t n) { return syscall(SYS_pread64, fd, place, n, at); });
}
ssize_t pwrite64(int fd, const void* bytes, std::size_t size, off64_t at) {
    return at_times_less(fd, size,
                         [=](std::size_t n) { return syscall(SYS_pwrite64, fd, bytes, n, at); });
}
ssize_t pread(int fd, void* place, std::size_t size, off_t at) {
    return pread64(fd, place, size, at);
}
ssize_t pwrite(int fd, const void* bytes, std::size_t size, off_t at) {
    return pwrite64(fd, bytes, size, at);
}
}
