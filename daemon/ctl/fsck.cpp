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

}  // namespace

int fsck(const config& settings, bool repair, output& to) {
    const auto file = ledger_options_of(settings).file;
    become_owner_of(file);
    const auto book = own_ledger(file);
    using purpose = findings_report::purpose;
    findings_report report(to, repair ? purpose::repair : purpose::check);
    check_ledger(*book, report);
    if (book->readable()) {
        check_outcomes(settings, *book, report);
        check_spool(settings, *book, report);
    }
    report.sum_up();
    return report.left() == 0 ? done : failed;
}

}  // namespace onboardd::ctl
