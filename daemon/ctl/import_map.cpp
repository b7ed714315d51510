#include "daemon/ctl/import_map.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "daemon/config/section.hpp"
#include "daemon/config/yaml_json.hpp"
#include "daemon/config/yaml_text.hpp"
#include "daemon/config/yaml_tree.hpp"

namespace onboardd::ctl {
namespace {

using reading::fault_list;
using reading::section;
using reading::yaml_kind;
using reading::yaml_node;

struct named_type {
    const char* name;
    cell_type type;
};
constexpr named_type types[] = {{"string", cell_type::string},
                                {"integer", cell_type::integer},
                                {"number", cell_type::number},
                                {"boolean", cell_type::boolean},
                                {"list", cell_type::list}};

constexpr const char* pointer_allowed =
    "must be a JSON pointer into the job, for example /case/case_request/organizationNumber";

bool is_text(const yaml_node& node) {
    return node.kind == yaml_kind::plain || node.kind == yaml_kind::quoted;
}

class map_reader {
public:
    explicit map_reader(fault_list& faults) : faults_(faults) {}

    import_map read(const yaml_node& root) {
        section all(root, "", faults_);
        all.require({"columns"});
        if (const auto* columns = all.find("columns")) {
            read_columns(*columns);
        }
        if (const auto* constants = all.find("constants")) {
            if (auto object = reading::json_object(*constants, "constants", faults_)) {
                map_.constants = std::move(*object);
            }
        }
        all.finish();
        return std::move(map_);
    }

private:
    void read_columns(const yaml_node& node) {
        if (node.kind != yaml_kind::mapping) {
            faults_.add(node.where, "columns",
                        "must be a mapping from the names of columns to their places in the job");
            return;
        }
        for (const auto& member : node.members) {
            column_rule column;
            column.name = member.key;
            read_column(member.value, "columns." + reading::shown_key(member.key), column);
            map_.columns.push_back(std::move(column));
        }
    }

    void read_column(const yaml_node& node, const std::string& path, column_rule& column) {
        if (node.kind == yaml_kind::null || node.kind == yaml_kind::refused) {
            return;
        }
        if (is_text(node)) {
            take_target(node, path, column);
            return;
        }
        section details(node, path, faults_);
        details.require({"to"});
        if (const auto* to = details.find("to")) {
            take_target(*to, path + ".to", column);
        }
        if (const auto* type = details.find("type")) {
            take_type(*type, path + ".type", column);
        }
        if (const auto* required = details.find("required")) {
            take_flag(*required, path + ".required", column.required);
        }
        if (const auto* separator = details.find("separator")) {
            take_separator(*separator, path + ".separator", column);
        }
        details.finish();
    }

    void take_target(const yaml_node& node, const std::string& path, column_rule& column) {
        std::vector<std::string> parts;
        if (!is_text(node) || !parse_pointer(node.text, parts) || parts.empty()) {
            faults_.add(node.where, path, pointer_allowed);
            return;
        }
        for (const auto& other : map_.columns) {
            const auto shorter = std::min(other.target.size(), parts.size());
            if (shorter != 0 &&
                std::equal(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(shorter),
                           other.target.begin())) {
                faults_.add(node.where, path,
                            "the column " + reading::shown(other.name) +
                                " goes to the same place, or to one within it");
                return;
            }
        }
        column.target = std::move(parts);
    }

    void take_type(const yaml_node& node, const std::string& path, column_rule& column) {
        for (const auto& [name, type] : types) {
            if (is_text(node) && node.text == name) {
                column.type = type;
                return;
            }
        }
        faults_.add(node.where, path, "must be string, integer, number, boolean or list");
    }

    void take_flag(const yaml_node& node, const std::string& path, bool& flag) {
        if (node.kind == yaml_kind::plain && (node.text == "true" || node.text == "false")) {
            flag = node.text == "true";
            return;
        }
        faults_.add(node.where, path, "must be true or false");
    }

    void take_separator(const yaml_node& node, const std::string& path, column_rule& column) {
        if (is_text(node) && !node.text.empty()) {
            column.separator = node.text;
            return;
        }
        faults_.add(node.where, path, "must be the text between two items, for example \"|\"");
    }

    fault_list& faults_;
    import_map map_;
};

}  // namespace

bool parse_pointer(std::string_view text, std::vector<std::string>& parts) {
    parts.clear();
    while (!text.empty()) {
        if (text.front() != '/') {
            return false;
        }
        text.remove_prefix(1);
        std::string part;
        while (!text.empty() && text.front() != '/') {
            if (text.front() == '~') {
                if (text.size() < 2 || (text[1] != '0' && text[1] != '1')) {
                    return false;
                }
                part += text[1] == '0' ? '~' : '/';
                text.remove_prefix(2);
            } else {
                part += text.front();
                text.remove_prefix(1);
            }
        }
        parts.push_back(std::move(part));
    }
    return true;
}

result<import_map, std::vector<config_fault>> parse_import_map(std::string_view yaml,
                                                               std::string_view file_name) {
    fault_list faults;
    yaml_node root;
    import_map map;
    if (reading::check_text(yaml, faults) && reading::read_yaml(yaml, root, faults)) {
        map = map_reader(faults).read(root);
    }
    if (!faults.empty()) {
        return std::move(faults).in_order(file_name);
    }
    return map;
}

}  // namespace onboardd::ctl
