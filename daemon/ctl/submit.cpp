// submit: checks first, then hands all off as the spool wants it: a temporary name that onboardd
// ignores, synced, renamed without replacing anything, the directory synced.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <system_error>

#include "daemon/ctl/check.hpp"
#include "daemon/ctl/commands.hpp"
#include "daemon/spool/file_access.hpp"
#include "daemon/spool/reject_files.hpp"

namespace onboardd::ctl {
namespace {

constexpr mode_t file_mode = 0640;

[[noreturn]] void fail(int code, const std::string& about) {
    throw std::system_error(code, std::system_category(), shown(about));
}

void must(const result<void>& done, const std::string& about) {
    if (done.has_error()) {
        fail(done.error().value(), about);
    }
}

std::string random_name() {
    std::random_device source;
    std::string name;
    for (int i = 0; i < 4; ++i) {
        name += std::to_string(source() % 100'000);
    }
    return name;
}

// incoming/, or the batch's directory in it, which is made where it is missing.
unique_fd open_target(const config& settings, const std::string& batch) {
    const auto incoming = settings.spool.directory / "incoming";
    unique_fd fd(::open(incoming.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) {
        fail(errno, incoming.native());
    }
    if (batch.empty()) {
        return fd;
    }
    if (::mkdirat(fd.get(), batch.c_str(), 0770) != 0 && errno != EEXIST) {
        fail(errno, (incoming / batch).native());
    }
    must(spooling::sync_file(fd.get()), incoming.native());
    auto inner = spooling::open_directory_beneath(fd.get(), batch);
    if (inner.has_error()) {
        fail(inner.error().value(), (incoming / batch).native());
    }
    return std::move(*inner);
}

// A file that is in place under a temporary name; it goes with this object unless it was handed
// off.
class written_file {
public:
    written_file(int directory, const std::string& name, int from)
        : directory_(directory), name_(name), temporary_(".submit-" + random_name() + ".tmp") {
        fd_ = unique_fd(::openat(directory, temporary_.c_str(),
                                 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, file_mode));
        if (!fd_) {
            fail(errno, name);
        }
        if (::fchmod(fd_.get(), file_mode) != 0) {
            fail(errno, name);
        }
        copy(from);
        must(spooling::sync_file(fd_.get()), name);
    }
    written_file(const written_file&) = delete;
    written_file& operator=(const written_file&) = delete;
    ~written_file() {
        if (!temporary_.empty()) {
            ::unlinkat(directory_, temporary_.c_str(), 0);
        }
    }

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] const std::string& name() const { return name_; }
    void rename_to_be(std::string name) { name_ = std::move(name); }

    void hand_off() {
        must(spooling::rename_without_replacing(directory_, temporary_, directory_, name_), name_);
        temporary_.clear();
    }

private:
    // Bytes as they come: standard input has no size.
    void copy(int from) {
        std::string buffer(64 * 1024, '\0');
        for (;;) {
            const auto got = ::read(from, buffer.data(), buffer.size());
            if (got == 0) {
                return;
            }
            if (got < 0 && errno != EINTR) {
                fail(errno, name_);
            }
            if (got > 0) {
                must(spooling::write_all(fd_.get(), {buffer.data(), static_cast<std::size_t>(got)}),
                     name_);
            }
        }
    }

    int directory_;
    std::string name_;
    std::string temporary_;
    unique_fd fd_;
};

class submission {
public:
    submission(const config& settings, const submit_options& options, output& to)
        : settings_(settings),
          to_(to),
          reader_(make_job_reader(settings.accounts, settings.checks)),
          batch_(options.batch),
          directory_(open_target(settings, options.batch)) {}

    void add(const std::filesystem::path& path) {
        const bool standard = path == "-";
        auto name = standard ? "stdin-" + random_name() + ".json" : path.filename().string();
        if (!is_job_file_name(name)) {
            to_.err << "onboardctl: " << shown(path.native())
                    << ": onboardd takes NAME.json and NAME.jsonl only\n";
            ++faulty_;
            return;
        }
        unique_fd opened;
        if (!standard) {
            opened = unique_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
            if (!opened) {
                fail(errno, path.native());
            }
        }
        auto& file = files_.emplace_back(std::make_unique<written_file>(
            directory_.get(), name, standard ? STDIN_FILENO : opened.get()));
        check(*file, standard ? "standard input" : path.native(), standard);
    }

    // All of them, or none if one is no job.
    int hand_off() {
        if (faulty_ != 0) {
            to_.err << "onboardctl: nothing was handed off\n";
            return found_some;
        }
        for (auto& file : files_) {
            file->hand_off();
        }
        must(spooling::sync_file(directory_.get()), "incoming");
        if (to_.json) {
            json_line line;
            line.add_number("files", static_cast<std::int64_t>(files_.size()))
                .add_number("jobs", static_cast<std::int64_t>(jobs_));
            to_.line(line);
        } else {
            to_.line(std::to_string(jobs_) + (jobs_ == 1 ? " job" : " jobs") + " handed off");
        }
        return done;
    }

private:
    void check(written_file& file, const std::string& told_as, bool standard) {
        const auto batch = batch_.empty() ? std::string("default") : batch_;
        std::vector<std::string> faults;
        const auto collect = [&](std::uint64_t line, const job_fault& fault) {
            if (faults.size() < 100) {
                faults.push_back((line != 0 ? ":" + std::to_string(line) : "") + ": " +
                                 (fault.pointer.empty() ? "" : fault.pointer + ": ") +
                                 fault.message);
            }
        };
        auto verdict = read(file, standard ? ".json" : file.name(), batch, collect);
        if (standard && verdict.faulty != 0 && lines_in(file)) {
            faults.clear();  // then it is one job a line
            file.rename_to_be("stdin-" + random_name() + ".jsonl");
            verdict = read(file, file.name(), batch, collect);
        }
        for (const auto& fault : faults) {
            to_.err << shown(told_as) << shown(fault) << '\n';
        }
        jobs_ += verdict.jobs;
        faulty_ += verdict.faulty;
    }

    checked_file read(const written_file& file, const std::string& name, const std::string& batch,
                      const tell_fault& tell, const take_job& take = {}) {
        ::lseek(file.fd(), 0, SEEK_SET);
        return check_file(file.fd(), name, *reader_, settings_.spool.file_bytes_max, batch, tell,
                          take);
    }

    // Whether the first line is a job by itself.
    bool lines_in(const written_file& file) {
        bool first_is_good = false;
        bool seen = false;
        read(
            file, ".jsonl", "default", [&](std::uint64_t, const job_fault&) { seen = true; },
            [&](const new_job&) {
                first_is_good = first_is_good || !seen;
                seen = true;
            });
        return first_is_good;
    }

    const config& settings_;
    output& to_;
    std::unique_ptr<job_reader> reader_;
    std::string batch_;
    unique_fd directory_;
    std::vector<std::unique_ptr<written_file>> files_;
    std::uint64_t jobs_ = 0;
    std::uint64_t faulty_ = 0;
};

}  // namespace

int submit_files(const config& settings, const submit_options& options, output& to) {
    if (options.batch.starts_with('.') || options.batch.find('/') != std::string::npos) {
        to.err << "onboardctl: a batch is a directory's name, without a slash or a leading dot\n";
        return usage;
    }
    submission all(settings, options, to);
    for (const auto& file : options.files) {
        all.add(file);
    }
    return all.hand_off();
}

}  // namespace onboardd::ctl
