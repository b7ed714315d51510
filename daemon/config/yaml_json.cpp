#include "daemon/config/yaml_json.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace onboardd::reading {
namespace {

namespace json = boost::json;

// Integers beyond this change in readers that hold every number as a double, as most JSON readers
// do.
constexpr std::int64_t integer_max = std::int64_t{1} << 53;

bool all_of(std::string_view text, std::string_view set) {
    return !text.empty() && text.find_first_not_of(set) == std::string_view::npos;
}

constexpr std::string_view digits = "0123456789";

std::string_view without_sign(std::string_view text) {
    return text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
}

bool one_of(std::string_view text, const auto& words) {
    return std::ranges::find(words, text) != std::ranges::end(words);
}

bool is_based_integer(std::string_view text) {
    return (text.starts_with("0o") && all_of(text.substr(2), "01234567")) ||
           (text.starts_with("0x") && all_of(text.substr(2), "0123456789abcdefABCDEF"));
}

bool is_special_float(std::string_view text) {
    static constexpr std::array infinities = {".inf", ".Inf", ".INF"};
    static constexpr std::array nans = {".nan", ".NaN", ".NAN"};
    return one_of(without_sign(text), infinities) || one_of(text, nans);
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_float(std::string_view text) {
    text = without_sign(text);
    auto exponent = text.find_first_of("eE");
    if (exponent != std::string_view::npos &&
        !all_of(without_sign(text.substr(exponent + 1)), digits))
        return false;
    auto mantissa = text.substr(0, exponent);
    auto point = std::min(mantissa.find('.'), mantissa.size());
    auto whole = mantissa.substr(0, point);
    auto fraction = mantissa.substr(std::min(point + 1, mantissa.size()));
    bool whole_good = whole.empty() || all_of(whole, digits);
    bool fraction_good = fraction.empty() || all_of(fraction, digits);
    return whole_good && fraction_good && !(whole.empty() && fraction.empty());
}

// A decimal number as its significant digits and the power of ten of the first: 0.0120 is 12 and
// -2.
struct decimal {
    std::string digits;
    std::int64_t power = 0;
    bool operator==(const decimal&) const = default;
};

decimal to_decimal(std::string_view text) {
    text = without_sign(text);
    auto exponent = std::min(text.find_first_of("eE"), text.size());
    decimal out;
    auto mantissa = text.substr(0, exponent);
    auto point = std::min(mantissa.find('.'), mantissa.size());
    for (std::size_t i = 0; i < mantissa.size(); ++i) {
        if (mantissa[i] == '.' || (out.digits.empty() && mantissa[i] == '0'))
            continue;
        if (out.digits.empty()) {
            out.power =
                static_cast<std::int64_t>(point) - static_cast<std::int64_t>(i + (i < point));
        }
        out.digits += mantissa[i];
    }
    out.digits.erase(out.digits.find_last_not_of('0') + 1);
    if (out.digits.empty() || exponent == text.size())
        return out.digits.empty() ? decimal{} : out;
    std::int64_t shift = 0;
    auto power = text.substr(exponent + 1 + (text[exponent + 1] == '+'));
    if (std::from_chars(power.data(), power.data() + power.size(), shift).ec != std::errc())
        shift = 1'000'000;  // no double has it, so it will not survive
    out.power += shift;
    return out;
}

class converter {
public:
    explicit converter(fault_list& faults) : faults_(faults) {}

    json::value value(const yaml_node& node, const std::string& path) {
        switch (node.kind) {
            case yaml_kind::null:
                if (node.text.empty())
                    fault(node, path, "no value; allowed: a value, or null in so many letters");
                return nullptr;
            case yaml_kind::plain:
                return scalar(node, path);
            case yaml_kind::quoted:
                return text(node, path);
            case yaml_kind::sequence:
                return array(node, path);
            case yaml_kind::mapping:
                return object(node, path);
            case yaml_kind::refused:
                good_ = false;
        }
        return nullptr;
    }

    [[nodiscard]] bool good() const { return good_; }

private:
    void fault(const yaml_node& node, const std::string& path, std::string message) {
        good_ = false;
        faults_.add(node.where, path, std::move(message));
    }

    json::value object(const yaml_node& node, const std::string& path) {
        json::object out;
        for (const auto& member : node.members)
            out.emplace(member.key, value(member.value, path + '.' + shown_key(member.key)));
        return out;
    }

    json::value array(const yaml_node& node, const std::string& path) {
        json::array out;
        for (const auto& item : node.items)
            out.push_back(value(item, path + '[' + std::to_string(out.size()) + ']'));
        return out;
    }

    json::value text(const yaml_node& node, const std::string& path) {
        if (node.text.find('\0') != std::string::npos)
            fault(node, path, "a NUL in the text; allowed: any other character");
        return json::string(node.text);
    }

    json::value scalar(const yaml_node& node, const std::string& path) {
        static constexpr std::array yes = {"true", "True", "TRUE"};
        static constexpr std::array no = {"false", "False", "FALSE"};
        if (one_of(node.text, yes))
            return true;
        if (one_of(node.text, no))
            return false;
        if (all_of(without_sign(node.text), digits) || is_based_integer(node.text))
            return integer(node, path);
        if (is_special_float(node.text)) {
            fault(node, path,
                  shown(node.text) + " does not exist in JSON; allowed: a finite number");
        } else if (is_float(node.text)) {
            return floating(node, path);
        }
        return json::string(node.text);
    }

    json::value lost(const yaml_node& node, const std::string& path) {
        fault(node, path,
              "the number " + shown(node.text) +
                  " would not arrive as it is written; put it in quotes to send it as text");
        return nullptr;
    }

    json::value integer(const yaml_node& node, const std::string& path) {
        std::string_view number = node.text;
        int base = 10;
        if (is_based_integer(number)) {
            base = number[1] == 'x' ? 16 : 8;
            number.remove_prefix(2);
        }
        std::int64_t out = 0;
        auto [end, error] =
            std::from_chars(number.data(), number.data() + number.size(), out, base);
        bool exact = error == std::errc() && end == number.data() + number.size() &&
                     out >= -integer_max && out <= integer_max;
        // A phone number, or an organization number with a zero in front: text that lost its
        // quotes.
        if (!exact || (base == 10 && std::to_string(out) != number))
            return lost(node, path);
        return out;
    }

    json::value floating(const yaml_node& node, const std::string& path) {
        std::string_view number = node.text;
        if (number.starts_with('+'))
            number.remove_prefix(1);
        double out = 0;
        auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out);
        if (error != std::errc() || end != number.data() + number.size() || !std::isfinite(out))
            return lost(node, path);
        std::array<char, 32> shortest{};
        auto written = std::to_chars(shortest.data(), shortest.data() + shortest.size(), out);
        if (to_decimal({shortest.data(), written.ptr}) != to_decimal(number))
            return lost(node, path);
        return out;
    }

    fault_list& faults_;
    bool good_ = true;
};

}  // namespace

std::optional<std::string> json_object(const yaml_node& node, const std::string& path,
                                       fault_list& faults) {
    if (node.kind != yaml_kind::mapping) {
        if (node.kind != yaml_kind::refused)
            faults.add(node.where, path, "not a mapping; allowed: the members of the job's case");
        return std::nullopt;
    }
    converter convert(faults);
    auto out = convert.value(node, path);
    if (!convert.good())
        return std::nullopt;
    return json::serialize(out);
}

}  // namespace onboardd::reading
