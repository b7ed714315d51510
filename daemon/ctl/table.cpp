#include "daemon/ctl/table.hpp"

#include <algorithm>

namespace onboardd::ctl {

std::size_t width_of(std::string_view text) {
    std::size_t width = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\x1b') {  // our own colours: as far as the m
            i = std::min(text.find('m', i), text.size());
            continue;
        }
        const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
        width += begins ? 1 : 0;
    }
    return width;
}

std::vector<std::string> table::lines() const {
    std::vector<std::size_t> widths(rows_.front().size());
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width_of(row[i]));
        }
    }
    std::vector<std::string> all;
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            line.append(widths[i] - width_of(row[i]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        all.push_back(std::move(line));
    }
    return all;
}

}  // namespace onboardd::ctl
