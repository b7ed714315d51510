#pragma once

// The blocking half of the spool: walks incoming/, reads what is ready, moves away what is not a
// job. One call at a time, on any thread.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/spool/directory_stream.hpp"
#include "daemon/spool/line_reader.hpp"
#include "daemon/spool/reject_store.hpp"
#include "daemon/spool/source_file.hpp"
#include "onboardd/spool/spool.hpp"

namespace onboardd::spooling {

struct intake_step {
    portion taken;
    bool scan_complete = false;
    std::size_t unsettled = 0;  // of the scan, when it is complete
    std::size_t left = 0;       // the same: could be neither taken nor moved away
    error_code failure;         // the scan was given up; what was taken before is in `taken`
};

// The name of a file without its extension: NAME of the contract.
inline std::string_view stem_of(std::string_view name) {
    return name.substr(0, name.rfind('.'));
}

std::vector<job_fault> too_large(std::uint64_t bytes_max);

class intake {
public:
    // `watch` is called with each directory before it is read. `spool` is the directory that holds
    // incoming/.
    intake(int spool, const spool_options& options, reject_store& rejects, logger& log,
           std::function<void(const std::filesystem::path&)> watch);

    [[nodiscard]] bool scanning() const noexcept { return scan_.has_value(); }

    // Goes on until the portion is full, the scan complete or enough was read for one call. An
    // empty portion of a scan that is not complete means: call again.
    intake_step step(const job_reader& reader, wall_time now);

private:
    struct open_scan {
        directory_ptr incoming;
        directory_stream names;
        directory_ptr batch;  // that is being read, or null
        std::optional<directory_stream> batch_names;
        std::size_t unsettled = 0;
        std::size_t left = 0;
    };
    struct open_lines {  // a .jsonl file
        std::shared_ptr<source_file> file;
        line_reader lines;
        std::string batch;
        bool useful = false;  // it had a line that is not blank
    };
    // One call of step().
    struct filling {
        filling(const job_reader& rules, wall_time at, reject_store& store)
            : reader(rules), now(at), rejects(store, at) {}

        const job_reader& reader;
        wall_time now;
        reject_store::session rejects;
        intake_step out;
        std::size_t portion_bytes = 0;
        std::uint64_t read_bytes = 0;
        std::vector<std::shared_ptr<source_file>> parted;  // files of which a line is in rejected/

        bool full(std::size_t jobs_max) const;
    };

    error_code begin_scan();
    void read_names(filling& work);
    void take_entry(filling& work, const directory_ptr& where, const directory_entry& entry);
    void enter_batch(filling& work, const directory_entry& entry);
    void open_file(filling& work, const directory_ptr& where, const std::string& name);
    void take_job(filling& work, const directory_ptr& where, const std::string& name, int fd,
                  const file_identity& identity);
    void begin_lines(const directory_ptr& where, const std::string& name, unique_fd fd,
                     const file_identity& identity);
    void read_lines(filling& work);
    bool take_line(filling& work, const text_line& line);
    void end_lines(filling& work);
    void add_job(filling& work, new_job job, portion::origin::entry from);

    void refuse_entry(filling& work, const directory_ptr& where, const std::string& name,
                      std::vector<job_fault> known_faults = {});
    void refuse(filling& work, const directory_ptr& where, const std::string& name,
                const file_identity& identity, std::vector<job_fault> faults);
    void refuse_line(filling& work, const text_line& line, std::vector<job_fault> faults);
    void cannot_read(filling& work, const directory_ptr& where, const std::string& name,
                     error_code failure);
    void leave(const open_directory& where, const std::string& name, error_code failure);
    [[nodiscard]] bool is_young(const filling& work, wall_time changed) const;

    int spool_;
    const spool_options& options_;
    reject_store& rejects_;
    logger& log_;
    std::function<void(const std::filesystem::path&)> watch_;
    std::shared_ptr<handed_out> handed_out_ = std::make_shared<handed_out>();
    std::optional<open_scan> scan_;
    std::optional<open_lines> lines_;
    std::string buffer_;
    bool failure_reported_ = false;  // a file was left, and no scan since then left none
};

}  // namespace onboardd::spooling
