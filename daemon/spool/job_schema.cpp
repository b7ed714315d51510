#include "daemon/spool/job_schema.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <span>
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "daemon/spool/json_faults.hpp"

namespace onboardd::spooling {
namespace json = boost::json;
namespace {

using adapter = valijson::adapters::BoostJsonAdapter;

// The validator keeps compiled patterns and is not for two threads at once.
valijson::Validator& validator_of_this_thread() {
    thread_local valijson::Validator validator;
    return validator;
}

// The definition that a "$ref": "#/definitions/NAME" stands for.
const json::object& resolved(const json::object& schema, const json::object& root) {
    constexpr json::string_view prefix = "#/definitions/";
    if (const auto* reference = schema.if_contains("$ref")) {
        return root.at("definitions").at(reference->as_string().subview(prefix.size())).as_object();
    }
    return schema;
}

// The part of the schema for one member or element; null where the schema says nothing.
const json::object* part_for(const json::object& schema, const json::object& root,
                             json::string_view token) {
    const auto& here = resolved(schema, root);
    if (const auto* members = here.if_contains("properties")) {
        const auto* member = members->as_object().if_contains(token);
        return member != nullptr ? &resolved(member->as_object(), root) : nullptr;
    }
    const auto* elements = here.if_contains("items");
    return elements != nullptr ? &resolved(elements->as_object(), root) : nullptr;
}

std::string description_of(const json::object* schema) {
    const auto* text = schema != nullptr ? schema->if_contains("description") : nullptr;
    return text != nullptr ? std::string(text->as_string()) : std::string();
}

struct phrase {
    std::string_view theirs;  // how the validator's text begins
    std::string_view ours;
};

// Texts that only say that something deeper failed, which is told there.
constexpr phrase echoes[] = {
    {"Failed to validate item #", ""},
    {"Failed to validate against schema associated with", ""},
};

constexpr phrase phrases[] = {
    {"Value type not permitted", "this is of the wrong type"},
    {"Failed to match any enum values", "this value is not known"},
    {"Failed to match against any enum values", "this value is not known"},
    {"Failed to match regex", "this has the wrong form"},
    {"Expected number less than or equal to", "this number is too large"},
    {"Expected number greater than or equal to", "this number is too small"},
    {"String should be no more than", "this text is too long"},
    {"String should be no fewer than", "this text is too short"},
    {"Array should contain no more than", "there are too many elements"},
    {"Array should contain no fewer than", "there are too few elements"},
};

bool is_echo(std::string_view text) {
    return std::any_of(std::begin(echoes), std::end(echoes),
                       [&](const phrase& echo) { return text.starts_with(echo.theirs); });
}

std::string_view readable(std::string_view text) {
    const auto* found =
        std::find_if(std::begin(phrases), std::end(phrases),
                     [&](const phrase& each) { return text.starts_with(each.theirs); });
    return found != std::end(phrases) ? found->ours : "this does not fit the schema";
}

// A place in a job, with what the schema and the job have there.
struct place {
    std::string pointer;
    const json::object* schema = nullptr;
    const json::value* value = nullptr;
};

// The validator names a place by "<root>" and then "[token]" for each level.
place find_place(std::span<const std::string> context, const json::object& root,
                 const json::value& job) {
    place at{"", &root, &job};
    for (const auto& entry : context.subspan(1)) {
        const auto token = std::string_view(entry).substr(1, entry.size() - 2);
        at.pointer = pointer_to(at.pointer, token);
        at.schema =
            at.schema != nullptr ? part_for(*at.schema, root, json::string_view(token)) : nullptr;
        if (at.value != nullptr && at.value->is_object()) {
            at.value = at.value->as_object().if_contains(json::string_view(token));
        } else {
            at.value = nullptr;  // of an element nothing more is asked
        }
    }
    return at;
}

void add_missing(const place& at, const json::object& root, std::string_view text,
                 std::vector<job_fault>& faults) {
    const auto from = text.find('\'') + 1;
    const auto name = text.substr(from, text.rfind('\'') - from);
    job_fault fault;
    fault.message = "this member is missing";
    fault.allowed = description_of(
        at.schema != nullptr ? part_for(*at.schema, root, json::string_view(name)) : nullptr);
    fault.pointer = pointer_to(at.pointer, name);
    add_fault(faults, std::move(fault));
}

// The validator names only the first one.
void add_unknown(const place& at, std::vector<job_fault>& faults) {
    const auto& known = at.schema->at("properties").as_object();
    std::string allowed = "only these members:";
    for (const auto& member : known) {
        allowed.append(allowed.ends_with(':') ? " " : ", ").append(member.key());
    }
    for (const auto& member : at.value->as_object()) {
        if (!known.contains(member.key())) {
            job_fault fault;
            fault.message = "this member is not known";
            fault.allowed = allowed;
            fault.pointer =
                pointer_to(at.pointer, std::string_view(member.key().data(), member.key().size()));
            add_fault(faults, std::move(fault));
        }
    }
}

}  // namespace

struct job_schema::compiled {
    json::object text = json::parse(json::string_view(job_schema_text())).as_object();
    valijson::Schema schema;

    compiled() {
        const json::value source = text;
        valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
        parser.populateSchema(adapter(source), schema);
    }
};

job_schema::job_schema() : compiled_(std::make_unique<const compiled>()) {}
job_schema::~job_schema() = default;

void job_schema::check(const json::value& job, std::vector<job_fault>& faults) const {
    auto& validator = validator_of_this_thread();
    if (validator.validate(compiled_->schema, adapter(job), nullptr)) {
        return;
    }
    valijson::ValidationResults
        results;  // collecting costs more, so only what failed is validated again with it
    validator.validate(compiled_->schema, adapter(job), &results);
    for (const auto& error : results) {
        const std::string_view text = error.description;
        if (is_echo(text)) {
            continue;
        }
        const auto at = find_place(error.context, compiled_->text, job);
        if (text.starts_with("Missing required property")) {
            add_missing(at, compiled_->text, text, faults);
        } else if (text.starts_with("Object contains a property")) {
            add_unknown(at, faults);
        } else {
            job_fault fault;
            fault.message = readable(text);
            fault.allowed = description_of(at.schema);
            fault.pointer = at.pointer;
            add_fault(faults, std::move(fault));
        }
    }
}

}  // namespace onboardd::spooling
