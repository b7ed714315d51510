#include "daemon/outcome/directories.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "daemon/outcome/safe_name.hpp"

namespace onboardd {
namespace {

// More accounts than this take turns.
constexpr std::size_t opened_max = 64;
constexpr mode_t directory_mode = 0750;

error_code last_error() {
    return {errno, boost::system::system_category()};
}

error_code sync(int fd) {
    return ::fsync(fd) == 0 ? error_code() : last_error();
}

// mkdirat() obeys the umask, so the mode is set where that left less. A set-group-ID bit that the
// parent handed down stays, since operators use it to let a group of consumers read; a sandbox such
// as our unit's (RestrictSUIDSGID=) forbids to name that bit at all, so nothing is set without
// need.
error_code set_mode(int fd) {
    struct stat made = {};
    if (::fstat(fd, &made) != 0) {
        return last_error();
    }
    const mode_t wanted = directory_mode | (made.st_mode & S_ISGID);
    if ((made.st_mode & 07777) == wanted || ::fchmod(fd, wanted) == 0) {
        return {};
    }
    return last_error();
}

// Opens the directory `path` in `parent`, made where it is missing. Its entry in `parent` is on
// disk on return, also when an earlier process made it and died before it could sync.
result<unique_fd> open_or_make(int parent, const char* path, int flags) {
    const bool made = ::mkdirat(parent, path, directory_mode) == 0;
    if (!made && errno != EEXIST) {
        return last_error();
    }
    unique_fd fd(::openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags));
    if (!fd) {
        return last_error();
    }
    if (made) {
        if (const auto ec = set_mode(fd.get())) {
            return ec;
        }
    }
    return fd;
}

struct close_stream {
    void operator()(DIR* stream) const { ::closedir(stream); }
};
using directory_stream = std::unique_ptr<DIR, close_stream>;

result<directory_stream> read_directory(int parent, const char* name) {
    const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return last_error();
    }
    directory_stream stream(::fdopendir(fd));
    if (!stream) {
        const auto ec = last_error();
        ::close(fd);
        return ec;
    }
    return stream;
}

// A regular file of this user with a name of our pattern: nobody else makes such.
void remove_if_temporary(int directory, const char* name) {
    struct stat found = {};
    if (is_temporary_name(name) && ::fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(found.st_mode) && found.st_uid == ::geteuid()) {
        ::unlinkat(directory, name, 0);
    }
}

error_code remove_temporaries_in(int root, const char* name) {
    const auto stream = read_directory(root, name);
    if (stream.has_error()) {
        return stream.error();
    }
    while (const dirent* const entry = ::readdir(stream->get())) {
        remove_if_temporary(::dirfd(stream->get()), entry->d_name);
    }
    return {};
}

}  // namespace

error_code outcome_directories::refresh_root() {
    struct stat now = {};
    if (root_.fd && ::stat(root_path_.c_str(), &now) == 0 && now.st_dev == root_.device &&
        now.st_ino == root_.inode) {
        return {};
    }
    opened_.clear();
    root_ = {};
    // The operator may have put a link here, so it is followed; in it none is.
    auto fd = open_or_make(AT_FDCWD, root_path_.c_str(), 0);
    if (fd.has_error()) {
        return fd.error();
    }
    const unique_fd parent(::openat(fd->get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // A parent that we may pass through but not read cannot be synced by us; whoever made it has
    // long done so.
    if (parent) {
        if (const auto ec = sync(parent.get())) {
            return ec;
        }
    }
    if (::fstat(fd->get(), &now) != 0) {
        return last_error();
    }
    root_ = {std::make_shared<const unique_fd>(std::move(*fd)), now.st_dev, now.st_ino};
    return {};
}

result<outcome_directories::handle> outcome_directories::open(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    if (const auto ec = refresh_root()) {
        return ec;
    }
    const int root = root_.fd->get();
    struct stat now = {};
    if (const auto found = opened_.find(name); found != opened_.end()) {
        if (::fstatat(root, name.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 &&
            now.st_dev == found->second.device && now.st_ino == found->second.inode) {
            return found->second.fd;
        }
        opened_.erase(found);
    }
    auto fd = open_or_make(root, name.c_str(), O_NOFOLLOW);
    if (fd.has_error()) {
        return fd.error();
    }
    if (const auto ec = sync(root)) {
        return ec;
    }
    if (::fstat(fd->get(), &now) != 0) {
        return last_error();
    }
    if (opened_.size() >= opened_max) {
        opened_.erase(opened_.begin());
    }
    auto& made = opened_[name];
    made = {std::make_shared<const unique_fd>(std::move(*fd)), now.st_dev, now.st_ino};
    return made.fd;
}

error_code outcome_directories::prepare() {
    const std::scoped_lock lock(mutex_);
    if (const auto ec = refresh_root()) {
        return ec;
    }
    if (::faccessat(root_.fd->get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
        return last_error();
    }
    const auto stream = read_directory(root_.fd->get(), ".");
    if (stream.has_error()) {
        return stream.error();
    }
    while (const dirent* const found = ::readdir(stream->get())) {
        const std::string name = found->d_name;
        remove_if_temporary(root_.fd->get(), found->d_name);  // of the ledger's mark
        if (!is_account(name) && name != reports_folder) {
            continue;
        }
        // Something else of that name is none of our business: it shows when a row is to be written
        // into it.
        const auto ec = remove_temporaries_in(root_.fd->get(), name.c_str());
        if (ec && ec != boost::system::errc::not_a_directory &&
            ec != boost::system::errc::too_many_symbolic_link_levels) {
            return ec;
        }
    }
    return {};
}

}  // namespace onboardd
