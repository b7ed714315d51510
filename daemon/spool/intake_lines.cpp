#include "daemon/spool/intake.hpp"

// The part of the intake that reads .jsonl files, line by line over any number of portions.

namespace onboardd::spooling {
namespace {

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

void intake::begin_lines(const directory_ptr& where, const std::string& name, unique_fd fd,
                         const file_identity& identity) {
    const int descriptor = fd.get();
    auto file = std::make_shared<source_file>(handed_out_, where, name, identity, std::move(fd));
    file->hold();
    lines_.emplace(open_lines{std::move(file),
                              line_reader(descriptor, identity.size, options_.file_bytes_max),
                              where->batch.empty() ? batch_for(stem_of(name)) : where->batch});
}

void intake::read_lines(filling& work) {
    bool more = true;
    while (more && !work.full(options_.portion_jobs_max)) {
        const auto before = lines_->lines.bytes_read();
        const auto line = lines_->lines.next();
        work.read_bytes += lines_->lines.bytes_read() - before;
        if (line.has_error()) {
            lines_->file->abandon();
            leave(*lines_->file->where(), lines_->file->name(), line.error());
        }
        more = !lines_->file->abandoned() && take_line(work, *line);
    }
    if (!more) {
        end_lines(work);
    }
}

// False at the end of the file.
bool intake::take_line(filling& work, const text_line& line) {
    if (line.is == text_line::kind::end) {
        return false;
    }
    if (line.is == text_line::kind::too_long) {
        refuse_line(work, line, too_large(options_.file_bytes_max));
        return true;
    }
    if (is_blank(line.text)) {
        return true;
    }
    if (!line.terminated) {  // perhaps half of one, of a writer who has not finished
        const auto status = status_of(lines_->file->fd());
        if (status.has_error() || identity_of(*status) != lines_->file->identity()) {
            return false;
        }
    }
    auto job = work.reader.read(line.text, {}, lines_->batch);
    if (job.has_error()) {
        refuse_line(work, line, job.error());
        return true;
    }
    lines_->useful = true;
    portion::origin::entry from;
    from.file = lines_->file;
    from.line = line.number;
    from.offset = line.offset;
    from.length = line.length;
    add_job(work, std::move(*job), std::move(from));
    return true;
}

void intake::end_lines(filling& work) {
    const auto done = std::move(*lines_);
    lines_.reset();
    const auto& file = *done.file;
    const auto status = status_of(file.fd());
    if (!file.failed() && (status.has_error() || identity_of(*status) != file.identity())) {
        done.file->fail();
        ++scan_->unsettled;  // written to meanwhile: all of it again, later
    }
    if (!done.useful && !file.failed()) {
        refuse(work, file.where(), file.name(), file.identity(),
               whole_fault("there is no job in it", "one JSON object a line"));
        return;
    }
    if (!done.file->release()) {
        return;
    }
    // Its last line is in rejected/ or in the ledger. The former must be durable before it goes.
    auto gone = work.rejects.sync();
    if (gone.has_value()) {
        const auto removed = file.remove();
        gone = removed.has_error() ? result<void>(removed.error()) : result<void>();
    }
    if (gone.has_error()) {
        leave(*file.where(), file.name(), gone.error());
    }
}

void intake::refuse_line(filling& work, const text_line& line, std::vector<job_fault> faults) {
    lines_->useful = true;
    reject_reason reason;
    reason.file = lines_->file->name();
    reason.batch = lines_->batch;
    reason.line = line.number;
    reason.faults = std::move(faults);
    const auto kept = work.rejects.keep_line(lines_->file->fd(), line.offset, line.length, reason);
    if (kept.has_value()) {
        work.out.taken.refused += *kept == reject_store::session::kept::now ? 1 : 0;
        if (work.parted.empty() || work.parted.back() != lines_->file) {
            work.parted.push_back(lines_->file);
        }
        return;
    }
    lines_->file->fail();
    leave(*lines_->file->where(), lines_->file->name(), kept.error());
}

}  // namespace onboardd::spooling
