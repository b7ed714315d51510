#include "daemon/admin/json_members.hpp"

#include <boost/json/parse.hpp>

namespace onboardd::admin {

parsed<json::object> object_in(std::string_view text) {
    error_code ec;
    json::parse_options lenient;
    lenient.allow_invalid_utf8 = true;
    auto value = json::parse({text.data(), text.size()}, ec, json::storage_ptr(), lenient);
    if (ec || !value.is_object()) {
        return std::string("this is no JSON object");
    }
    return std::move(value.get_object());
}

std::string members::text(const char* name) {
    const auto* member = of_.if_contains(name);
    if (member == nullptr) {
        return {};
    }
    const auto* value = member->if_string();
    return value != nullptr ? std::string(*value) : (fail(name), std::string());
}

std::int64_t members::signed_number(const char* name) {
    const auto* member = of_.if_contains(name);
    if (member == nullptr) {
        return 0;
    }
    error_code ec;
    const auto value = member->is_number() ? member->to_number<std::int64_t>(ec) : std::int64_t{0};
    if (!member->is_number() || ec) {
        fail(name);
        return 0;
    }
    return value;
}

std::int64_t members::number(const char* name) {
    const auto value = signed_number(name);
    return value >= 0 ? value : (fail(name), 0);
}

bool members::flag(const char* name) {
    const auto* member = of_.if_contains(name);
    if (member == nullptr) {
        return false;
    }
    const auto* value = member->if_bool();
    return value != nullptr ? *value : (fail(name), false);
}

std::optional<job_state> members::state(const char* name) {
    const auto word = text(name);
    const auto state = parse_job_state(word);
    if (!word.empty() && !state) {
        fail(name);
    }
    return state;
}

job_state members::needed_state(const char* name) {
    const auto found = state(name);
    if (!found) {
        fail(name);
    }
    return found.value_or(job_state::queued);
}

std::optional<wall_time> members::time(const char* name) {
    const auto* member = of_.if_contains(name);
    if (member == nullptr || member->is_null()) {
        return std::nullopt;
    }
    return wall_time(milliseconds(signed_number(name)));
}

const json::array& members::array(const char* name) {
    static const json::array none;
    const auto* member = of_.if_contains(name);
    if (member == nullptr) {
        return none;
    }
    const auto* value = member->if_array();
    return value != nullptr ? *value : (fail(name), none);
}

const json::object* members::object(const char* name) {
    const auto* member = of_.if_contains(name);
    if (member == nullptr || member->is_null()) {
        return nullptr;
    }
    const auto* value = member->if_object();
    return value != nullptr ? value : (fail(name), nullptr);
}

void members::fail(const char* name) {
    if (fault_.empty()) {
        fault_ = std::string("the member \"") + name + "\" is not what it must be";
    }
}

}  // namespace onboardd::admin
