#include "post_body.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace onboardd::sandbox {
namespace {

namespace json = boost::json;

using names = std::initializer_list<std::string_view>;

// Where the checks meet the value: collects what is wrong under its path.
class checker {
public:
    explicit checker(std::vector<body_problem>& problems) : problems_(problems) {}

    void report(std::string path, std::string message) {
        problems_.push_back({std::move(path), std::move(message)});
    }

    const json::value* required(const json::object& in, std::string_view name) {
        const auto* found = in.if_contains(key(name));
        if (found == nullptr) {
            report(std::string(name), "is required");
        }
        return found;
    }

    // The member if it is there and a string; else nullptr, and a report if it is something else.
    const json::string* text(const json::object& in, std::string_view parent,
                             std::string_view name) {
        const auto* found = in.if_contains(key(name));
        if (found != nullptr && !found->is_string()) {
            report(path(parent, name), "must be a string");
        }
        return found == nullptr ? nullptr : found->if_string();
    }

    // An array of strings; with `allowed`, of these alone.
    void words(const json::value* found, const std::string& path, names allowed) {
        if (found == nullptr) {
            return;
        }
        const auto* array = found->if_array();
        if (array == nullptr) {
            return report(path, "must be an array");
        }
        for (const auto& word : *array) {
            const bool known = word.is_string() &&
                               (allowed.size() == 0 ||
                                std::find(allowed.begin(), allowed.end(),
                                          std::string_view(word.as_string())) != allowed.end());
            if (!known) {
                return report(path, word.is_string() ? "has a value that is not allowed"
                                                     : "must hold strings");
            }
        }
    }

    static std::string path(std::string_view parent, std::string_view name) {
        std::string whole(parent);
        return whole.append(parent.empty() ? "" : ".").append(name);
    }

    static json::string_view key(std::string_view name) { return {name.data(), name.size()}; }

private:
    std::vector<body_problem>& problems_;
};

struct trigger {
    std::string_view word;
    std::string_view status;
};

constexpr std::array<trigger, 3> triggers{{
    {"AUTO_APPROVE", "ACTIVE"},
    {"AUTO_DECLINE", "DECLINED"},
    {"AUTO_WAITING_FOR_SIGNATURE", "WAITING_FOR_SIGNATURE"},
}};

constexpr std::array<std::string_view, 8> provider_members{"account_id", "events",     "id",
                                                           "created_at", "created_by", "updated_at",
                                                           "deleted_by", "deleted_at"};

void read_case_for(checker& check, const json::value* found, post_body& into) {
    if (found == nullptr) {
        return;
    }
    const auto* case_for = found->if_object();
    if (case_for == nullptr) {
        return check.report("case_for", "must be an object");
    }
    for (const std::string_view name :
         {"account_id", "payout_destination_name", "payout_reference"}) {
        check.text(*case_for, "case_for", name);
    }
    const auto* id = check.text(*case_for, "case_for", "payout_destination_id");
    into.refused = id != nullptr && std::string_view(*id).starts_with("refuse");
    const auto* text = check.text(*case_for, "case_for", "payout_destination_description");
    for (const auto& trigger : triggers) {
        if (text != nullptr && std::string_view(*text) == trigger.word) {
            into.auto_status = trigger.status;
        }
    }
}

void read_case_request(checker& check, const json::value* found, post_body& into) {
    if (found == nullptr) {
        return;
    }
    const auto* request = found->if_object();
    if (request == nullptr) {
        return check.report("case_request", "must be an object");
    }
    for (const std::string_view name : {"countryCode", "organizationNumber", "callbackUrl"}) {
        check.text(*request, "case_request", name);
    }
    check.words(request->if_contains("checks"), "case_request.checks", {});
    const auto* signing = request->if_contains("requireContractSigning");
    if (signing != nullptr && !signing->is_bool()) {
        check.report("case_request.requireContractSigning", "must be a boolean");
    }
    const auto* details = request->if_contains("details");
    if (details != nullptr && !details->is_object()) {
        check.report("case_request.details", "must be an object");
    }
    if (const auto* reference = check.text(*request, "case_request", "referenceId")) {
        into.reference = std::string_view(*reference);
    }
}

void read_payment_options(checker& check, const json::value* found) {
    if (found == nullptr) {
        return;
    }
    const auto* options = found->if_array();
    if (options == nullptr) {
        return check.report("payment_options", "must be an array");
    }
    for (const auto& option : *options) {
        const auto* object = option.if_object();
        if (object == nullptr) {
            return check.report("payment_options", "must hold objects");
        }
        check.text(*object, "payment_options", "type");
        check.words(object->if_contains("currencies"), "payment_options.currencies", {});
    }
}

void read_products(checker& check, const json::value* found) {
    check.words(found, "products", {"payout", "checkout"});
    if (found != nullptr && found->is_array() && found->as_array().empty()) {
        check.report("products", "must not be empty");
    }
}

// Rare: a client that sends members which are the provider's to set gets the provider's.
std::string without_provider_members(const json::object& whole) {
    const auto there = [&](std::string_view name) { return whole.contains(checker::key(name)); };
    if (std::none_of(provider_members.begin(), provider_members.end(), there)) {
        return {};
    }
    json::object kept(whole);
    for (const auto name : provider_members) {
        kept.erase(checker::key(name));
    }
    return json::serialize(kept);
}

}  // namespace

post_body read_post_body(std::string_view body) {
    post_body into;
    checker check(into.problems);
    std::array<unsigned char, 16 * 1024> space;  // enough for an ordinary body: no allocation
    json::monotonic_resource memory(space.data(), space.size());
    json::error_code ec;
    const auto parsed = json::parse(json::string_view(body.data(), body.size()), ec, &memory);
    if (ec) {
        check.report("", "is not JSON: " + ec.message());
        return into;
    }
    const auto* whole = parsed.if_object();
    if (whole == nullptr) {
        check.report("", "must be an object");
        return into;
    }
    read_case_for(check, check.required(*whole, "case_for"), into);
    read_products(check, check.required(*whole, "products"));
    read_case_request(check, check.required(*whole, "case_request"), into);
    check.text(*whole, "", "package");
    check.words(whole->if_contains("actions_on_approval"), "actions_on_approval",
                {"enable_payout_account", "enable_checkout_account", "create_payout_destination"});
    read_payment_options(check, whole->if_contains("payment_options"));
    into.echoed = without_provider_members(*whole);
    return into;
}

std::string_view find_reference(std::string_view part) noexcept {
    constexpr std::string_view name = "\"referenceId\"";
    auto at = part.find(name);
    if (at == std::string_view::npos) {
        return {};
    }
    at = part.find_first_not_of(" \t\r\n:", at + name.size());
    if (at == std::string_view::npos || part[at] != '"') {
        return {};
    }
    const auto end = part.find('"', at + 1);
    return end == std::string_view::npos ? std::string_view() : part.substr(at + 1, end - at - 1);
}

}  // namespace onboardd::sandbox
