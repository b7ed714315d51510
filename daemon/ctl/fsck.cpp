#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/app/wiring.hpp"
#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/fsck_parts.hpp"
#include "daemon/ctl/references.hpp"
#include "onboardd/outcome/outcome.hpp"

namespace onboardd::ctl {
namespace {

[[noreturn]] void fail(const std::string& doing) {
    throw std::system_error(errno, std::system_category(), doing);
}

// What root makes, the daemon could not open: so root works as the ledger's owner.
void become_owner_of(const std::filesystem::path& file) {
    struct stat status {};
    if (::geteuid() != 0 || ::stat(file.c_str(), &status) != 0 || status.st_uid == 0) {
        return;
    }
    if (::setgroups(1, &status.st_gid) != 0 || ::setgid(status.st_gid) != 0 ||
        ::setuid(status.st_uid) != 0) {
        fail("cannot become the ledger's owner");
    }
}

finding as_finding(const ledger_fault& fault, bool note = false) {
    return {.kind = fault.kind,
            .subject = fault.subject,
            .text = fault.text,
            .remedy = fault.remedy,
            .note = note};
}

// onboardd ends such a job by itself and says why: nothing is left to repair.
bool resolves_itself(const ledger_fault& fault) {
    return fault.kind == "request_missing";
}

std::vector<ledger_fault> faults_of(ledger_check& book) {
    std::vector<ledger_fault> faults;
    book.examine([&](ledger_fault fault) { faults.push_back(std::move(fault)); });
    return faults;
}

bool wants_repair(const ledger_fault& fault) {
    return !fault.remedy.empty();
}

void repair_ledger(ledger_check& book, const std::vector<ledger_fault>& faults,
                   findings_report& report) {
    const auto now = make_system_clock()->wall_now();
    std::vector<ledger_fault> done;
    const auto kept =
        book.repair(now, [&](ledger_fault fault) { done.push_back(std::move(fault)); });
    const auto left = faults_of(book);
    std::set<std::pair<std::string, std::string>> still;
    for (const auto& fault : left) {
        still.emplace(fault.kind, fault.subject);
    }
    for (const auto& fault : faults) {
        if (!resolves_itself(fault)) {
            report.tell(as_finding(fault),
                        !still.contains({fault.kind, fault.subject}) && wants_repair(fault));
        }
        still.erase({fault.kind, fault.subject});
    }
    for (const auto& fault : done) {
        report.tell(as_finding(fault, fault.kind != "job_lost"));
    }
    for (const auto& fault : left) {
        if (still.contains({fault.kind, fault.subject}) || resolves_itself(fault)) {
            report.tell(as_finding(fault, resolves_itself(fault)));
        }
    }
    report.tell({.kind = "ledger_kept",
                 .subject = kept.string(),
                 .text = "the ledger as it was is kept under this name; it holds what the old one "
                         "held, requests too: delete it when you need it no more",
                 .remedy = "",
                 .note = true});
}

void check_ledger(ledger_check& book, findings_report& report) {
    const auto faults = faults_of(book);
    if (report.repairs() && std::ranges::any_of(faults, wants_repair)) {
        repair_ledger(book, faults, report);
        return;
    }
    for (const auto& fault : faults) {
        report.tell(as_finding(fault, resolves_itself(fault)));
    }
}

// Whether the ledger is the one that wrote the outcomes, and not a copy from before.
bool is_behind(ledger_check& book, const std::optional<ledger_mark>& mark) {
    if (!mark) {
        return false;
    }
    const auto own = book.mark();
    return own.ledger != mark->ledger || own.epoch < mark->epoch;
}

// The ledger must not be owned meanwhile.
void accept_restored(const config& settings, findings_report& report) {
    auto options = ledger_options_of(settings);
    options.mark = read_mark(settings.outcomes.directory);
    const auto time = make_system_clock();
    const auto accepted = accept_restored_ledger(*time, options);
    const auto written = write_mark(settings.outcomes.directory, accepted.mark);
    finding told;
    told.kind = "ledger_accepted";
    told.subject = options.file.string();
    told.text = "this ledger is the truth from now on; " + std::to_string(accepted.doubted) +
                " open jobs are looked up with the provider first";
    told.note = written.has_value();
    if (written.has_error()) {
        told.text =
            "the mark beside the outcomes cannot be written, so this ledger is still "
            "refused: " +
            written.error().message();
    }
    report.tell(told);
}

void tell_behind(const config& settings, findings_report& report) {
    finding told;
    told.kind = "ledger_older";
    told.subject = ledger_options_of(settings).file.string();
    told.text =
        "the ledger is older than the outcomes, or not the one that wrote them: onboardd refuses "
        "it. Put the newest one back, or use --accept-restored";
    report.tell(told);
}

}  // namespace

int fsck(const config& settings, const fsck_options& options, output& to) {
    const auto file = ledger_options_of(settings).file;
    expect_readable_ledger(settings);
    become_owner_of(file);
    auto book = own_ledger(file);
    using purpose = findings_report::purpose;
    findings_report report(to, options.repair ? purpose::repair : purpose::check);
    check_ledger(*book, report);
    if (book->readable() && is_behind(*book, read_mark(settings.outcomes.directory))) {
        if (options.accept_restored) {
            book.reset();
            accept_restored(settings, report);
            book = own_ledger(file);
        } else {
            tell_behind(settings, report);
        }
    }
    if (book->readable()) {
        check_outcomes(settings, *book, report);
        check_spool(settings, *book, report);
    }
    report.sum_up();
    return report.left() == 0 ? done : failed;
}

}  // namespace onboardd::ctl
