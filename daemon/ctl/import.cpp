// import: a sheet becomes one batch, handed off by one rename.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <ostream>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/hand_off.hpp"
#include "daemon/ctl/sheet.hpp"

namespace onboardd::ctl {
namespace {

constexpr std::size_t sheet_bytes_max = 512 * 1024 * 1024;
constexpr std::size_t map_bytes_max = 256 * 1024;
constexpr std::uint64_t faults_told_max = 1'000;

std::string read_file(const std::filesystem::path& path, std::size_t bytes_max) {
    const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd) {
        fail_with(errno, path.native());
    }
    std::string all;
    std::string part(64 * 1024, '\0');
    for (;;) {
        const auto got = ::read(fd.get(), part.data(), part.size());
        if (got < 0 && errno != EINTR) {
            fail_with(errno, path.native());
        }
        if (got == 0) {
            return all;
        }
        all.append(part, 0, got > 0 ? static_cast<std::size_t>(got) : 0);
        if (all.size() > bytes_max) {
            fail_with(EFBIG, path.native());
        }
    }
}

class importing {
public:
    importing(const config& settings, const import_options& options, output& to)
        : settings_(settings),
          options_(options),
          to_(to),
          batch_(options.batch.empty() ? options.sheet.stem().string() : options.batch) {}

    int run(const import_map& map) {
        const auto text = read_file(options_.sheet, sheet_bytes_max);
        const auto reader = make_job_reader(settings_.accounts, settings_.checks);
        unique_fd directory;
        std::optional<written_file> file;
        if (!options_.dry_run) {
            directory = open_incoming(settings_, "");
            file.emplace(directory.get(), batch_ + ".jsonl");
        }
        sheet_sink use;
        use.take = [&](const std::string& job) {
            if (file) {
                file->write(job + '\n');
            }
        };
        use.tell = [this](const sheet_fault& wrong) { tell(wrong); };
        counts_ = read_sheet(text, map, *reader, settings_.spool.file_bytes_max, use);
        const bool good =
            !counts_.head_is_bad && counts_.jobs != 0 && (counts_.bad == 0 || options_.skip_bad);
        if (good && file) {
            file->sync();
            file->hand_off();
            sync_incoming(directory.get());
        }
        sum_up(good);
        return counts_.bad != 0 || !good ? found_some : done;
    }

    [[nodiscard]] bool batch_is_a_name() const {
        return !batch_.empty() && !batch_.starts_with('.') && batch_.find('/') == std::string::npos;
    }

private:
    void tell(const sheet_fault& wrong) {
        if (++told_ > faults_told_max) {
            return;
        }
        if (to_.json) {
            json_line line;
            line.add("kind", "fault")
                .add("file", options_.sheet.native())
                .add_number("line", static_cast<std::int64_t>(wrong.at.line))
                .add_number("column", static_cast<std::int64_t>(wrong.at.column))
                .add_or_null("name", wrong.column)
                .add("message", wrong.message)
                .add_or_null("allowed", wrong.allowed);
            to_.line(line);
            return;
        }
        to_.line(shown(options_.sheet.native() + ":" + std::to_string(wrong.at.line) + ":" +
                       std::to_string(wrong.at.column) + ": " +
                       (wrong.column.empty() ? "" : wrong.column + ": ") + wrong.message +
                       (wrong.allowed.empty() ? "" : "; allowed: " + wrong.allowed)));
    }

    void sum_up(bool good) {
        if (to_.json) {
            json_line line;
            line.add("kind", "summary")
                .add("batch", batch_)
                .add_number("jobs", static_cast<std::int64_t>(counts_.jobs))
                .add_number("bad", static_cast<std::int64_t>(counts_.bad))
                .add_bool("handed_off", good && !options_.dry_run);
            to_.line(line);
            return;
        }
        if (told_ > faults_told_max) {
            to_.line("and " + std::to_string(told_ - faults_told_max) + " more");
        }
        const auto jobs = std::to_string(counts_.jobs) + (counts_.jobs == 1 ? " job" : " jobs");
        const auto bad =
            std::to_string(counts_.bad) + (counts_.bad == 1 ? " bad line" : " bad lines");
        if (!good) {
            to_.line("nothing was handed off: " + jobs + ", " +
                     (counts_.head_is_bad ? "and the first line is bad" : bad));
        } else {
            to_.line(jobs + (options_.dry_run ? " would be handed off" : " handed off") +
                     " as batch " + shown(batch_) +
                     (counts_.bad != 0 ? ", " + bad + " left out" : ""));
        }
    }

    const config& settings_;
    const import_options& options_;
    output& to_;
    std::string batch_;
    sheet_counts counts_;
    std::uint64_t told_ = 0;
};

}  // namespace

int import_sheet(const config& settings, const import_options& options, output& to) {
    importing work(settings, options, to);
    if (!work.batch_is_a_name()) {
        to.err << "onboardctl: a batch is a file's name, without a slash or a leading dot\n";
        return usage;
    }
    const auto map = parse_import_map(read_file(options.map, map_bytes_max), options.map.native());
    if (!map) {
        for (const auto& fault : map.error()) {
            to.err << fault.to_string() << '\n';
        }
        return found_some;
    }
    return work.run(*map);
}

}  // namespace onboardd::ctl
