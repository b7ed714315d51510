#include "daemon/config/rules.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <sstream>

#include "daemon/config/units.hpp"

namespace onboardd::reading {
namespace {

constexpr std::size_t path_bytes_max = 4095;  // PATH_MAX counts the terminating zero
constexpr std::string_view variable = "${CREDENTIALS_DIRECTORY}";

template <class T>
reading_of<T> bad(std::string sentence) {
    return reading_of<T>::bad(std::move(sentence));
}

std::string short_form(double value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

std::string range(const std::string& min, const std::string& max) {
    return "from " + min + " to " + max;
}

// The number in `node`, or why it is none. Quotes make it text.
reading_of<double> number_in(const yaml_node& node, const std::string& allowed) {
    if (node.kind == yaml_kind::quoted)
        return bad<double>("this is text, because of the quotes; allowed: " + allowed);
    double value = 0;
    const auto& text = node.text;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range && end == text.data() + text.size())
        return reading_of<double>::good(std::numeric_limits<double>::infinity());
    if (error != std::errc() || end != text.data() + text.size() || std::isnan(value))
        return bad<double>(shown(text) + " is not a number; allowed: " + allowed);
    return reading_of<double>::good(value);
}

std::string wrong_with_path(std::string_view text, std::size_t bytes_max) {
    if (auto wrong = wrong_with_text(text, bytes_max); !wrong.empty())
        return wrong;
    if (!text.starts_with('/'))
        return "not an absolute path; allowed: a path that begins with /";
    return {};
}

}  // namespace

reading_of<milliseconds> duration_rule::operator()(const yaml_node& node) const {
    auto limits = range(format_duration(min), format_duration(max));
    auto value = parse_duration(node.text);
    if (!value) {
        return bad<milliseconds>(shown(node.text) + " is not a duration; allowed: " +
                                 std::string(duration_form) + ", " + limits);
    }
    if (*value < min || *value > max)
        return bad<milliseconds>(node.text + " is out of range; allowed: " + limits);
    return reading_of<milliseconds>::good(*value);
}

reading_of<std::uint64_t> size_rule::operator()(const yaml_node& node) const {
    auto limits = range(format_size(min), format_size(max));
    auto value = parse_size(node.text);
    if (!value) {
        return bad<std::uint64_t>(shown(node.text) + " is not a size; allowed: " +
                                  std::string(size_form) + ", " + limits);
    }
    if (*value < min || *value > max)
        return bad<std::uint64_t>(node.text + " is out of range; allowed: " + limits);
    return reading_of<std::uint64_t>::good(*value);
}

reading_of<std::uint32_t> count_rule::operator()(const yaml_node& node) const {
    auto allowed = "a whole number " + range(std::to_string(min), std::to_string(max));
    auto number = number_in(node, allowed);
    if (!number.value)
        return bad<std::uint32_t>(number.wrong);
    auto value = parse_digits(node.text);
    if (!value && *number.value >= 0 && std::trunc(*number.value) != *number.value)
        return bad<std::uint32_t>(shown(node.text) + " is not a whole number; allowed: " + allowed);
    if (!value || *value < min || *value > max)
        return bad<std::uint32_t>(shown(node.text) + " is out of range; allowed: " + allowed);
    return reading_of<std::uint32_t>::good(static_cast<std::uint32_t>(*value));
}

reading_of<double> rate_rule::operator()(const yaml_node& node) const {
    auto allowed = "a number " + range(short_form(min), short_form(max));
    auto number = number_in(node, allowed);
    if (number.value && (*number.value < min || *number.value > max))
        return bad<double>(shown(node.text) + " is out of range; allowed: " + allowed);
    return number;
}

reading_of<bool> boolean_rule::operator()(const yaml_node& node) const {
    static constexpr std::array yes = {"true", "True", "TRUE"};
    static constexpr std::array no = {"false", "False", "FALSE"};
    bool plain = node.kind == yaml_kind::plain;
    if (plain && std::ranges::find(yes, node.text) != yes.end())
        return reading_of<bool>::good(true);
    if (plain && std::ranges::find(no, node.text) != no.end())
        return reading_of<bool>::good(false);
    return bad<bool>(shown(node.text) +
                     " is not a truth value; allowed: true, false, without quotes");
}

std::string wrong_with_text(std::string_view text, std::size_t bytes_max) {
    if (text.empty())
        return "empty; allowed: text of 1 to " + std::to_string(bytes_max) + " bytes";
    if (text.size() > bytes_max)
        return "too long; allowed: text of 1 to " + std::to_string(bytes_max) + " bytes";
    auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    if (std::ranges::any_of(text, is_control))
        return "a control byte within; allowed: text of one line";
    if (text.find("${") != std::string_view::npos) {
        return "a variable; allowed: " + std::string(variable) +
               " in keys that end in _file, none here";
    }
    return {};
}

reading_of<std::string> text_rule::operator()(const yaml_node& node) const {
    if (auto wrong = wrong_with_text(node.text, bytes_max); !wrong.empty())
        return bad<std::string>(wrong);
    return reading_of<std::string>::good(node.text);
}

reading_of<std::filesystem::path> path_rule::operator()(const yaml_node& node) const {
    if (auto wrong = wrong_with_path(node.text, std::min(bytes_max, path_bytes_max));
        !wrong.empty())
        return bad<std::filesystem::path>(wrong);
    return reading_of<std::filesystem::path>::good(node.text);
}

reading_of<std::filesystem::path> file_rule::operator()(const yaml_node& node) const {
    using path = std::filesystem::path;
    std::string_view text = node.text;
    if (!text.starts_with(variable)) {
        if (text.find("${") != std::string_view::npos) {
            return bad<path>("an unknown variable; allowed: " + std::string(variable) +
                             " at the front");
        }
        auto wrong = wrong_with_path(text, path_bytes_max);
        return wrong.empty() ? reading_of<path>::good(text) : bad<path>(wrong);
    }
    auto rest = text.substr(variable.size());
    if (rest.size() < 2 || rest.front() != '/') {
        return bad<path>("no file name behind the variable; allowed: " + std::string(variable) +
                         "/NAME");
    }
    if (auto wrong = wrong_with_path(rest, path_bytes_max); !wrong.empty())
        return bad<path>(wrong);
    const bool is_needed = surroundings.files_needed && surroundings.credentials_needed;
    if (!is_needed && surroundings.credentials_directory.empty())
        return reading_of<path>::good(text);
    if (surroundings.credentials_directory.empty()) {
        return bad<path>(
            "CREDENTIALS_DIRECTORY is not set (systemd sets it for LoadCredential=); "
            "allowed: set it, or write an absolute path");
    }
    if (!surroundings.credentials_directory.starts_with('/')) {
        return bad<path>(
            "CREDENTIALS_DIRECTORY is not an absolute path; allowed: one that begins with /");
    }
    return reading_of<path>::good(surroundings.credentials_directory + std::string(rest));
}

}  // namespace onboardd::reading
