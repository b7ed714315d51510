#include <fcntl.h>
#include <sys/stat.h>

#include <boost/json/parse.hpp>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "daemon/ctl/fsck_parts.hpp"
#include "daemon/outcome/directories.hpp"
#include "daemon/outcome/safe_name.hpp"
#include "daemon/spool/file_access.hpp"
#include "onboardd/outcome/outcome.hpp"

namespace onboardd::ctl {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::uint64_t outcome_bytes_max = 16 * 1024 * 1024;
constexpr std::size_t written_together = 64;
constexpr const char* write_again = "writes it again";

enum class reading : std::uint8_t { whole, missing, unreadable };

// A regular file that is no link, whole.
reading read_file(const fs::path& path, std::string& bytes) {
    const unique_fd fd(
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (!fd) {
        return errno == ENOENT || errno == ENOTDIR ? reading::missing : reading::unreadable;
    }
    const auto status = spooling::status_of(fd.get());
    if (status.has_error() || !S_ISREG(status->st_mode) ||
        std::cmp_greater(status->st_size, outcome_bytes_max)) {
        return reading::unreadable;
    }
    const auto read = spooling::read_whole(fd.get(), spooling::identity_of(*status), bytes);
    return read.has_error() ? reading::unreadable : reading::whole;
}

std::optional<json::object> parse_object(const std::string& text) {
    json::error_code ec;
    auto parsed = json::parse(text, ec);
    return ec || !parsed.is_object() ? std::nullopt : std::optional(std::move(parsed.as_object()));
}

std::int64_t revision_of(const json::object& outcome) {
    const auto* const value = outcome.if_contains("revision");
    return value != nullptr && value->is_int64() ? value->as_int64() : 0;
}

bool names(const json::object& outcome, const char* member, const std::string& text) {
    const auto* const value = outcome.if_contains(member);
    return value != nullptr && value->is_string() && value->as_string() == text;
}

constexpr const char* newer_text =
    "the outcome is newer than the ledger knows: the ledger is an older copy, which must not send "
    "anything. Put the newer ledger back";

// What is wrong with an outcome file that is not what the ledger would write; without kind:
// nothing.
finding judge(const job& row, const std::string& expected, const std::string& bytes) {
    const auto outcome = parse_object(bytes);
    if (!outcome) {
        return {"outcome_damaged", "", "the outcome is no whole JSON object", write_again};
    }
    if (!names(*outcome, "account", row.account) || !names(*outcome, "reference", row.reference)) {
        return {"outcome_foreign", "", "the file is the outcome of another job, or of none",
                write_again};
    }
    const auto revision = revision_of(*outcome);
    if (std::cmp_greater(revision, row.revision)) {
        return {"outcome_newer", "", newer_text, ""};
    }
    if (std::cmp_less(revision, row.revision)) {
        return {"outcome_older", "", "the outcome is older than the ledger believes", write_again};
    }
    if (*outcome == *parse_object(expected)) {
        return {};
    }
    return {"outcome_differs", "", "the outcome does not say what the ledger says", write_again};
}

class outcomes_check {
public:
    outcomes_check(const config& settings, ledger_check& book, findings_report& report)
        : root_(settings.outcomes.directory), book_(book), report_(report) {
        if (report.repairs()) {
            writer_.emplace(root_);  // takes leftover temporaries away
        }
    }

    void run() {
        book_.each_job([this](const job& row, std::uint32_t published) { check(row, published); });
        write_waiting();
        for (const auto& batch : book_.reported_batches()) {
            check_report(batch);
        }
    }

private:
    void check(const job& row, std::uint32_t published) {
        if (row.revision == 0) {
            return;  // an outcome of it shows up among the strangers
        }
        // What is not published yet is written by onboardd at its next start.
        const bool due = published < row.revision;
        const auto path = root_ / row.account / (row.reference + ".json");
        const auto expected = render_outcome(row);
        std::string bytes;
        finding found;
        switch (read_file(path, bytes)) {
            case reading::missing:
                found = {"outcome_missing", "", "the outcome is not there", write_again};
                break;
            case reading::unreadable:
                found = {"outcome_unreadable", "",
                         "the outcome is no regular file that can be read", write_again};
                break;
            case reading::whole:
                found = bytes == expected ? finding{} : judge(row, expected, bytes);
                break;
        }
        if (!has_outcome(row) && found.kind != "outcome_newer") {
            return;  // it started again: what is there is of its earlier end
        }
        if (found.kind.empty() || (due && found.kind != "outcome_newer" && !report_.repairs())) {
            return;
        }
        found.subject = row.account + "/" + row.reference;
        found.note = due && found.kind != "outcome_newer";
        if (found.remedy.empty() || !writer_) {
            report_.tell(found);
            return;
        }
        waiting_.push_back(row);
        waiting_findings_.push_back(std::move(found));
        if (waiting_.size() == written_together) {
            write_waiting();
        }
    }

    void write_waiting() {
        if (waiting_.empty()) {
            return;
        }
        const auto results = writer_->publish(waiting_);
        for (std::size_t i = 0; i < results.size(); ++i) {
            auto& found = waiting_findings_[i];
            if (results[i].has_error()) {
                found.text += "; it cannot be written: " + results[i].error().message();
                found.note = false;
            }
            report_.tell(found, results[i].has_value());
        }
        waiting_.clear();
        waiting_findings_.clear();
    }

    void check_report(const std::string& batch) {
        const auto path = root_ / reports_folder / (report_name(batch) + ".json");
        std::string bytes;
        const auto got = read_file(path, bytes);
        if (got == reading::whole && parse_object(bytes)) {
            return;
        }
        finding found{"report_damaged", batch, "the report is no whole JSON object", write_again};
        if (got == reading::missing) {
            found.kind = "report_missing";
            found.text = "the batch's report is not there";
        }
        const bool written = writer_ && writer_->publish_report(book_.summary(batch)).has_value();
        report_.tell(found, written);
    }

    fs::path root_;
    ledger_check& book_;
    findings_report& report_;
    std::optional<outcome_writer> writer_;
    std::vector<job> waiting_;
    std::vector<finding> waiting_findings_;
};

// Files that the ledger does not ask for.
class strangers_check {
public:
    strangers_check(const config& settings, ledger_check& book, findings_report& report)
        : root_(settings.outcomes.directory), book_(book), report_(report) {}

    void run() {
        std::error_code ec;
        for (const auto& folder : fs::directory_iterator(root_, ec)) {
            const auto name = folder.path().filename().string();
            const bool ours = is_account(name) || name == reports_folder;
            if (ours && folder.is_directory(ec) && !folder.is_symlink(ec)) {
                check_folder(name);
            }
        }
    }

private:
    void check_folder(const std::string& folder) {
        std::error_code ec;
        for (const auto& entry : fs::directory_iterator(root_ / folder, ec)) {
            const auto name = entry.path().filename().string();
            if (is_temporary_name(name)) {
                temporary(entry.path());
            } else if (folder != reports_folder) {
                check_name(folder, name);
            }
        }
    }

    void temporary(const fs::path& path) {
        std::error_code ec;
        const bool removed = report_.repairs() && fs::remove(path, ec);
        report_.tell({.kind = "outcome_temporary",
                      .subject = path.string(),
                      .text = "a half-written outcome that a crash left",
                      .remedy = "removes it"},
                     removed);
    }

    void check_name(const std::string& account, const std::string& name) {
        const auto reference = name.substr(0, name.rfind('.'));
        if (!name.ends_with(".json") || !is_reference(reference)) {
            report_.tell({.kind = "outcome_foreign",
                          .subject = account + "/" + name,
                          .text = "no outcome has such a name: somebody else put it here",
                          .remedy = "",
                          .note = true});
            return;
        }
        const auto found = book_.find(account, reference);
        if (found.has_error()) {
            return;  // the row has been named already
        }
        if (const auto& row = *found; !row) {
            report_.tell({.kind = "outcome_without_job",
                          .subject = account + "/" + reference,
                          .text = "the ledger does not know the job of this outcome: the ledger is "
                                  "an older copy, or the file is not of this onboardd",
                          .remedy = ""});
        } else if (row->revision == 0) {
            report_.tell({.kind = "outcome_newer",
                          .subject = account + "/" + reference,
                          .text = newer_text,
                          .remedy = ""});
        }
    }

    fs::path root_;
    ledger_check& book_;
    findings_report& report_;
};

}  // namespace

void check_outcomes(const config& settings, ledger_check& book, findings_report& report) {
    strangers_check(settings, book, report).run();
    outcomes_check(settings, book, report).run();
}

}  // namespace onboardd::ctl
