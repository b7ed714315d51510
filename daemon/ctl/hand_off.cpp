#include "daemon/ctl/hand_off.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <system_error>
#include <utility>

#include "daemon/ctl/control_socket.hpp"
#include "daemon/ctl/output.hpp"
#include "daemon/spool/file_access.hpp"
#include "daemon/spool/reject_files.hpp"

namespace onboardd::ctl {
namespace {

constexpr mode_t file_mode = 0640;

void must(const result<void>& done, const std::string& about) {
    if (done.has_error()) {
        fail_with(done.error().value(), about);
    }
}

void write_bytes(int to, std::string_view bytes, const std::string& name) {
    while (!bytes.empty()) {
        const auto written = ::write(to, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) {
            fail_with(errno, name);
        }
        bytes.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
}

// For errno.
[[noreturn]] void fail_to_write_in(const std::string& directory) {
    if (errno == EACCES || errno == EPERM) {
        throw not_allowed(shown(directory) +
                          ": this user may not hand jobs in (that is for the group of incoming/)");
    }
    fail_with(errno, directory);
}

}  // namespace

void fail_with(int code, const std::string& about) {
    throw std::system_error(code, std::system_category(), shown(about));
}

std::string random_name() {
    std::random_device source;
    std::string name;
    for (int i = 0; i < 4; ++i) {
        name += std::to_string(source() % 100'000);
    }
    return name;
}

void copy_bytes(int from, int to, const std::string& name) {
    std::string buffer(64 * 1024, '\0');
    for (;;) {
        const auto got = ::read(from, buffer.data(), buffer.size());
        if (got == 0) {
            return;
        }
        if (got < 0 && errno != EINTR) {
            fail_with(errno, name);
        }
        if (got > 0) {
            write_bytes(to, {buffer.data(), static_cast<std::size_t>(got)}, name);
        }
    }
}

unique_fd open_incoming(const config& settings, const std::string& batch) {
    const auto incoming = settings.spool.directory / "incoming";
    unique_fd fd(::open(incoming.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) {
        fail_to_write_in(incoming.native());
    }
    if (batch.empty()) {
        return fd;
    }
    if (::mkdirat(fd.get(), batch.c_str(), 0770) != 0 && errno != EEXIST) {
        fail_to_write_in((incoming / batch).native());
    }
    must(spooling::sync_file(fd.get()), incoming.native());
    auto inner = spooling::open_directory_beneath(fd.get(), batch);
    if (inner.has_error()) {
        fail_with(inner.error().value(), (incoming / batch).native());
    }
    return std::move(*inner);
}

void sync_incoming(int directory) {
    must(spooling::sync_file(directory), "incoming");
}

written_file::written_file(int directory, std::string name)
    : directory_(directory),
      name_(std::move(name)),
      temporary_(".submit-" + random_name() + ".tmp"),
      fd_(::openat(directory, temporary_.c_str(),
                   O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, file_mode)) {
    if (!fd_) {
        fail_to_write_in(name_);
    }
    if (::fchmod(fd_.get(), file_mode) != 0) {
        const int code = errno;
        ::unlinkat(directory_, temporary_.c_str(), 0);
        fail_with(code, name_);
    }
}

written_file::~written_file() {
    if (!temporary_.empty()) {
        ::unlinkat(directory_, temporary_.c_str(), 0);
    }
}

void written_file::copy(int from) {
    copy_bytes(from, fd_.get(), name_);
}

void written_file::write(std::string_view bytes) {
    write_bytes(fd_.get(), bytes, name_);
}

void written_file::sync() {
    must(spooling::sync_file(fd_.get()), name_);
}

void written_file::hand_off() {
    const auto done = spooling::rename_without_replacing(directory_, temporary_, directory_, name_);
    if (done.has_error() && done.error() == boost::system::errc::file_exists) {
        throw std::runtime_error(shown(name_) +
                                 " is still in incoming/: onboardd has not taken that one in "
                                 "yet, and this one was not handed off");
    }
    must(done, name_);
    temporary_.clear();
}

}  // namespace onboardd::ctl
