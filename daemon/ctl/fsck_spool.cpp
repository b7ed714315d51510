#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <span>

#include "daemon/ctl/check.hpp"
#include "daemon/ctl/fsck_parts.hpp"
#include "daemon/outcome/file_batch.hpp"
#include "daemon/spool/directory_stream.hpp"
#include "daemon/spool/file_access.hpp"
#include "daemon/spool/reject_store.hpp"

namespace onboardd::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view reason_ending = ".reason.json";

class rejected_check {
public:
    rejected_check(const config& settings, findings_report& report)
        : root_(settings.spool.directory / "rejected"), report_(report) {}

    void run() {
        std::error_code ec;
        std::vector<std::string> files;
        for (const auto& entry : fs::directory_iterator(root_, ec)) {
            auto name = entry.path().filename().string();
            if (spooling::is_leftover(name)) {
                temporary(entry.path());
            } else if (name.ends_with(reason_ending)) {
                reasons_.insert(std::move(name));
            } else {
                files.push_back(std::move(name));
            }
        }
        for (const auto& name : files) {
            const auto reason = spooling::names_for(name, std::nullopt, 1).reason;
            if (reasons_.erase(reason) == 0) {
                without_reason(name, reason);
            }
        }
        for (const auto& reason : reasons_) {
            report_.tell({.kind = "reason_without_file",
                          .subject = (root_ / reason).string(),
                          .text = "its file is not there: somebody took it out, or a crash came "
                                  "before it was moved here",
                          .remedy = "",
                          .note = true});
        }
    }

private:
    void temporary(const fs::path& path) {
        std::error_code ec;
        const bool removed = report_.repairs() && fs::remove(path, ec);
        report_.tell({.kind = "spool_temporary",
                      .subject = path.string(),
                      .text = "a half-written file that a crash left",
                      .remedy = "removes it"},
                     removed);
    }

    void without_reason(const std::string& name, const std::string& reason) {
        finding found{.kind = "reason_missing",
                      .subject = (root_ / name).string(),
                      .text = "nothing says why this file was rejected",
                      .remedy =
                          "writes a reason file that says so; onboardctl check FILE tells "
                          "what is wrong with it"};
        report_.tell(found, report_.repairs() && write_reason(name, reason));
    }

    bool write_reason(const std::string& name, const std::string& reason) const {
        json_line line;
        line.add("schema", "onboardd/reason/1")
            .add("kind", "invalid_job")
            .add("file", shown(name))
            .add("batch", "default")
            .add_raw("line", "null")
            .add_raw("faults", R"([{"message": "the reason was lost, and fsck wrote this file", )"
                               R"("allowed": "", "pointer": "", "line": null, "column": null}])")
            .add("at", std::optional(make_system_clock()->wall_now()));
        unique_fd fd(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!fd) {
            return false;
        }
        file_to_publish file;
        file.directory = std::make_shared<const unique_fd>(std::move(fd));
        file.name = reason;
        file.content = line.str() + "\n";
        file_calls calls;
        publish_file(calls, file);
        return !file.failure;
    }

    fs::path root_;
    findings_report& report_;
    std::set<std::string> reasons_;
};

// Files whose jobs the ledger has: a crash came between the commit and their removal.
class incoming_check {
public:
    incoming_check(const config& settings, ledger_check& book, findings_report& report)
        : settings_(settings),
          book_(book),
          report_(report),
          reader_(make_job_reader(settings.accounts, settings.checks)) {}

    void run() {
        const auto incoming = settings_.spool.directory / "incoming";
        const unique_fd fd(::open(incoming.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (fd) {
            check_directory(fd.get(), "", true);
        }
    }

private:
    void check_directory(int directory, const std::string& batch, bool outermost) {
        auto names = spooling::directory_stream::open(directory);
        if (names.has_error()) {
            return;
        }
        for (;;) {
            const auto entry = names->next();
            if (entry.has_error() || *entry == nullptr) {
                return;
            }
            const auto& name = (*entry)->name;
            const auto status = spooling::status_of(directory, name);
            if (status.has_error()) {
                continue;
            }
            if (S_ISDIR(status->st_mode) && outermost) {
                const auto inner = spooling::open_directory_beneath(directory, name);
                if (inner.has_value()) {
                    check_directory(inner->get(), name, false);
                }
            } else if (S_ISREG(status->st_mode) && is_job_file_name(name)) {
                check_file_of(directory, name, batch);
            }
        }
    }

    void check_file_of(int directory, const std::string& name, const std::string& batch) {
        const auto fd = spooling::open_beneath(directory, name);
        if (fd.has_error()) {
            return;
        }
        bool all_known = true;
        seen_jobs none;
        const auto file = check_file(
            fd->get(), name, *reader_, settings_.spool.file_bytes_max, "default", none,
            [](std::uint64_t, const job_fault&) {},
            [&](const new_job& job) {
                all_known = all_known && book_.admission_of(job) == admission::known;
            });
        if (file.jobs > 0 && file.faulty == 0 && all_known) {
            report_.tell({.kind = "spool_already_taken",
                          .subject = batch.empty() ? name : batch + "/" + name,
                          .text = "the ledger has its jobs: onboardd removes it at its next start",
                          .remedy = "",
                          .note = true});
        }
    }

    const config& settings_;
    ledger_check& book_;
    findings_report& report_;
    std::unique_ptr<job_reader> reader_;
};

}  // namespace

void check_spool(const config& settings, ledger_check& book, findings_report& report) {
    rejected_check(settings, report).run();
    incoming_check(settings, book, report).run();
}

}  // namespace onboardd::ctl
