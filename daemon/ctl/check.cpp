#include "daemon/ctl/check.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/hand_off.hpp"
#include "daemon/spool/file_access.hpp"
#include "daemon/spool/line_reader.hpp"

namespace onboardd::ctl {
namespace {

using spooling::line_reader;
using spooling::text_line;

job_fault whole_file(std::string message, std::string allowed) {
    job_fault fault;
    fault.message = std::move(message);
    fault.allowed = std::move(allowed);
    return fault;
}

job_fault too_large(std::uint64_t bytes_max) {
    return whole_file("this is too large", std::to_string(bytes_max) + " bytes at most");
}

// Counts a job, or tells its faults.
class verdicts {
public:
    verdicts(checked_file& file, std::string name, seen_jobs& seen, const tell_fault& tell,
             const take_job& take)
        : file_(file), name_(std::move(name)), seen_(seen), tell_(tell), take_(take) {}

    void take(std::uint64_t line, const result<new_job, std::vector<job_fault>>& job) {
        if (job.has_error()) {
            refuse(line, job.error());
            return;
        }
        const auto where = line == 0 ? name_ : name_ + ":" + std::to_string(line);
        if (const auto fault = seen_.add(*job, where)) {
            refuse(line, {*fault});
            return;
        }
        ++file_.jobs;
        if (take_) {
            take_(*job);
        }
    }

    void refuse(std::uint64_t line, const std::vector<job_fault>& faults) {
        ++file_.faulty;
        for (const auto& fault : faults) {
            tell_(line, fault);
        }
    }

private:
    checked_file& file_;
    std::string name_;
    seen_jobs& seen_;
    const tell_fault& tell_;
    const take_job& take_;
};

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

void check_lines(int fd, std::uint64_t bytes, const job_reader& reader, std::uint64_t job_bytes_max,
                 const std::string& batch, verdicts& told) {
    line_reader lines(fd, bytes, job_bytes_max);
    for (;;) {
        const auto line = lines.next();
        if (line.has_error()) {
            throw std::system_error(line.error().value(), std::system_category());
        }
        if (line->is == text_line::kind::end) {
            return;
        }
        if (line->is == text_line::kind::too_long) {
            told.refuse(line->number, {too_large(job_bytes_max)});
        } else if (!is_blank(line->text)) {
            told.take(line->number, reader.read(line->text, {}, batch));
        }
    }
}

// Whether the first line is a job by itself.
bool begins_with_a_job(int fd, std::uint64_t bytes, const job_reader& reader,
                       std::uint64_t job_bytes_max) {
    line_reader lines(fd, bytes, job_bytes_max);
    for (;;) {
        const auto line = lines.next();
        if (line.has_error()) {
            throw std::system_error(line.error().value(), std::system_category());
        }
        if (line->is == text_line::kind::end || line->is == text_line::kind::too_long) {
            return false;
        }
        if (!is_blank(line->text)) {
            return reader.read(line->text, {}, "default").has_value();
        }
    }
}

// Standard input as a file: it is read twice where it is no single job.
unique_fd copy_of_input() {
    const auto where = std::filesystem::temp_directory_path();
    unique_fd copy(::open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!copy) {
        fail_with(errno, where.native());
    }
    copy_bytes(STDIN_FILENO, copy.get(), "standard input");
    return copy;
}

void tell(output& to, const std::string& file, std::uint64_t line, const job_fault& fault) {
    if (!to.json) {
        to.line(shown(file) + shown(describe(line, fault)));
        return;
    }
    json_line object;
    object.add("file", file)
        .add_number("line", static_cast<std::int64_t>(line))
        .add("message", fault.message)
        .add_or_null("allowed", fault.allowed)
        .add("pointer", fault.pointer);
    to.line(object);
}

}  // namespace

std::string describe(std::uint64_t line, const job_fault& fault) {
    std::string text;
    for (const auto number : {line != 0 ? line : static_cast<std::uint64_t>(fault.line),
                              static_cast<std::uint64_t>(fault.column)}) {
        text += number != 0 ? ":" + std::to_string(number) : "";
    }
    text += ": ";
    text += fault.pointer.empty() ? "" : fault.pointer + ": ";
    text += fault.message;
    return fault.allowed.empty() ? text : text + "; allowed: " + fault.allowed;
}

std::optional<job_fault> seen_jobs::add(const new_job& job, const std::string& where) {
    const auto [before, is_new] =
        seen_.try_emplace(job.account + "/" + job.reference, seen_job{job.content, where});
    if (is_new || before->second.content == job.content) {
        return std::nullopt;
    }
    job_fault fault;
    fault.message = "another job has this reference: " + before->second.where;
    fault.allowed = "one job for each account and reference";
    fault.pointer = "/reference";
    return fault;
}

bool is_job_file_name(std::string_view name) {
    return !name.starts_with('.') && (name.ends_with(".json") || name.ends_with(".jsonl"));
}

checked_file check_file(int fd, const std::string& name, const job_reader& reader,
                        std::uint64_t job_bytes_max, const std::string& batch, seen_jobs& seen,
                        const tell_fault& tell, const take_job& take) {
    checked_file file;
    verdicts told(file, name, seen, tell, take);
    const auto status = spooling::status_of(fd);
    if (status.has_error()) {
        throw std::system_error(status.error().value(), std::system_category(), name);
    }
    const auto identity = spooling::identity_of(*status);
    if (!S_ISREG(status->st_mode)) {
        told.refuse(0, {whole_file("this is not a regular file", "regular files")});
    } else if (name.ends_with(".jsonl")) {
        check_lines(fd, identity.size, reader, job_bytes_max, batch, told);
    } else if (identity.size > job_bytes_max) {
        told.refuse(0, {too_large(job_bytes_max)});
    } else {
        std::string bytes;
        const auto read = spooling::read_whole(fd, identity, bytes);
        if (read.has_error()) {
            throw std::system_error(read.error().value(), std::system_category(), name);
        }
        const auto stem = name.substr(0, name.rfind('.'));
        told.take(0, reader.read(bytes, stem, batch));
    }
    return file;
}

checked_input check_input(int fd, const job_reader& reader, std::uint64_t job_bytes_max,
                          const std::string& batch, seen_jobs& seen, const tell_fault& tell) {
    std::vector<std::pair<std::uint64_t, job_fault>> faults;
    const auto read = [&](const char* name, const tell_fault& to) {
        return check_file(fd, name, reader, job_bytes_max, batch, seen, to);
    };
    const auto whole = read(".json", [&](std::uint64_t line, const job_fault& fault) {
        faults.emplace_back(line, fault);
    });
    const auto status = spooling::status_of(fd);
    const auto bytes = status ? spooling::identity_of(*status).size : 0;
    if (whole.faulty != 0 && begins_with_a_job(fd, bytes, reader, job_bytes_max)) {
        return {.file = read(".jsonl", tell), .lines = true};
    }
    for (const auto& [line, fault] : faults) {
        tell(line, fault);
    }
    return {.file = whole};
}

int check_files(const config& settings, const std::vector<std::filesystem::path>& files,
                output& to) {
    const auto reader = make_job_reader(settings.accounts, settings.checks);
    std::uint64_t faulty = 0;
    seen_jobs seen;
    for (const auto& path : files) {
        const bool standard = path == "-";
        const auto told_as = standard ? std::string("standard input") : path.native();
        const auto name = path.filename().string();
        const auto tell_it = [&](std::uint64_t line, const job_fault& fault) {
            tell(to, told_as, line, fault);
        };
        const auto bytes_max = settings.spool.file_bytes_max;
        checked_file file;
        if (standard) {
            const auto fd = copy_of_input();
            file = check_input(fd.get(), *reader, bytes_max, "default", seen, tell_it).file;
        } else {
            const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
            if (!fd) {
                fail_with(errno, path.native());
            }
            file = check_file(fd.get(), name, *reader, bytes_max, "default", seen, tell_it);
        }
        faulty += file.faulty;
        if (!standard && !is_job_file_name(name)) {
            ++faulty;
            tell_it(0, whole_file("onboardd does not take files of this name",
                                  "NAME.json and NAME.jsonl, not beginning with a dot"));
        } else if (file.faulty == 0 && !to.json) {
            to.line(shown(told_as) + ": good, " + std::to_string(file.jobs) +
                    (file.jobs == 1 ? " job" : " jobs"));
        }
    }
    return faulty == 0 ? done : found_some;
}

}  // namespace onboardd::ctl
