#include "daemon/spool/json_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "daemon/spool/json_number.hpp"

namespace onboardd::spooling {
namespace json = boost::json;
namespace {

// By byte; a table, since strings are most of a job.
constexpr auto must_escape = [] {
    std::array<bool, 256> table{};
    for (std::size_t byte = 0; byte < 0x20; ++byte) {
        table[byte] = true;
    }
    table['"'] = true;
    table['\\'] = true;
    return table;
}();

void write_escaped(std::string& out, char byte) {
    constexpr std::string_view hex = "0123456789abcdef";
    switch (byte) {
        case '"':
        case '\\':
            out += '\\';
            out += byte;
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            out += "\\u00";
            out += hex[static_cast<unsigned char>(byte) >> 4];
            out += hex[static_cast<unsigned char>(byte) & 0xf];
    }
}

void write_string(std::string& out, json::string_view text) {
    out += '"';
    const char* from = text.data();
    const char* const end = from + text.size();
    while (from != end) {
        const char* special = from;
        while (special != end && !must_escape[static_cast<unsigned char>(*special)]) {
            ++special;
        }
        out.append(from, special);
        from = special;
        if (from != end) {
            write_escaped(out, *from++);
        }
    }
    out += '"';
}

void write_double(std::string& out, double value) {
    char buffer[32];
    out += shortest_number(value, buffer);
}

template <class Integer>
void write_integer(std::string& out, Integer value) {
    std::array<char, 24> buffer{};
    const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    out.append(buffer.data(), written.ptr);
}

// Writes numbers as the document had them while it has any, else by value.
class merging_writer {
public:
    merging_writer(std::string& out, std::span<const std::string_view> numbers)
        : out_(out), numbers_(numbers) {}

    void write(const json::value& value, const json::value* defaults) {
        switch (value.kind()) {
            case json::kind::object:
                return write_object(value.get_object(),
                                    defaults != nullptr ? defaults->if_object() : nullptr);
            case json::kind::array:
                return write_array(value.get_array());
            case json::kind::string:
                return write_string(out_, value.get_string());
            case json::kind::bool_:
                out_ += value.get_bool() ? "true" : "false";
                return;
            case json::kind::null:
                out_ += "null";
                return;
            case json::kind::int64:
            case json::kind::uint64:
            case json::kind::double_:
                return write_number(value);
        }
    }

private:
    void write_object(const json::object& object, const json::object* defaults) {
        out_ += '{';
        const char* separator = "";
        for (const auto& member : object) {
            out_ += separator;
            separator = ",";
            write_string(out_, member.key());
            out_ += ':';
            write(member.value(),
                  defaults != nullptr ? defaults->if_contains(member.key()) : nullptr);
        }
        if (defaults != nullptr) {
            write_missing(*defaults, object, separator);
        }
        out_ += '}';
    }

    void write_missing(const json::object& defaults, const json::object& object,
                       const char* separator) {
        for (const auto& member : defaults) {
            if (!object.contains(member.key())) {
                out_ += separator;
                separator = ",";
                write_string(out_, member.key());
                out_ += ':';
                merging_writer(out_, {}).write(member.value(), nullptr);
            }
        }
    }

    void write_array(const json::array& array) {
        out_ += '[';
        const char* separator = "";
        for (const auto& element : array) {
            out_ += separator;
            separator = ",";
            write(element, nullptr);
        }
        out_ += ']';
    }

    void write_number(const json::value& value) {
        if (!numbers_.empty()) {
            out_ += numbers_.front();
            numbers_ = numbers_.subspan(1);
        } else if (const auto* whole = value.if_int64()) {
            write_integer(out_, *whole);
        } else if (const auto* large = value.if_uint64()) {
            write_integer(out_, *large);
        } else {
            write_double(out_, value.get_double());
        }
    }

    std::string& out_;
    std::span<const std::string_view> numbers_;
};

void write_canonical_object(std::string& out, const json::object& object) {
    std::vector<const json::key_value_pair*> members;
    members.reserve(object.size());
    for (const auto& member : object) {
        members.push_back(&member);
    }
    std::sort(members.begin(), members.end(),
              [](auto* left, auto* right) { return left->key() < right->key(); });
    out += '{';
    const char* separator = "";
    for (const auto* member : members) {
        out += separator;
        separator = ",";
        write_string(out, member->key());
        out += ':';
        write_canonical(out, member->value());
    }
    out += '}';
}

}  // namespace

void write_merged(std::string& out, const json::value& job, const json::value& defaults,
                  std::span<const std::string_view> numbers) {
    merging_writer(out, numbers).write(job, &defaults);
}

void merge_under(json::value& job, const json::value& defaults) {
    auto* object = job.if_object();
    const auto* missing = defaults.if_object();
    if (object == nullptr || missing == nullptr) {
        return;
    }
    for (const auto& member : *missing) {
        if (auto* own = object->if_contains(member.key())) {
            merge_under(*own, member.value());
        } else {
            object->emplace(member.key(), member.value());
        }
    }
}

void write_canonical(std::string& out, const json::value& value) {
    switch (value.kind()) {
        case json::kind::object:
            return write_canonical_object(out, value.get_object());
        case json::kind::array: {
            const char* separator = "[";
            for (const auto& element : value.get_array()) {
                out += separator;
                separator = ",";
                write_canonical(out, element);
            }
            out += value.get_array().empty() ? "[]" : "]";
            return;
        }
        case json::kind::string:
            return write_string(out, value.get_string());
        case json::kind::bool_:
            out += value.get_bool() ? "true" : "false";
            return;
        case json::kind::null:
            out += "null";
            return;
        case json::kind::int64:
            return write_double(out, static_cast<double>(value.get_int64()));
        case json::kind::uint64:
            return write_double(out, static_cast<double>(value.get_uint64()));
        case json::kind::double_:
            return write_double(out, value.get_double());
    }
}

std::size_t count_numbers(const json::value& value) {
    std::size_t count = value.is_number() ? 1 : 0;
    if (const auto* object = value.if_object()) {
        for (const auto& member : *object) {
            count += count_numbers(member.value());
        }
    } else if (const auto* array = value.if_array()) {
        for (const auto& element : *array) {
            count += count_numbers(element);
        }
    }
    return count;
}

}  // namespace onboardd::spooling
