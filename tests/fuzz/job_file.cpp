#include "onboardd/spool/job_file.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <string>

#include "daemon/spool/job_checks.hpp"
#include "daemon/spool/json_faults.hpp"
#include "daemon/spool/json_text.hpp"
#include "tests/fuzz/target.hpp"

namespace onboardd::fuzz {
namespace {

account_config account(const char* id, const char* defaults) {
    account_config made;
    made.id = id;
    made.defaults = defaults;
    return made;
}

// One account with defaults and all checks, and two accounts without either.
const job_reader& reader(bool lenient) {
    static const auto strict_one = make_job_reader(
        {account("T12345678",
                 R"({"products":["payout"],"case_request":{"checks":["KYC"],"share":0.50}})")},
        checks_config{});
    static const auto lenient_one =
        make_job_reader({account("T12345678", "{}"), account("P00000001", "{}")},
                        checks_config{.country_codes = false,
                                      .currencies = false,
                                      .organization_numbers = false,
                                      .callback_urls = false});
    return lenient ? *lenient_one : *strict_one;
}

void check_place(const job_fault& fault, std::string_view text) {
    promise(!fault.message.empty(), "a fault without a message");
    promise(fault.pointer.empty() || fault.pointer.front() == '/', "a fault's pointer is none");
    promise(fault.line >= 0 && (fault.line == 0) == (fault.column == 0), "half a position");
    promise(fault.line == 0 || fault.pointer.empty(), "a fault with two places");
    for (int line = 1; line < fault.line; ++line) {
        const auto end = text.find('\n');
        promise(end != std::string_view::npos, "a fault on a line behind the text");
        text.remove_prefix(end + 1);
    }
    if (fault.line != 0) {
        const auto length = std::min(text.find('\n'), text.size());
        promise(static_cast<std::size_t>(fault.column) <= length + 1,
                "a fault behind the end of its line");
    }
}

void check_faults(const std::vector<job_fault>& faults, std::string_view text) {
    promise(!faults.empty(), "refused without a fault");
    promise(faults.size() <= spooling::faults_max, "more faults than are listed");
    for (const auto& fault : faults) {
        check_place(fault, text);
    }
}

// What is sent is JSON by our own strict reading, and carries the reference.
void check_request(const new_job& job) {
    std::vector<job_fault> faults;
    const auto sent = spooling::json_parser().parse(job.request, {}, faults);
    promise(sent.has_value() && faults.empty(), "the request is not strict JSON");
    boost::json::error_code absent;
    const auto* id = sent->find_pointer("/case_request/referenceId", absent);
    promise(id != nullptr && id->is_string() && id->get_string() == job.reference,
            "the request does not carry the reference");
}

// The request as a job of its own gives the same request: the defaults are in it already, and no
// number or text changes by being read.
void check_again(const job_reader& reads, const new_job& job) {
    const auto text = R"({"account":")" + job.account + R"(","reference":")" + job.reference +
                      R"(","case":)" + job.request + "}";
    const auto again = reads.read(text, {}, job.batch);
    promise(again.has_value(), "the request is refused as a job of its own");
    promise(again->request == job.request, "reading the request again changes it");
    promise(again->fingerprint == job.fingerprint, "reading the request again changes its case");
}

void check_job(const job_reader& reads, const new_job& job) {
    promise(job.account == "T12345678" || job.account == "P00000001", "an account from nowhere");
    promise(spooling::is_reference(job.reference), "a reference that is none");
    promise(job.batch == "batch", "another batch");
    promise(job.priority >= -10 && job.priority <= 10, "a priority out of range");
    promise(std::ranges::is_sorted(job.fingerprint.products), "products that are not sorted");
    check_request(job);
    check_again(reads, job);
}

}  // namespace

void job_file(std::string_view bytes) {
    const bool lenient = chance_of(bytes)() % 2 == 0;
    const auto& reads = reader(lenient);
    const auto job = reads.read(bytes, lenient ? "" : "name-1", "batch");
    if (job.has_error()) {
        check_faults(job.error(), bytes);
    } else {
        check_job(reads, *job);
    }
}

}  // namespace onboardd::fuzz
