#include "daemon/spool/source_file.hpp"

#include <unistd.h>

#include <cerrno>

namespace onboardd {
namespace spooling {

bool handed_out::contains(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    return paths_.contains(path);
}

void handed_out::insert(const std::string& path) {
    const std::lock_guard lock(mutex_);
    paths_.insert(path);
}

void handed_out::erase(const std::string& path) {
    const std::lock_guard lock(mutex_);
    paths_.erase(path);
}

std::string path_of(const open_directory& where, std::string_view name) {
    std::string path = where.name;
    path += '/';
    path += name;
    return path;
}

source_file::source_file(std::shared_ptr<handed_out> all, directory_ptr where, std::string name,
                         file_identity identity, unique_fd fd)
    : all_(std::move(all)),
      where_(std::move(where)),
      name_(std::move(name)),
      identity_(identity),
      fd_(std::move(fd)) {
    all_->insert(path_of(*where_, name_));
}

source_file::~source_file() {
    all_->erase(path_of(*where_, name_));
}

result<source_file::removal> source_file::remove() const {
    const auto status = status_of(where_->fd.get(), name_);
    if (status.has_error()) {
        return status.error() == boost::system::errc::no_such_file_or_directory
                   ? result<removal>(removal::removed)
                   : status.error();
    }
    // Between this look and the removal a producer could put another file there; but who writes
    // over a file that is still there has given up what was in it.
    if (identity_of(*status) != identity_) {
        return removal::replaced;
    }
    if (::unlinkat(where_->fd.get(), name_.c_str(), 0) != 0 && errno != ENOENT) {
        return last_error();
    }
    return removal::removed;
}

}  // namespace spooling

portion::origin::~origin() {
    if (finished) {
        return;
    }
    for (const auto& file : files) {
        file->abandon();
        static_cast<void>(file->release());
    }
}

}  // namespace onboardd
