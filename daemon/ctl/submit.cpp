// submit: checks first, then hands all off as the spool wants it: a temporary name that onboardd
// ignores, synced, renamed without replacing anything, the directory synced.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include "daemon/ctl/check.hpp"
#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/hand_off.hpp"
#include "daemon/spool/file_access.hpp"

namespace onboardd::ctl {
namespace {

class submission {
public:
    submission(const config& settings, const submit_options& options, output& to)
        : settings_(settings),
          to_(to),
          reader_(make_job_reader(settings.accounts, settings.checks)),
          batch_(options.batch),
          directory_(open_incoming(settings, options.batch)) {}

    void add(const std::filesystem::path& path) {
        const bool standard = path == "-";
        auto name = standard ? "stdin-" + random_name() + ".json" : path.filename().string();
        if (!is_job_file_name(name)) {
            to_.err << "onboardctl: " << shown(path.native())
                    << ": onboardd takes NAME.json and NAME.jsonl only\n";
            ++faulty_;
            return;
        }
        if (std::ranges::any_of(files_, [&](const auto& one) { return one->name() == name; })) {
            to_.err << "onboardctl: " << shown(name) << " is the name of two of the files\n";
            ++faulty_;
            return;
        }
        unique_fd opened;
        if (!standard) {
            opened = unique_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
            if (!opened) {
                fail_with(errno, path.native());
            }
        }
        auto& file = files_.emplace_back(std::make_unique<written_file>(directory_.get(), name));
        file->copy(standard ? STDIN_FILENO : opened.get());
        file->sync();
        check(*file, standard ? "standard input" : path.native(), standard);
    }

    // All of them, or none if one is no job.
    int hand_off() {
        if (faulty_ != 0) {
            to_.err << "onboardctl: nothing was handed off\n";
            return found_some;
        }
        if (!all_places_are_free()) {
            to_.err << "onboardctl: nothing was handed off\n";
            return failed;
        }
        hand_off_each();
        if (to_.json) {
            json_line line;
            line.add_number("files", static_cast<std::int64_t>(files_.size()))
                .add_number("jobs", static_cast<std::int64_t>(jobs_))
                .add_texts("batches", batches());
            to_.line(line);
        } else {
            to_.line(std::to_string(jobs_) + (jobs_ == 1 ? " job" : " jobs") + " handed off, " +
                     batches_in_words());
        }
        return done;
    }

private:
    // Those before one that fails stay handed off: that is said.
    void hand_off_each() {
        std::size_t handed = 0;
        try {
            for (; handed < files_.size(); ++handed) {
                files_[handed]->hand_off();
            }
        } catch (...) {
            sync_incoming(directory_.get());
            for (std::size_t i = 0; i < handed; ++i) {
                to_.err << "onboardctl: " << shown(files_[i]->name()) << " was handed off\n";
            }
            throw;
        }
        sync_incoming(directory_.get());
    }

    // What the daemon will make of where the files are and how they are called.
    std::vector<std::string> batches() const {
        std::set<std::string> names;
        for (const auto& file : files_) {
            const std::filesystem::path name(file->name());
            names.insert(!batch_.empty()                ? batch_
                         : name.extension() == ".jsonl" ? name.stem().native()
                                                        : std::string("default"));
        }
        return {names.begin(), names.end()};
    }

    std::string batches_in_words() const {
        const auto names = batches();
        return names.size() == 1 ? "in batch " + shown(names.front())
                                 : "in " + std::to_string(names.size()) + " batches";
    }

    bool all_places_are_free() {
        bool free = true;
        for (const auto& file : files_) {
            if (::faccessat(directory_.get(), file->name().c_str(), F_OK, AT_SYMLINK_NOFOLLOW) ==
                0) {
                to_.err << "onboardctl: " << shown(file->name())
                        << " is in incoming/ already: onboardd has not taken it yet\n";
                free = false;
            }
        }
        return free;
    }

    void check(written_file& file, const std::string& told_as, bool standard) {
        const auto batch = batch_.empty() ? std::string("default") : batch_;
        std::vector<std::string> faults;
        const auto collect = [&](std::uint64_t line, const job_fault& fault) {
            if (faults.size() < 100) {
                faults.push_back(describe(line, fault));
            }
        };
        const auto bytes_max = settings_.spool.file_bytes_max;
        checked_file verdict;
        if (standard) {
            const auto input = check_input(file.fd(), *reader_, bytes_max, batch, seen_, collect);
            verdict = input.file;
            if (input.lines) {
                file.rename_to_be("stdin-" + random_name() + ".jsonl");
            }
        } else {
            verdict =
                check_file(file.fd(), file.name(), *reader_, bytes_max, batch, seen_, collect);
        }
        for (const auto& fault : faults) {
            to_.err << shown(told_as) << shown(fault) << '\n';
        }
        jobs_ += verdict.jobs;
        faulty_ += verdict.faulty;
    }

    const config& settings_;
    output& to_;
    std::unique_ptr<job_reader> reader_;
    std::string batch_;
    unique_fd directory_;
    std::vector<std::unique_ptr<written_file>> files_;
    seen_jobs seen_;
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
