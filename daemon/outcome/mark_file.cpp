// The mark of the ledger beside its outcomes.

#include <fcntl.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>

#include "daemon/outcome/file_batch.hpp"
#include "onboardd/base/log.hpp"
#include "onboardd/base/unique_fd.hpp"
#include "onboardd/outcome/outcome.hpp"

namespace onboardd {
namespace json = boost::json;
namespace {

constexpr const char* mark_name = ".ledger";
constexpr const char* mark_schema = "onboardd/mark/1";
constexpr std::size_t mark_bytes_max = 4096;

[[noreturn]] void refuse(const std::filesystem::path& directory, const std::string& why) {
    throw config_error("outcomes.directory: " + printable((directory / mark_name).native(), 1024) +
                       " " + why +
                       "; nothing is submitted, because nobody knows whether the ledger is older "
                       "than the outcomes. If it is not, remove the file");
}

std::string read_all(const std::filesystem::path& directory, int fd) {
    std::array<char, mark_bytes_max> bytes{};
    const auto got = ::read(fd, bytes.data(), bytes.size());
    if (got < 0) {
        refuse(directory,
               "cannot be read: " + error_code(errno, boost::system::system_category()).message());
    }
    return {bytes.data(), static_cast<std::size_t>(got)};
}

std::optional<ledger_mark> parse_mark(const std::string& text) {
    boost::system::error_code broken;
    const auto value = json::parse(text, broken);
    const auto* object = broken ? nullptr : value.if_object();
    const auto* schema = object != nullptr ? object->if_contains("schema") : nullptr;
    const auto* ledger = object != nullptr ? object->if_contains("ledger") : nullptr;
    const auto* epoch = object != nullptr ? object->if_contains("epoch") : nullptr;
    if (schema == nullptr || ledger == nullptr || epoch == nullptr || *schema != mark_schema ||
        !ledger->is_string() || !epoch->is_int64()) {
        return std::nullopt;
    }
    return ledger_mark{.ledger = printable(ledger->get_string()), .epoch = epoch->get_int64()};
}

}  // namespace

std::optional<ledger_mark> read_mark(const std::filesystem::path& directory) {
    const unique_fd file(::open((directory / mark_name).c_str(),
                                O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (!file) {
        if (errno == ENOENT) {
            return std::nullopt;
        }
        refuse(directory, "cannot be opened: " +
                              error_code(errno, boost::system::system_category()).message());
    }
    auto mark = parse_mark(read_all(directory, file.get()));
    if (!mark) {
        refuse(directory, "is damaged");
    }
    return mark;
}

result<void> write_mark(const std::filesystem::path& directory, const ledger_mark& mark) {
    const auto opened = std::make_shared<const unique_fd>(
        ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!*opened) {
        return error_code(errno, boost::system::system_category());
    }
    json::object object;
    object["schema"] = mark_schema;
    object["ledger"] = mark.ledger;
    object["epoch"] = mark.epoch;
    file_to_publish file;
    file.directory = opened;
    file.name = mark_name;
    file.content = json::serialize(object) + "\n";
    file_calls calls;
    publish_file(calls, file);
    return file.failure ? result<void>(file.failure) : result<void>();
}

bool has_no_outcomes(const std::filesystem::path& directory) {
    std::error_code ec;
    const std::filesystem::directory_iterator entries(directory, ec);
    return ec || entries == std::filesystem::directory_iterator();
}

}  // namespace onboardd
