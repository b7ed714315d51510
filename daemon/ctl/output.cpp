#include "daemon/ctl/output.hpp"

#include <ostream>

#include "onboardd/base/log.hpp"
#include "onboardd/base/text.hpp"

namespace onboardd::ctl {

void json_line::begin(std::string_view name) {
    text_ += text_.size() > 1 ? ", " : "";
    append_json_string(text_, name);
    text_ += ": ";
}

json_line& json_line::add(std::string_view name, std::string_view value) {
    begin(name);
    append_json_string(text_, value);
    return *this;
}

json_line& json_line::add(std::string_view name, const std::optional<wall_time>& value) {
    return add_or_null(name, value ? format_rfc3339(*value) : "");
}

json_line& json_line::add_number(std::string_view name, std::int64_t value) {
    return add_raw(name, std::to_string(value));
}

json_line& json_line::add_bool(std::string_view name, bool value) {
    return add_raw(name, value ? "true" : "false");
}

json_line& json_line::add_raw(std::string_view name, std::string_view json) {
    begin(name);
    text_ += json;
    return *this;
}

json_line& json_line::add_texts(std::string_view name, const std::vector<std::string>& texts) {
    begin(name);
    text_ += '[';
    for (const auto& one : texts) {
        text_ += &one == texts.data() ? "" : ", ";
        append_json_string(text_, one);
    }
    text_ += ']';
    return *this;
}

json_line& json_line::add_or_null(std::string_view name, std::string_view value) {
    return value.empty() ? add_raw(name, "null") : add(name, value);
}

std::string shown(std::string_view text) {
    return printable(text, std::string_view::npos);
}

void output::line(const std::string& text) {
    out << text << '\n';
}

void output::line(const json_line& object) {
    out << object.str() << '\n';
}

}  // namespace onboardd::ctl
