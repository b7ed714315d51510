#include "daemon/config/fault.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace onboardd {

std::string config_fault::to_string() const {
    auto text = file;
    if (line > 0)
        text += ':' + std::to_string(line) + ':' + std::to_string(column);
    if (!key.empty())
        text += ": " + key;
    return text + ": " + message;
}

void throw_exception_from_error(const std::vector<config_fault>& faults,
                                const boost::source_location&) {
    std::string text;
    for (const auto& fault : faults)
        text += (text.empty() ? "" : "\n") + fault.to_string();
    throw config_error(text);
}

namespace reading {
namespace {

constexpr std::size_t collected_max = 4 * faults_max;
constexpr std::size_t shown_bytes_max = 60;

bool is_word(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    });
}

bool continues_character(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// Cuts between characters, never within one.
std::string_view cut(std::string_view text) {
    if (text.size() <= shown_bytes_max)
        return text;
    auto end = shown_bytes_max;
    while (end > 0 && continues_character(text[end]))
        --end;
    return text.substr(0, end);
}

void append_escaped(std::string& out, char c) {
    static constexpr std::string_view digits = "0123456789abcdef";
    auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += digits[byte >> 4U];
    out += digits[byte & 0x0FU];
}

}  // namespace

std::string shown(std::string_view text) {
    auto head = cut(text);
    std::string out = "\"";
    for (std::size_t i = 0; i < head.size(); ++i) {
        auto byte = static_cast<unsigned char>(head[i]);
        // U+0080 to U+009F are control characters too, and terminals obey some of them.
        bool c1 =
            byte == 0xC2 && i + 1 < head.size() && static_cast<unsigned char>(head[i + 1]) < 0xA0;
        if (byte < 0x20 || byte == 0x7F || c1) {
            append_escaped(out, head[i]);
        } else {
            out += head[i];
        }
        if (c1)
            append_escaped(out, head[++i]);
    }
    return out + (head.size() < text.size() ? "...\"" : "\"");
}

std::string shown_key(std::string_view key) {
    return is_word(key) && key.size() <= shown_bytes_max ? std::string(key) : shown(key);
}

bool fault_list::full() const {
    return found_.size() >= collected_max;
}

void fault_list::add(mark where, std::string key, std::string message) {
    if (full()) {
        ++dropped_;
        return;
    }
    found_.push_back({{}, where.line, where.column, std::move(key), std::move(message)});
}

std::vector<config_fault> fault_list::in_order(std::string_view file_name) && {
    std::ranges::stable_sort(
        found_, {}, [](const config_fault& fault) { return std::tuple(fault.line, fault.column); });
    if (found_.size() > faults_max) {
        auto more = found_.size() - faults_max + dropped_;
        found_.resize(faults_max + 1);
        found_.back().key.clear();
        found_.back().message = std::to_string(more) + " more faults are not shown";
    }
    for (auto& fault : found_)
        fault.file = file_name;
    return std::move(found_);
}

}  // namespace reading
}  // namespace onboardd
