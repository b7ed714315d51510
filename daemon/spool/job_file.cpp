#include "onboardd/spool/job_file.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>
#include <stdexcept>

#include "daemon/spool/job_checks.hpp"
#include "daemon/spool/job_schema.hpp"
#include "daemon/spool/json_text.hpp"
#include "daemon/spool/json_writer.hpp"

namespace onboardd {
namespace {

namespace json = boost::json;
using spooling::add_fault;
using faults_type = std::vector<job_fault>;

constexpr std::string_view reference_allowed =
    "1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit";
constexpr std::string_view reference_id_pointer = "/case/case_request/referenceId";

struct known_account {
    std::string id;
    json::value defaults;
};

// Memory that one thread uses for one job after the other.
struct workspace {
    spooling::json_parser parser;
    std::array<unsigned char, 64 * 1024>
        memory;  // not cleared: jobs above this size take from the heap
    std::string canonical;
    std::size_t request_bytes = 0;  // of the last one, as a guess for the next
};

workspace& workspace_of_this_thread() {
    thread_local const auto instance = std::make_unique<workspace>();
    // It ends with its thread, not, as the analyzer has it, with this function.
    return *instance;  // NOLINT(clang-analyzer-cplusplus.NewDelete)
}

void add(faults_type& faults, std::string_view pointer, std::string_view message,
         std::string_view allowed) {
    job_fault fault;
    fault.message = message;
    fault.allowed = allowed;
    fault.pointer = pointer;
    add_fault(faults, std::move(fault));
}

std::optional<std::string_view> text_at(const json::object& object, json::string_view name) {
    const auto* value = object.if_contains(name);
    const auto* text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::optional<std::string_view>({text->data(), text->size()})
                           : std::nullopt;
}

json::object* object_at(json::object& object, json::string_view name) {
    auto* value = object.if_contains(name);
    return value != nullptr ? value->if_object() : nullptr;
}

content_hash sha256(std::string_view text) {
    content_hash hash{};
    if (EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1) {
        throw std::runtime_error("SHA-256 is not available");
    }
    return hash;
}

json::value parse_defaults(const account_config& account) {
    faults_type faults;
    auto value = spooling::json_parser().parse(account.defaults, {}, faults);
    if (!faults.empty() || !value || !value->is_object()) {
        const auto reason = faults.empty() ? std::string("not an object") : faults.front().message;
        throw config_error("defaults of account " + account.id + ": " + reason);
    }
    return std::move(*value);
}

std::optional<wall_time> read_time(const json::object& job, json::string_view name,
                                   faults_type& faults) {
    const auto text = text_at(job, name);
    if (!text) {
        return std::nullopt;  // absent, or of a wrong type: the schema says so
    }
    auto time = parse_rfc3339(*text);
    if (!time) {
        add(faults, spooling::pointer_to("", std::string_view(name.data(), name.size())),
            "this is not a date and time with a time zone",
            "RFC 3339, for example 2026-11-22T01:04:05Z");
    }
    return time;
}

case_fingerprint fingerprint_of(const json::object& merged) {
    case_fingerprint fingerprint;
    if (const auto* request = merged.at("case_request").if_object()) {
        fingerprint.organization_number = text_at(*request, "organizationNumber").value_or("");
    }
    for (const auto& product : merged.at("products").as_array()) {
        fingerprint.products.emplace_back(product.as_string());
    }
    std::sort(fingerprint.products.begin(), fingerprint.products.end());
    return fingerprint;
}

class strict_job_reader final : public job_reader {
public:
    strict_job_reader(const std::vector<account_config>& accounts, const checks_config& checks)
        : checks_(checks) {
        for (const auto& account : accounts) {
            accounts_.push_back({account.id, parse_defaults(account)});
        }
        std::sort(accounts_.begin(), accounts_.end(),
                  [](const auto& left, const auto& right) { return left.id < right.id; });
    }

    result<new_job, faults_type> read(std::string_view bytes, std::string_view default_reference,
                                      std::string_view batch) const override {
        auto& work = workspace_of_this_thread();
        json::monotonic_resource memory(work.memory.data(), work.memory.size());
        faults_type faults;
        auto root = work.parser.parse(bytes, &memory, faults);
        if (!root) {
            return faults;
        }
        auto* object = root->if_object();
        if (object == nullptr) {
            add(faults, "", "this is not an object", "one JSON object a job");
            return faults;
        }
        new_job job;
        job.batch = batch;
        const auto* account = find_account(*object, faults);
        job.account = account != nullptr ? account->id : "";
        job.reference = settle_reference(*object, default_reference, faults);
        if (faults.empty() && account != nullptr) {
            write_texts(*root, account->defaults, work, job);
        }
        judge(*root, account, job, faults);
        if (!faults.empty()) {
            return faults;
        }
        return job;
    }

private:
    const known_account* find_account(const json::object& object, faults_type& faults) const {
        const auto id = text_at(object, "account");
        if (!id) {
            if (object.contains("account")) {
                return nullptr;  // of a wrong type: the schema says so
            }
            if (accounts_.size() == 1) {
                return &accounts_.front();
            }
            add(faults, "/account", "this member is missing, and there is more than one account",
                known_accounts());
            return nullptr;
        }
        const auto at =
            std::lower_bound(accounts_.begin(), accounts_.end(), *id,
                             [](const auto& account, auto name) { return account.id < name; });
        if (at == accounts_.end() || at->id != *id) {
            add(faults, "/account", "this account is not in the configuration", known_accounts());
            return nullptr;
        }
        return &*at;
    }

    std::string known_accounts() const {
        constexpr std::size_t shown_max = 10;
        std::string text;
        for (std::size_t i = 0; i < accounts_.size() && i < shown_max; ++i) {
            text += (i == 0 ? "" : ", ") + accounts_[i].id;
        }
        return text + (accounts_.size() > shown_max ? ", ..." : "");
    }

    // The job's reference, which `case_request.referenceId` is set to where it is absent.
    static std::string settle_reference(json::object& object, std::string_view default_reference,
                                        faults_type& faults) {
        const auto given = text_at(object, "reference");
        auto* body = object_at(object, "case");
        auto* request = body != nullptr ? object_at(*body, "case_request") : nullptr;
        static const json::object nothing;
        const auto& members = request != nullptr ? *request : nothing;
        const auto id = text_at(members, "referenceId");
        if ((object.contains("reference") && !given) || (members.contains("referenceId") && !id)) {
            return {};  // of a wrong type: the schema says so
        }
        std::string reference(given ? *given : id.value_or(default_reference));
        if (id && *id != reference) {
            add(faults, reference_id_pointer, "this differs from `reference`",
                "the same text as `reference`, or none");
        } else if (!spooling::is_reference(reference)) {
            refuse_reference(given.has_value(), id.has_value(), default_reference, faults);
        } else if (body != nullptr && !id) {
            set_reference_id(*body, reference);
        }
        return reference;
    }

    static void refuse_reference(bool given, bool id, std::string_view default_reference,
                                 faults_type& faults) {
        if (given) {
            return;  // the schema says so
        }
        if (id) {
            add(faults, reference_id_pointer, "this cannot be a reference", reference_allowed);
        } else if (default_reference.empty()) {
            add(faults, "/reference",
                "there is neither `reference` nor `case.case_request.referenceId`",
                reference_allowed);
        } else {
            add(faults, "/reference",
                "there is no `reference`, and the name of the file cannot serve as one",
                reference_allowed);
        }
    }

    static void set_reference_id(json::object& body, std::string_view reference) {
        auto& request = body.emplace("case_request", json::object(body.storage())).first->value();
        if (auto* members = request.if_object()) {
            members->emplace("referenceId", json::string_view(reference));
        }
    }

    // What is sent and what it is compared by, from the document as it is before the merge.
    static void write_texts(const json::value& root, const json::value& defaults, workspace& work,
                            new_job& job) {
        const auto& object = root.get_object();
        const auto* body = object.if_contains("case");
        if (body == nullptr) {
            return;  // the schema says so
        }
        std::size_t numbers_before = 0;
        for (const auto* member = object.begin(); &member->value() != body; ++member) {
            numbers_before += spooling::count_numbers(member->value());
        }
        const auto numbers = std::span(work.parser.numbers()).subspan(numbers_before);
        job.request.reserve(work.request_bytes);
        spooling::write_merged(job.request, *body, defaults,
                               numbers.first(spooling::count_numbers(*body)));
        work.request_bytes =
            std::min<std::size_t>(job.request.size() + job.request.size() / 8, 64 * 1024);
        work.canonical.clear();
        spooling::write_canonical(work.canonical, *body);
        job.content = sha256(work.canonical);
    }

    void judge(json::value& root, const known_account* account, new_job& job,
               faults_type& faults) const {
        auto& object = root.get_object();
        auto* body = object.if_contains("case");
        if (body != nullptr && account != nullptr) {
            spooling::merge_under(*body, account->defaults);
        }
        const auto before = faults.size();
        schema_.check(root, faults);
        if (account == nullptr) {  // what its defaults would have supplied is not missing
            const auto from = faults.begin() + static_cast<std::ptrdiff_t>(before);
            faults.erase(std::remove_if(from, faults.end(), &may_come_from_defaults), faults.end());
        }
        if (body != nullptr) {
            spooling::check_case(*body, checks_, faults);
        }
        job.not_before = read_time(object, "not_before", faults);
        job.expires_at = read_time(object, "expires_at", faults);
        if (job.not_before && job.expires_at && *job.not_before >= *job.expires_at) {
            faults.push_back({"the job expires before it may be sent",
                              "a time earlier than expires_at", "/not_before"});
        }
        if (!faults.empty()) {
            return;
        }
        if (const auto* priority = object.if_contains("priority")) {
            job.priority = static_cast<std::int8_t>(priority->as_int64());
        }
        job.fingerprint = fingerprint_of(body->as_object());
    }

    static bool may_come_from_defaults(const job_fault& fault) {
        return fault.message == "this member is missing" && fault.pointer.starts_with("/case/");
    }

    std::vector<known_account> accounts_;  // sorted by id
    checks_config checks_;
    spooling::job_schema schema_;
};

}  // namespace

std::unique_ptr<job_reader> make_job_reader(const std::vector<account_config>& accounts,
                                            const checks_config& checks) {
    return std::make_unique<strict_job_reader>(accounts, checks);
}

}  // namespace onboardd
