#pragma once

// Job files, read as the daemon would read them.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "onboardd/spool/job_file.hpp"

namespace onboardd::ctl {

struct checked_file {
    std::uint64_t jobs = 0;
    std::uint64_t faulty = 0;
};

// A fault in words, to stand behind the name of the file:
// ":LINE:COLUMN: POINTER: what is wrong; allowed: what is". The line of a .jsonl, else 0.
std::string describe(std::uint64_t line, const job_fault& fault);

// A fault of the file NAME (line 0) or of one of its lines.
using tell_fault = std::function<void(std::uint64_t line, const job_fault& fault)>;
using take_job = std::function<void(const new_job& job)>;

// The jobs of all files that are checked together: one reference for two jobs is a fault.
class seen_jobs {
public:
    // The fault of `job`, if there was another one with its account and reference before; the same
    // once more is none. `where` is told of it later.
    std::optional<job_fault> add(const new_job& job, const std::string& where);

private:
    struct seen_job {
        content_hash content;
        std::string where;
    };
    std::unordered_map<std::string, seen_job> seen_;
};

// Reads the open file; `name` says whether it is one job or many lines, and is the default
// reference. Jobs go to `take`. Throws std::system_error if it cannot be read.
checked_file check_file(int fd, const std::string& name, const job_reader& reader,
                        std::uint64_t job_bytes_max, const std::string& batch, seen_jobs& seen,
                        const tell_fault& tell, const take_job& take = {});

// The same for what has no name: one job or, where its first line is one by itself, a job a line.
struct checked_input {
    checked_file file;
    bool lines = false;
};
checked_input check_input(int fd, const job_reader& reader, std::uint64_t job_bytes_max,
                          const std::string& batch, seen_jobs& seen, const tell_fault& tell);

// Whether the spool takes files of this name.
bool is_job_file_name(std::string_view name);

}  // namespace onboardd::ctl
