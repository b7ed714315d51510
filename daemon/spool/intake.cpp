#include "daemon/spool/intake.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace onboardd::spooling {
namespace {

// Ends a portion early: large jobs must not fill the memory.
constexpr std::size_t portion_bytes_max = 8 * 1024 * 1024;
// Ends a call early, so that a cancelled caller does not wait for the whole of a huge file.
constexpr std::uint64_t step_bytes_max = 64 * 1024 * 1024;

constexpr std::string_view regular_files =
    "regular files NAME.json and NAME.jsonl, renamed into place";

bool is_job_name(std::string_view name) {
    return name.ends_with(".json") || name.ends_with(".jsonl");
}

// What a directory entry is, if it cannot be a job.
std::string_view unusable_kind(const struct stat& file) {
    if (S_ISLNK(file.st_mode)) {
        return "this is a symbolic link";
    }
    if (S_ISDIR(file.st_mode)) {
        return "this is a directory inside a batch directory";
    }
    if (S_ISFIFO(file.st_mode)) {
        return "this is a named pipe";
    }
    if (S_ISSOCK(file.st_mode)) {
        return "this is a socket";
    }
    if (!S_ISREG(file.st_mode)) {
        return "this is a device";
    }
    return file.st_nlink > 1 ? "this file has another name (a hard link)"
                             : "the name of this file ends neither in .json nor in .jsonl";
}

bool out_of_descriptors(const error_code& failure) {
    return failure == boost::system::errc::too_many_files_open ||
           failure == boost::system::errc::too_many_files_open_in_system;
}

unsigned char type_of(const struct stat& file) {
    return static_cast<unsigned char>(IFTODT(file.st_mode));
}

}  // namespace

std::vector<job_fault> too_large(std::uint64_t bytes_max) {
    return whole_fault("this is too large", std::to_string(bytes_max) + " bytes at most");
}

bool intake::filling::full(std::size_t jobs_max) const {
    return out.failure || out.scan_complete || out.taken.jobs.size() >= jobs_max ||
           out.taken.refused >= jobs_max || portion_bytes >= portion_bytes_max ||
           read_bytes >= step_bytes_max;
}

intake::intake(int spool, const spool_options& options, reject_store& rejects, logger& log,
               std::function<void(const std::filesystem::path&)> watch)
    : spool_(spool), options_(options), rejects_(rejects), log_(log), watch_(std::move(watch)) {}

intake_step intake::step(const job_reader& reader, wall_time now) {
    filling work(reader, now, rejects_);
    if (!scan_) {
        work.out.failure = begin_scan();
    }
    while (!work.full(options_.portion_jobs_max)) {
        if (lines_) {
            read_lines(work);
        } else {
            read_names(work);
        }
    }
    if (auto synced = work.rejects.sync(); synced.has_error()) {
        for (const auto& file : work.parted) {
            file->fail();
        }
        log_.error("spool_sync_failed", "what was rejected may come back after a power cut",
                   {{"ec", synced.error().message()}});
    }
    if (work.out.scan_complete) {
        work.out.unsettled = scan_->unsettled;
        work.out.left = scan_->left;
        failure_reported_ = failure_reported_ && scan_->left != 0;
    }
    if (work.out.scan_complete || work.out.failure) {
        scan_.reset();
    }
    return std::move(work.out);
}

// Opened anew for each scan, so that an operator may move incoming/ away and put another one there.
error_code intake::begin_scan() {
    ::mkdirat(spool_, "incoming", 0750);
    auto fd = open_directory_beneath(spool_, "incoming");
    if (fd.has_error()) {
        return fd.error();
    }
    watch_(options_.directory / "incoming");
    auto names = directory_stream::open(fd->get());
    if (names.has_error()) {
        return names.error();
    }
    open_directory incoming;
    incoming.fd = std::move(*fd);
    scan_.emplace(open_scan{std::make_shared<const open_directory>(std::move(incoming)),
                            std::move(*names), nullptr, std::nullopt});
    return {};
}

void intake::read_names(filling& work) {
    auto& names = scan_->batch_names ? *scan_->batch_names : scan_->names;
    const auto entry = names.next();
    if (entry.has_error()) {
        if (!scan_->batch_names) {
            work.out.failure = entry.error();
            return;
        }
        leave(*scan_->incoming, scan_->batch->name, entry.error());
    }
    if (entry.has_value() && *entry != nullptr) {
        take_entry(work, scan_->batch_names ? scan_->batch : scan_->incoming, **entry);
    } else if (scan_->batch_names) {
        scan_->batch_names.reset();  // an empty batch directory stays: it is the producer's
        scan_->batch.reset();
    } else {
        work.out.scan_complete = true;
    }
}

void intake::take_entry(filling& work, const directory_ptr& where, const directory_entry& entry) {
    auto type = entry.type;
    if (type == DT_UNKNOWN) {
        const auto status = status_of(where->fd.get(), entry.name);
        if (status.has_error()) {
            return;  // gone
        }
        type = type_of(*status);
    }
    if (type == DT_DIR && where == scan_->incoming) {
        enter_batch(work, entry);
    } else if (type == DT_REG && is_job_name(entry.name)) {
        open_file(work, where, entry.name);
    } else {
        refuse_entry(work, where, entry.name);
    }
}

void intake::enter_batch(filling& work, const directory_entry& entry) {
    const auto& incoming = scan_->incoming;
    auto fd = open_directory_beneath(incoming->fd.get(), entry.name);
    if (fd.has_error()) {
        return cannot_read(work, incoming, entry.name, fd.error());
    }
    watch_(options_.directory / "incoming" / entry.name);
    auto names = directory_stream::open(fd->get());
    if (names.has_error()) {
        return cannot_read(work, incoming, entry.name, names.error());
    }
    open_directory batch;
    batch.fd = std::move(*fd);
    batch.name = entry.name;
    batch.batch = batch_for(entry.name);
    scan_->batch = std::make_shared<const open_directory>(std::move(batch));
    scan_->batch_names.emplace(std::move(*names));
}

void intake::open_file(filling& work, const directory_ptr& where, const std::string& name) {
    if (handed_out_->contains(path_of(*where, name))) {
        return;
    }
    auto fd = open_beneath(where->fd.get(), name);
    if (fd.has_error()) {
        return cannot_read(work, where, name, fd.error());
    }
    const auto status = status_of(fd->get());
    if (status.has_error()) {
        return cannot_read(work, where, name, status.error());
    }
    if (!S_ISREG(status->st_mode) || status->st_nlink > 1) {
        return refuse_entry(work, where, name);
    }
    if (status->st_nlink == 0) {
        return;  // gone
    }
    if (is_young(work, modified_at(*status))) {
        ++scan_->unsettled;
        return;
    }
    const auto identity = identity_of(*status);
    if (name.ends_with(".jsonl")) {
        return begin_lines(where, name, std::move(*fd), identity);
    }
    if (identity.size > options_.file_bytes_max) {
        return refuse(work, where, name, identity, too_large(options_.file_bytes_max));
    }
    take_job(work, where, name, fd->get(), identity);
}

void intake::take_job(filling& work, const directory_ptr& where, const std::string& name, int fd,
                      const file_identity& identity) {
    const auto whole = read_whole(fd, identity, buffer_);
    if (whole.error() == boost::system::errc::resource_unavailable_try_again) {
        ++scan_->unsettled;  // it is being written
        return;
    }
    if (whole.has_error()) {
        return cannot_read(work, where, name, whole.error());
    }
    work.read_bytes += buffer_.size();
    const std::string_view batch =
        where->batch.empty() ? std::string_view("default") : where->batch;
    auto job = work.reader.read(buffer_, stem_of(name), batch);
    if (job.has_error()) {
        return refuse(work, where, name, identity, job.error());
    }
    portion::origin::entry from;
    from.file = std::make_shared<source_file>(handed_out_, where, name, identity, unique_fd());
    add_job(work, std::move(*job), std::move(from));
}

void intake::add_job(filling& work, new_job job, portion::origin::entry from) {
    auto& taken = work.out.taken;
    if (!taken.from) {
        taken.from = std::make_shared<portion::origin>();
    }
    auto& files = taken.from->files;
    if (files.empty() || files.back() != from.file) {
        from.file->hold();
        files.push_back(from.file);
    }
    work.portion_bytes += job.request.size();
    taken.from->entries.push_back(std::move(from));
    taken.jobs.push_back(std::move(job));
}

// Something that can be no job, or a name that is none: moved away, never opened.
void intake::refuse_entry(filling& work, const directory_ptr& where, const std::string& name,
                          std::vector<job_fault> known_faults) {
    const auto status = status_of(where->fd.get(), name);
    if (status.has_error()) {
        return;  // gone
    }
    if (is_young(work, modified_at(*status)) || is_young(work, status_changed_at(*status))) {
        ++scan_->unsettled;  // a producer may be about to rename or unlink it
        return;
    }
    if (known_faults.empty()) {
        if (S_ISREG(status->st_mode) && status->st_nlink == 1 && is_job_name(name)) {
            return;  // it became a job's file while we looked: the next scan's
        }
        known_faults = whole_fault(unusable_kind(*status), regular_files);
    }
    refuse(work, where, name, identity_of(*status), std::move(known_faults));
}

void intake::refuse(filling& work, const directory_ptr& where, const std::string& name,
                    const file_identity& identity, std::vector<job_fault> faults) {
    reject_reason reason;
    reason.file = name;
    reason.batch = where->batch.empty() ? std::string_view("default") : where->batch;
    reason.faults = std::move(faults);
    const auto moved = work.rejects.move(where, identity, reason);
    if (moved.has_value()) {
        ++work.out.taken.refused;
    } else if (moved.error() != boost::system::errc::no_such_file_or_directory) {
        leave(*where, name, moved.error());
    }
}

// An entry that could not be opened or read.
void intake::cannot_read(filling& work, const directory_ptr& where, const std::string& name,
                         error_code failure) {
    namespace errc = boost::system::errc;
    if (failure == errc::no_such_file_or_directory) {
        return;
    }
    if (out_of_descriptors(failure)) {
        work.out.failure = failure;  // a pause: the scan begins anew, nothing is lost
    } else if (failure == errc::too_many_symbolic_link_levels ||
               failure == errc::no_such_device_or_address || failure == errc::not_a_directory) {
        refuse_entry(work, where, name);  // a link, a socket, or a directory no longer
    } else if (failure == errc::permission_denied && is_job_name(name)) {
        refuse_entry(work, where, name,
                     whole_fault("we may not read this file", "files that onboardd may read"));
    } else {
        leave(*where, name, failure);
    }
}

// It stays where it is and a later scan tries again. Said once: the cause is mostly the same for
// all, and a full disk stays full for many scans.
void intake::leave(const open_directory& where, const std::string& name, error_code failure) {
    ++scan_->left;
    if (std::exchange(failure_reported_, true)) {
        return;
    }
    log_.error("job_file_left",
               "a file in the spool can be neither taken nor moved away; it is tried again",
               {{"file", printable(path_of(where, name))}, {"ec", failure.message()}});
}

bool intake::is_young(const filling& work, wall_time changed) const {
    const auto age = work.now - changed;
    return (age < milliseconds::zero() ? -age : age) < options_.settle;
}

}  // namespace onboardd::spooling
