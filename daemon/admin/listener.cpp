#include "daemon/admin/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <utility>

#include "onboardd/base/error.hpp"

namespace onboardd::admin {
namespace {

constexpr int backlog = 64;
constexpr mode_t socket_mode = 0660;
constexpr std::string_view unix_scheme = "unix:";

std::string words_of(int number) {
    return std::generic_category().message(number);
}

[[noreturn]] void cannot_listen(const std::string& key, const std::string& where, int number) {
    throw config_error(key + ": cannot listen at " + where + ": " + words_of(number));
}

unique_fd make_socket(int family) {
    return unique_fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

template <class Address>
bool bind_to(const unique_fd& fd, const Address& address) {
    // The one cast that the socket interface of the operating system asks for.
    return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

std::uint16_t port_of(std::string_view address) {
    const auto text = address.substr(address.rfind(':') + 1);
    std::uint16_t port = 0;
    std::from_chars(text.data(), text.data() + text.size(), port);
    return htons(port);
}

bool bind_tcp(listener& made, const std::string& address) {
    if (made.family == AF_INET6) {
        sockaddr_in6 place{};
        place.sin6_family = AF_INET6;
        place.sin6_port = port_of(address);
        const auto host = address.substr(1, address.rfind(']') - 1);
        return ::inet_pton(AF_INET6, host.c_str(), &place.sin6_addr) == 1 &&
               bind_to(made.fd, place);
    }
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = port_of(address);
    const auto host = address.substr(0, address.rfind(':'));
    return ::inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host.c_str(),
                       &place.sin_addr) == 1 &&
           bind_to(made.fd, place);
}

sockaddr_un address_of(const std::filesystem::path& path, const std::string& key) {
    sockaddr_un place{};
    place.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof place.sun_path) {
        cannot_listen(key, path.native(), ENAMETOOLONG);
    }
    std::memcpy(place.sun_path, path.c_str(), path.native().size() + 1);
    return place;
}

// What an earlier process left behind goes; what somebody answers at stays.
void remove_stale(const std::filesystem::path& path, const sockaddr_un& place,
                  const std::string& key) {
    struct stat there {};
    if (::lstat(path.c_str(), &there) != 0) {
        return;
    }
    if (!S_ISSOCK(there.st_mode)) {
        throw config_error(key + ": " + path.native() + " is there and is no socket");
    }
    const auto probe = make_socket(AF_UNIX);
    const auto* address = reinterpret_cast<const sockaddr*>(&place);
    if (::connect(probe.get(), address, sizeof place) == 0 || errno == EAGAIN) {
        throw already_owned(key + ": another process listens at " + path.native());
    }
    if (errno == ECONNREFUSED) {
        ::unlink(path.c_str());
    }
}

}  // namespace

listener::listener(listener&& other) noexcept
    : fd(std::move(other.fd)),
      family(other.family),
      path(std::exchange(other.path, {})),
      device(other.device),
      inode(other.inode) {}

listener::~listener() {
    struct stat there {};
    if (!path.empty() && ::lstat(path.c_str(), &there) == 0 && there.st_dev == device &&
        there.st_ino == inode) {
        ::unlink(path.c_str());
    }
}

listener listen_at(const std::string& address) {
    if (address.starts_with(unix_scheme)) {
        return listen_at_socket(address.substr(unix_scheme.size()), "admin.http");
    }
    listener made;
    made.family = address.starts_with('[') ? AF_INET6 : AF_INET;
    made.fd = make_socket(made.family);
    const int on = 1;  // a restart need not wait for connections that have ended
    ::setsockopt(made.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!bind_tcp(made, address) || ::listen(made.fd.get(), backlog) != 0) {
        cannot_listen("admin.http", address, errno);
    }
    return made;
}

listener listen_at_socket(const std::filesystem::path& path, const std::string& key) {
    const auto place = address_of(path, key);
    remove_stale(path, place, key);
    listener made;
    made.family = AF_UNIX;
    made.fd = make_socket(AF_UNIX);
    if (!bind_to(made.fd, place)) {
        cannot_listen(key, path.native(), errno);
    }
    // The process's umask is for all its threads; nobody can connect before listen() below.
    ::chmod(path.c_str(), socket_mode);
    struct stat ours {};
    if (::lstat(path.c_str(), &ours) == 0) {
        made.path = path;
        made.device = ours.st_dev;
        made.inode = ours.st_ino;
    }
    if (::listen(made.fd.get(), backlog) != 0) {
        cannot_listen(key, path.native(), errno);
    }
    return made;
}

}  // namespace onboardd::admin
