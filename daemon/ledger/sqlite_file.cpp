#include "daemon/ledger/sqlite_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>

#include "onboardd/base/error.hpp"

namespace onboardd::sqlite {
namespace {

std::string last_error() {
    return std::generic_category().message(errno);
}

// Open-file-description locks, unlike POSIX ones, do not go when another part of the process closes
// the same file.
bool lock_range(int fd, off_t start, off_t length) {
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = start;
    range.l_len = length;
    return fcntl(fd, F_OFD_SETLK, &range) == 0;
}

void take_lock(int fd, off_t start, off_t length, const std::filesystem::path& file) {
    if (lock_range(fd, start, length)) {
        return;
    }
    if (errno == EAGAIN || errno == EACCES) {
        throw already_owned("ledger " + file.string() + ": another process owns it");
    }
    refuse(file, "cannot be locked: " + last_error());
}

std::uint32_t big_endian(const unsigned char* bytes) {
    return (std::uint32_t{bytes[0]} << 24U) | (std::uint32_t{bytes[1]} << 16U) |
           (std::uint32_t{bytes[2]} << 8U) | std::uint32_t{bytes[3]};
}

constexpr std::size_t header_bytes = 100;

file_header parse_header(const std::array<unsigned char, header_bytes>& bytes, std::uint64_t size) {
    // The page size is two bytes; 1 stands for 65536. Offsets: "The SQLite Database File
    // Format", 1.3.
    const std::uint32_t stored = (std::uint32_t{bytes[16]} << 8U) | bytes[17];
    const std::uint64_t page_bytes = stored == 1 ? 65536 : stored;
    return {.application_id = big_endian(&bytes[68]),
            .schema_version = big_endian(&bytes[60]),
            .page_bytes = page_bytes,
            .bytes_expected = page_bytes * big_endian(&bytes[28]),
            .bytes_present = size};
}

}  // namespace

void refuse(const std::filesystem::path& file, const std::string& text) {
    throw config_error("ledger " + file.string() + ": " + text);
}

void refuse_for_errno(const std::filesystem::path& file, const std::string& text) {
    const int cause = errno;
    const auto words = text + ": " + std::generic_category().message(cause);
    if (cause == ENOSPC || cause == EDQUOT) {
        throw no_room("ledger " + file.string() + ": " + words);
    }
    refuse(file, words);
}

void make_directory(const std::filesystem::path& directory) {
    if (mkdir(directory.c_str(), 0750) == 0) {
        sync_directory(directory.has_parent_path() ? directory.parent_path()
                                                   : std::filesystem::path("."));
        return;
    }
    if (errno != EEXIST) {
        refuse_for_errno(directory, "the directory cannot be made");
    }
    if (!std::filesystem::is_directory(directory)) {
        refuse(directory, "is not a directory");
    }
}

void sync_directory(const std::filesystem::path& directory) {
    const unique_fd opened(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened.operator bool() || fsync(opened.get()) != 0) {
        refuse_for_errno(directory, "the directory cannot be synced");
    }
}

unique_fd own(const std::filesystem::path& file) {
    const auto name = file.string() + ".lock";
    unique_fd opened(
        open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600));
    if (!opened.operator bool()) {
        refuse_for_errno(file, "its lock file " + name + " cannot be opened");
    }
    take_lock(opened.get(), 0, 0, file);
    return opened;
}

unique_fd own_contents(const std::filesystem::path& file) {
    unique_fd opened(open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY));
    if (!opened.operator bool()) {
        refuse(file, "cannot be opened: " + last_error());
    }
    take_lock(opened.get(), off_t{1} << 62, 1, file);  // SQLite locks bytes near 2^30
    return opened;
}

void make_file(const std::filesystem::path& file) {
    const unique_fd made(
        open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!made.operator bool()) {
        refuse_for_errno(file, "cannot be made");
    }
}

std::optional<file_header> read_header(const std::filesystem::path& file) {
    const unique_fd opened(
        open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (!opened.operator bool()) {
        if (errno == ENOENT) {
            return std::nullopt;
        }
        refuse(file, "cannot be opened: " + last_error());
    }
    struct stat status {};
    if (fstat(opened.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        refuse(file, "is not a regular file");
    }
    std::array<unsigned char, header_bytes> bytes{};
    const auto got = pread(opened.get(), bytes.data(), bytes.size(), 0);
    const std::string_view magic("SQLite format 3\0", 16);
    if (got != static_cast<ssize_t>(bytes.size()) ||
        std::string_view(reinterpret_cast<const char*>(bytes.data()), magic.size()) != magic) {
        refuse(file,
               "is not a ledger of onboardd (it is no SQLite database); it was left as it is");
    }
    return parse_header(bytes, static_cast<std::uint64_t>(status.st_size));
}

void write_page_count(const std::filesystem::path& file, std::uint32_t pages) {
    const std::array<unsigned char, 4> bytes = {
        static_cast<unsigned char>(pages >> 24U), static_cast<unsigned char>(pages >> 16U),
        static_cast<unsigned char>(pages >> 8U), static_cast<unsigned char>(pages)};
    const unique_fd opened(open(file.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!opened || pwrite(opened.get(), bytes.data(), bytes.size(), 28) != 4 ||
        fsync(opened.get()) != 0) {
        refuse_for_errno(file, "its header cannot be written");
    }
}

void forget_cached(const std::filesystem::path& file) noexcept {
    const unique_fd opened(
        open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (opened.operator bool()) {
        posix_fadvise(opened.get(), 0, 0, POSIX_FADV_DONTNEED);
    }
}

std::uint64_t size_or_zero(const std::filesystem::path& file) {
    std::error_code ec;
    const auto size = std::filesystem::file_size(file, ec);
    return ec ? 0 : size;
}

std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id;
}

}  // namespace onboardd::sqlite
