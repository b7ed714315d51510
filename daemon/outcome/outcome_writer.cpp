#include "onboardd/outcome/outcome.hpp"

#include <map>

#include "daemon/outcome/directories.hpp"
#include "daemon/outcome/file_batch.hpp"
#include "daemon/outcome/safe_name.hpp"
#include "onboardd/base/log.hpp"

namespace onboardd {
namespace {

// A row with such a name cannot come from the spool, which checks it: the ledger was changed by
// hand, or is damaged.
const error_code unsafe_name = make_error_code(boost::system::errc::invalid_argument);

// The directories of one call. Each is looked up once, however many rows it has.
class directories_once {
public:
    explicit directories_once(outcome_directories& directories) : directories_(directories) {}

    const result<outcome_directories::handle>& open(const std::string& folder) {
        const auto found = opened_.find(folder);
        return found != opened_.end()
                   ? found->second
                   : opened_.emplace(folder, directories_.open(folder)).first->second;
    }

private:
    outcome_directories& directories_;
    std::map<std::string, result<outcome_directories::handle>> opened_;
};

// The files of one call.
class publication {
public:
    explicit publication(outcome_directories& directories, std::size_t files_max)
        : directories_(directories) {
        files_.reserve(files_max);
    }

    void add(const std::string& folder, std::string name, std::string content) {
        auto& file = files_.emplace_back();
        const auto& directory = directories_.open(folder);
        if (directory.has_error()) {
            file.failure = directory.error();
            return;
        }
        file.directory = *directory;
        file.name = std::move(name);
        file.content = std::move(content);
    }

    void add_failure(error_code ec) { files_.emplace_back().failure = ec; }

    std::vector<result<void>> write(file_calls& calls, sync_choice& choice) {
        publish_files(calls, choice, files_);
        std::vector<result<void>> results;
        results.reserve(files_.size());
        for (const auto& file : files_) {
            results.push_back(file.failure ? result<void>(file.failure) : result<void>());
        }
        return results;
    }

private:
    directories_once directories_;
    std::vector<file_to_publish> files_;
};

}  // namespace

struct outcome_writer::parts {
    explicit parts(std::filesystem::path directory) : directories(std::move(directory)) {}

    outcome_directories directories;
    file_calls calls;
    sync_choice choice;
};

outcome_writer::outcome_writer(const std::filesystem::path& directory)
    : parts_(std::make_unique<parts>(directory)) {
    if (const auto ec = parts_->directories.prepare()) {
        const auto text = "outcomes.directory: " + printable(directory.native(), 1024) +
                          " cannot be used: " + ec.message();
        if (ec == boost::system::errc::no_space_on_device) {
            throw no_room(text);
        }
        throw config_error(text);
    }
}

outcome_writer::~outcome_writer() = default;

std::vector<result<void>> outcome_writer::publish(std::span<const job> rows) {
    publication files(parts_->directories, rows.size());
    for (const auto& row : rows) {
        if (is_account(row.account) && is_reference(row.reference)) {
            files.add(row.account, row.reference + ".json", render_outcome(row));
        } else {
            files.add_failure(unsafe_name);
        }
    }
    return files.write(parts_->calls, parts_->choice);
}

std::vector<job_id> outcome_writer::missing(std::span<const published_outcome> outcomes) {
    directories_once directories(parts_->directories);
    std::vector<job_id> gone;
    for (const auto& one : outcomes) {
        if (!is_account(one.account) || !is_reference(one.reference)) {
            continue;
        }
        const auto& directory = directories.open(one.account);
        if (directory.has_value() &&
            !parts_->calls.holds((*directory)->get(), one.reference + ".json")) {
            gone.push_back(one.id);
        }
    }
    return gone;
}

result<void> outcome_writer::publish_report(const batch_summary& summary) {
    const auto name = report_name(summary.batch);
    publication files(parts_->directories, 2);
    files.add(reports_folder, name + ".json", render_report_json(summary));
    files.add(reports_folder, name + ".txt", render_report_text(summary));
    for (const auto& written : files.write(parts_->calls, parts_->choice)) {
        if (written.has_error()) {
            return written;
        }
    }
    return {};
}

}  // namespace onboardd
