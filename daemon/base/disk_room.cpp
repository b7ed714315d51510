#include "onboardd/base/disk_room.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

namespace onboardd {
namespace {

std::uint64_t wanted(std::uint64_t needed, std::uint64_t all, std::uint64_t share, bool was_short) {
    const auto least = std::min(needed, all / share);
    return was_short ? least + least / 4 : least;
}

std::string in_mib(std::uint64_t bytes) {
    const auto tenths = bytes * 10 / (1024 * 1024);
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

}  // namespace

result<disk_room> room_at(const std::filesystem::path& path) {
    struct statvfs seen {};
    if (::statvfs(path.c_str(), &seen) != 0) {
        return error_code(errno, boost::system::system_category());
    }
    return disk_room{.bytes = std::uint64_t{seen.f_blocks} * seen.f_frsize,
                     .bytes_free = std::uint64_t{seen.f_bavail} * seen.f_frsize,
                     .files = seen.f_files,
                     .files_free = seen.f_favail};
}

std::string shortage(const std::string& whose, const disk_room& room, const disk_needs& needs,
                     bool was_short) {
    const auto bytes = wanted(needs.bytes, room.bytes, needs.share, was_short);
    if (room.bytes_free < bytes) {
        return "the disk of " + whose + " has " + in_mib(room.bytes_free) + " left, " +
               in_mib(bytes) + " are needed";
    }
    const auto files = wanted(needs.files, room.files, needs.share, was_short);
    if (room.files != 0 && room.files_free < files) {
        return "the disk of " + whose + " has room for " + std::to_string(room.files_free) +
               " more files, " + std::to_string(files) + " are needed";
    }
    return {};
}

}  // namespace onboardd
