#include "onboardd/admin/reports.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "onboardd/base/unique_fd.hpp"

namespace onboardd::admin {
namespace {

constexpr std::size_t names_max = 20'000;
constexpr std::int64_t report_bytes_max = 16 * 1024 * 1024;
constexpr std::string_view text_ending = ".txt";
constexpr std::string_view json_ending = ".json";

bool is_plain(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-' || byte == '%';
}

unique_fd open_directory(const std::filesystem::path& path) {
    return unique_fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

wall_time modified_at(const struct stat& file) {
    return wall_time(std::chrono::seconds(file.st_mtim.tv_sec) +
                     milliseconds(file.st_mtim.tv_nsec / 1'000'000));
}

}  // namespace

bool is_report_file(std::string_view name) {
    return name.size() <= 255 && !name.starts_with('.') && std::ranges::all_of(name, is_plain) &&
           (name.ends_with(text_ending) || name.ends_with(json_ending));
}

std::vector<report_file> list_reports(const std::filesystem::path& directory,
                                      std::size_t count_max) {
    std::vector<report_file> found;
    auto own = open_directory(directory);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(own ? ::fdopendir(own.get()) : nullptr,
                                                     [](DIR* open) { return ::closedir(open); });
    if (!stream) {
        return found;
    }
    const int fd = own.release();  // the stream's now
    for (const dirent* entry = nullptr;
         found.size() < names_max && (entry = ::readdir(stream.get())) != nullptr;) {
        const std::string_view name = entry->d_name;
        struct stat seen {};
        if (is_report_file(name) && name.ends_with(text_ending) &&
            ::fstatat(fd, entry->d_name, &seen, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(seen.st_mode)) {
            found.push_back(
                {std::string(name.substr(0, name.size() - text_ending.size())), modified_at(seen)});
        }
    }
    std::ranges::sort(found, std::greater<>(), &report_file::written_at);
    found.resize(std::min(found.size(), count_max));
    return found;
}

std::optional<std::string> read_report(const std::filesystem::path& directory,
                                       const std::string& name) {
    const auto where = open_directory(directory);
    if (!is_report_file(name) || !where) {
        return std::nullopt;
    }
    const unique_fd file(
        ::openat(where.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat seen {};
    if (!file || ::fstat(file.get(), &seen) != 0 || !S_ISREG(seen.st_mode) ||
        seen.st_size > report_bytes_max) {
        return std::nullopt;
    }
    std::string text(static_cast<std::size_t>(seen.st_size), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const auto got = ::read(file.get(), text.data() + done, text.size() - done);
        if (got <= 0) {
            return std::nullopt;
        }
        done += static_cast<std::size_t>(got);
    }
    return text;
}

}  // namespace onboardd::admin
