#include "daemon/ctl/words.hpp"

#include <algorithm>
#include <cctype>

namespace onboardd::ctl {
namespace {

constexpr std::size_t digits_shown_max = 4;

bool is_mail_byte(char byte) {
    return std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '.' || byte == '_' ||
           byte == '-' || byte == '+' || byte == '%';
}

// Whether a word holds an address of mail.
bool names_a_person(std::string_view word) {
    const auto at = word.find('@');
    return at != std::string_view::npos && at > 0 && is_mail_byte(word[at - 1]) &&
           at + 1 < word.size() && is_mail_byte(word[at + 1]);
}

std::string without_numbers(std::string_view word) {
    std::string kept;
    for (std::size_t i = 0; i < word.size();) {
        auto end = i;
        while (end < word.size() && std::isdigit(static_cast<unsigned char>(word[end])) != 0) {
            ++end;
        }
        if (end - i > digits_shown_max) {
            kept += "…";
        } else {
            end = std::max(end, i + 1);
            kept += word.substr(i, end - i);
        }
        i = end;
    }
    return kept;
}

}  // namespace

std::string redacted(std::string_view text) {
    std::string kept;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = text.substr(0, end);
        kept += names_a_person(word) ? "…" : without_numbers(word);
        kept += end < text.size() ? " " : "";
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return kept;
}

std::string length_of(milliseconds time) {
    using namespace std::chrono;
    const auto seconds = ceil<std::chrono::seconds>(time).count();
    const auto pair = [](std::int64_t whole, const char* unit, std::int64_t part,
                         const char* small) {
        return std::to_string(whole) + unit + (part == 0 ? "" : ' ' + std::to_string(part) + small);
    };
    if (seconds < 60) {
        return std::to_string(seconds) + "s";
    }
    if (seconds < 3600) {
        return pair(seconds / 60, "m", seconds % 60, "s");
    }
    if (seconds < 86'400) {
        return pair(seconds / 3600, "h", seconds % 3600 / 60, "m");
    }
    return pair(seconds / 86'400, "d", seconds % 86'400 / 3600, "h");
}

std::string relative(wall_time at, wall_time now) {
    if (at > now) {
        return "in " + length_of(at - now);
    }
    return now - at < std::chrono::seconds(1) ? "now" : length_of(now - at) + " ago";
}

}  // namespace onboardd::ctl
