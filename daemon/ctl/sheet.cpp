#include "daemon/ctl/sheet.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "onboardd/base/log.hpp"

namespace onboardd::ctl {
namespace {

namespace json = boost::json;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\n";
    const auto from = text.find_first_not_of(blanks);
    if (from == std::string_view::npos) {
        return {};
    }
    return text.substr(from, text.find_last_not_of(blanks) - from + 1);
}

template <class T>
std::optional<T> number_in(std::string_view text) {
    T value{};
    const auto* const end = text.data() + text.size();
    const auto [last, ec] = std::from_chars(text.data(), end, value);
    return ec == std::errc() && last == end ? std::optional(value) : std::nullopt;
}

std::optional<json::value> number_value(std::string_view text) {
    if (const auto whole = number_in<std::int64_t>(text)) {
        return json::value(*whole);
    }
    const bool plain = std::ranges::all_of(
        text, [](char byte) { return (byte >= '0' && byte <= '9') || byte == '.' || byte == '-'; });
    const auto value = plain ? number_in<double>(text) : std::nullopt;
    return value ? std::optional<json::value>(*value) : std::nullopt;
}

std::optional<json::value> boolean_value(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](char byte) {
        return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
    });
    for (const auto* yes : {"true", "yes", "1"}) {
        if (lower == yes) {
            return json::value(true);
        }
    }
    for (const auto* no : {"false", "no", "0"}) {
        if (lower == no) {
            return json::value(false);
        }
    }
    return std::nullopt;
}

json::value list_value(std::string_view text, const std::string& separator) {
    json::array items;
    for (;;) {
        const auto end = text.find(separator);
        const auto item = trimmed(text.substr(0, end));
        if (!item.empty()) {
            items.emplace_back(json::string(item.data(), item.size()));
        }
        if (end == std::string_view::npos) {
            return items;
        }
        text.remove_prefix(end + separator.size());
    }
}

// nullopt: the cell is not of the column's type.
std::optional<json::value> value_of(std::string_view cell, const column_rule& rule) {
    switch (rule.type) {
        case cell_type::string:
            return json::value(json::string(cell.data(), cell.size()));
        case cell_type::integer: {
            const auto whole = number_in<std::int64_t>(cell);
            return whole ? std::optional<json::value>(*whole) : std::nullopt;
        }
        case cell_type::number:
            return number_value(cell);
        case cell_type::boolean:
            return boolean_value(cell);
        case cell_type::list:
            return list_value(cell, rule.separator);
    }
    return std::nullopt;
}

const char* allowed_in(cell_type type) {
    switch (type) {
        case cell_type::integer:
            return "a whole number";
        case cell_type::number:
            return "a number with a decimal point";
        case cell_type::boolean:
            return "true or false, yes or no, 1 or 0";
        case cell_type::string:
        case cell_type::list:
            return "";
    }
    return "";
}

// False: something that is no object stands in the way.
bool put(json::object& into, const std::vector<std::string>& target, json::value value) {
    auto* at = &into;
    for (std::size_t i = 0; i + 1 < target.size(); ++i) {
        auto& next = (*at)[target[i]];
        if (next.is_null()) {
            next.emplace_object();
        }
        at = next.if_object();
        if (at == nullptr) {
            return false;
        }
    }
    (*at)[target.back()] = std::move(value);
    return true;
}

class sheet {
public:
    sheet(std::string_view text, const import_map& map, const job_reader& reader,
          std::size_t job_bytes_max, const sheet_sink& use)
        : cells_(text),
          map_(map),
          reader_(reader),
          job_bytes_max_(job_bytes_max),
          use_(use),
          constants_(json::parse(map.constants).as_object()) {}

    sheet_counts read() {
        const auto head = cells_.next();
        if (!head) {
            fault({}, "", "the sheet is empty", "a first line with the names of the columns");
        } else {
            read_head(*head);
        }
        if (faults_ != 0) {
            counts_.head_is_bad = true;
            return counts_;
        }
        while (const auto record = cells_.next()) {
            const auto before = faults_;
            read_line(*record);
            counts_.bad += faults_ != before ? 1 : 0;
        }
        return counts_;
    }

private:
    void fault(csv_place at, std::string column, std::string message, std::string allowed = {}) {
        ++faults_;
        use_.tell({at, std::move(column), std::move(message), std::move(allowed)});
    }

    void read_head(const csv_record& head) {
        if (head.fault) {
            fault(head.fault->at, "", head.fault->message);
            return;
        }
        for (const auto& cell : head.fields) {
            const auto name = trimmed(cell.text);
            const auto* const rule = rule_named(name);
            if (rule == nullptr) {
                fault(cell.at, std::string(name), "the map says nothing about this column",
                      "a column of the map; one that is of no use is mapped to null");
            } else if (std::ranges::find(rules_, rule) != rules_.end()) {
                fault(cell.at, std::string(name), "this column is there twice");
            }
            rules_.push_back(rule);
        }
        for (const auto& rule : map_.columns) {
            if (!rule.target.empty() && std::ranges::find(rules_, &rule) == rules_.end()) {
                fault(head.at, rule.name, "the sheet has no such column");
            }
        }
    }

    const column_rule* rule_named(std::string_view name) const {
        const auto found = std::ranges::find(map_.columns, name, &column_rule::name);
        return found == map_.columns.end() ? nullptr : &*found;
    }

    void read_line(const csv_record& record) {
        if (record.fault) {
            fault(record.fault->at, "", record.fault->message);
            return;
        }
        if (record.fields.size() != rules_.size()) {
            fault(record.at, "",
                  "this line has " + std::to_string(record.fields.size()) + " fields",
                  std::to_string(rules_.size()) + ", as the first line");
            return;
        }
        auto job = constants_;
        const auto before = faults_;
        for (std::size_t i = 0; i < rules_.size(); ++i) {
            read_cell(record.fields[i], *rules_[i], job);
        }
        if (faults_ == before) {
            check(json::serialize(job), record);
        }
    }

    void read_cell(const csv_field& cell, const column_rule& rule, json::object& job) {
        const auto text = trimmed(cell.text);
        if (rule.target.empty()) {
            return;
        }
        if (text.empty()) {
            if (rule.required) {
                fault(cell.at, rule.name, "this cell is empty", "it is required");
            }
            return;
        }
        auto value = value_of(text, rule);
        if (!value) {
            fault(cell.at, rule.name, "this is not of the column's type", allowed_in(rule.type));
        } else if (!put(job, rule.target, std::move(*value))) {
            fault(cell.at, rule.name, "a constant of the map stands where this column goes to");
        }
    }

    void check(const std::string& text, const csv_record& record) {
        if (text.size() > job_bytes_max_) {
            fault(record.at, "", "this job is too large",
                  std::to_string(job_bytes_max_) + " bytes at most");
            return;
        }
        const auto job = reader_.read(text, {}, "default");
        if (job.has_error()) {
            for (const auto& wrong : job.error()) {
                tell_job_fault(wrong, record);
            }
            return;
        }
        const auto [earlier, is_new] =
            seen_.try_emplace({job->account, job->reference}, record.at.line);
        if (!is_new) {
            fault(record.at, "",
                  "this is the same job as in line " + std::to_string(earlier->second));
            return;
        }
        ++counts_.jobs;
        use_.take(text);
    }

    // At the cell that the fault is about, or at the line.
    void tell_job_fault(const job_fault& wrong, const csv_record& record) {
        std::vector<std::string> parts;
        parse_pointer(wrong.pointer, parts);
        for (std::size_t i = 0; i < rules_.size(); ++i) {
            const auto& target = rules_[i]->target;
            const bool within = !target.empty() && target.size() <= parts.size() &&
                                std::equal(target.begin(), target.end(), parts.begin());
            if (within) {
                fault(record.fields[i].at, rules_[i]->name, wrong.message, wrong.allowed);
                return;
            }
        }
        fault(record.at, "", (wrong.pointer.empty() ? "" : wrong.pointer + ": ") + wrong.message,
              wrong.allowed);
    }

    csv_reader cells_;
    const import_map& map_;
    const job_reader& reader_;
    std::size_t job_bytes_max_;
    const sheet_sink& use_;
    json::object constants_;
    std::vector<const column_rule*> rules_;  // of the sheet's columns, in their order
    std::map<std::pair<std::string, std::string>, std::size_t> seen_;  // identity: line
    sheet_counts counts_;
    std::uint64_t faults_ = 0;
};

}  // namespace

sheet_counts read_sheet(std::string_view text, const import_map& map, const job_reader& reader,
                        std::size_t job_bytes_max, const sheet_sink& use) {
    return sheet(text, map, reader, job_bytes_max, use).read();
}

}  // namespace onboardd::ctl
