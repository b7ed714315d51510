#include "daemon/spool/reject_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/spool/reject_files.hpp"

namespace onboardd::spooling {
namespace json = boost::json;
namespace {

constexpr std::size_t name_shown_bytes_max =
    4 * name_bytes_max;  // each byte may need four when escaped
constexpr std::size_t reason_bytes_max = 1024 * 1024;
constexpr std::uint64_t numbers_max = 64;

json::value line_or_null(std::uint64_t line) {
    return line != 0 ? json::value(line) : json::value(nullptr);
}

json::object reason_object(const reject_reason& reason) {
    json::array faults;
    for (const auto& fault : reason.faults) {
        json::object entry;
        entry["message"] = fault.message;
        entry["allowed"] = fault.allowed;
        entry["pointer"] = fault.pointer;
        entry["line"] = line_or_null(static_cast<std::uint64_t>(fault.line));
        entry["column"] = line_or_null(static_cast<std::uint64_t>(fault.column));
        faults.push_back(std::move(entry));
    }
    json::object object;
    object["schema"] = "onboardd/reason/1";
    object["kind"] = json::string_view(reason.kind);
    object["file"] = printable(reason.file, name_shown_bytes_max);
    object["batch"] = json::string_view(reason.batch);
    object["line"] = line_or_null(reason.line.value_or(0));
    object["faults"] = std::move(faults);
    return object;
}

std::string reason_text(const reject_reason& reason, wall_time at) {
    auto object = reason_object(reason);
    object["at"] = format_rfc3339(at);
    return json::serialize(object) + "\n";
}

// Whether the reason file `name` says the same about the same file: then a crash parted it from its
// file.
bool same_reason(int directory, const std::string& name, const reject_reason& reason) {
    json::error_code failure;
    auto found =
        json::parse(json::string_view(read_small(directory, name, reason_bytes_max)), failure);
    if (failure || !found.is_object()) {
        return false;
    }
    found.get_object().erase("at");
    return found == json::value(reason_object(reason));
}

// The n-th name to try: near ones first, then far away, for a producer who uses one bad name for
// years.
std::uint64_t suffix_number(std::uint64_t n, wall_time at) {
    return n <= numbers_max ? n : n + static_cast<std::uint64_t>(at.time_since_epoch().count());
}

error_code exists_already() {
    return make_error_code(boost::system::errc::file_exists);
}

error_code gone() {
    return make_error_code(boost::system::errc::no_such_file_or_directory);
}

constexpr std::string_view temporary_prefix = ".rejecting-";
constexpr std::string_view temporary_suffix = ".tmp";

}  // namespace

bool is_leftover(std::string_view name) noexcept {
    return name.starts_with(temporary_prefix) && name.ends_with(temporary_suffix);
}

void remove_leftovers(const std::filesystem::path& rejected) {
    std::error_code ec;
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(rejected, ec)) {
        if (is_leftover(entry.path().filename().native())) {
            found.push_back(entry.path());
        }
    }
    for (const auto& path : found) {
        std::filesystem::remove(path, ec);  // one that stays does no harm
    }
}

std::vector<job_fault> whole_fault(std::string_view message, std::string_view allowed) {
    job_fault fault;
    fault.message = message;
    fault.allowed = allowed;
    return {fault};
}

result<void> reject_store::session::move(const directory_ptr& from,
                                         const std::optional<file_identity>& expected,
                                         const reject_reason& reason) {
    const auto to = directory();
    if (to.has_error()) {
        return to.error();
    }
    for (std::uint64_t n = 1;; ++n) {
        const auto names = names_for(reason.file, std::nullopt, suffix_number(n, at_));
        if (exists(*to, names.file)) {
            continue;
        }
        const bool reason_here = same_reason(*to, names.reason, reason);
        auto done = reason_here ? result<void>() : write_reason(names, reason_text(reason, at_));
        if (done.has_value()) {
            done = move_as(names, from, expected, reason);
        }
        if (done.has_value() || done.error() != exists_already()) {
            return done;
        }
    }
}

// The reason is there already; it goes if the file does not come.
result<void> reject_store::session::move_as(const reject_names& names, const directory_ptr& from,
                                            const std::optional<file_identity>& expected,
                                            const reject_reason& reason) {
    const int to = directory_.get();
    const std::string name(reason.file);
    if (auto moved = rename_without_replacing(from->fd.get(), name, to, names.file);
        moved.has_error()) {
        ::unlinkat(to, names.reason.c_str(), 0);
        return moved;
    }
    if (sources_.empty() || sources_.back() != from) {
        sources_.push_back(from);
    }
    const auto status = status_of(to, names.file);
    if (!expected || status.has_error() || identity_of(*status) == *expected) {
        report(reason, names);
        return {};
    }
    // The producer put another file there between our look and our move.
    ::unlinkat(to, names.reason.c_str(), 0);
    if (rename_without_replacing(to, names.file, from->fd.get(), name).has_value()) {
        return gone();
    }
    auto stray = reason;
    stray.faults =
        whole_fault("this came to a name from which another file was just being moved away",
                    "to hand it off again");
    report(stray, names);
    return write_reason(names, reason_text(stray, at_));
}

result<reject_store::session::kept> reject_store::session::keep_line(int fd, std::uint64_t offset,
                                                                     std::uint64_t length,
                                                                     const reject_reason& reason) {
    const auto to = directory();
    if (to.has_error()) {
        return to.error();
    }
    for (std::uint64_t n = 1;; ++n) {
        const auto names = names_for(reason.file, reason.line, suffix_number(n, at_));
        const bool reason_here = same_reason(*to, names.reason, reason);
        if (exists(*to, names.file)) {
            if (reason_here && holds_range(*to, names.file, fd, offset, length)) {
                return kept::before;
            }
            continue;
        }
        auto done = reason_here ? result<void>() : write_reason(names, reason_text(reason, at_));
        if (done.has_value()) {
            done = write_line(names, fd, offset, length);
        }
        if (done.has_value()) {
            report(reason, names);
            return kept::now;
        }
        if (done.error() != exists_already()) {
            return done.error();
        }
    }
}

result<void> reject_store::session::write_line(const reject_names& names, int fd,
                                               std::uint64_t offset, std::uint64_t length) {
    const int to = directory_.get();
    const auto temporary = next_temporary();
    const auto file = create_temporary(to, temporary);
    auto done =
        file.has_value() ? copy_range(fd, offset, length, file->get()) : result<void>(file.error());
    if (done.has_value()) {
        done = sync_file(file->get());
    }
    if (done.has_value()) {
        done = rename_without_replacing(to, temporary, to, names.file);
    }
    if (done.has_error()) {
        ::unlinkat(to, temporary.c_str(), 0);
        ::unlinkat(to, names.reason.c_str(), 0);
    }
    return done;
}

std::string reject_store::session::next_temporary() {
    return std::string(temporary_prefix) + std::to_string(store_.temporaries_++) +
           std::string(temporary_suffix);
}

result<void> reject_store::session::sync() {
    result<void> outcome;
    const auto sync_one = [&](int fd) {
        if (auto done = sync_file(fd); done.has_error() && outcome.has_value()) {
            outcome = done;
        }
    };
    if (directory_) {
        sync_one(directory_.get());
    }
    for (const auto& source : sources_) {
        sync_one(source->fd.get());
    }
    sources_.clear();
    return outcome;
}

// Opened for each session, so that an operator may move rejected/ away while we run.
result<int> reject_store::session::directory() {
    if (!directory_) {
        ::mkdirat(store_.spool_, "rejected", 0750);
        auto opened = open_directory_beneath(store_.spool_, "rejected");
        if (opened.has_error()) {
            return opened.error();
        }
        directory_ = std::move(*opened);
    }
    return directory_.get();
}

result<void> reject_store::session::write_reason(const reject_names& names,
                                                 const std::string& text) {
    const int to = directory_.get();
    if (exists(to, names.reason)) {
        return exists_already();
    }
    const auto temporary = next_temporary();
    const auto file = create_temporary(to, temporary);
    auto done = file.has_value() ? write_all(file->get(), text) : result<void>(file.error());
    if (done.has_value()) {
        done = sync_file(file->get());
    }
    if (done.has_value()) {
        done = rename_without_replacing(to, temporary, to, names.reason);
    }
    if (done.has_error()) {
        ::unlinkat(to, temporary.c_str(), 0);
    }
    return done;
}

void reject_store::session::report(const reject_reason& reason, const reject_names& names) const {
    const auto& fault = reason.faults.front();
    store_.log_.warning("job_file_rejected", fault.message,
                        {{"file", printable(reason.file)},
                         {"batch", std::string(reason.batch)},
                         {"line", reason.line ? std::to_string(*reason.line) : std::string()},
                         {"kind", std::string(reason.kind)},
                         {"pointer", printable(fault.pointer)},
                         {"reason_file", printable(names.reason)}});
}

}  // namespace onboardd::spooling
