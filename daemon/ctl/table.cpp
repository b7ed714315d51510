#include "daemon/ctl/table.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "onboardd/base/text.hpp"

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

namespace {

using widths_of_columns = std::vector<std::size_t>;

constexpr std::size_t gap = 2;             // between two columns
constexpr std::size_t shortened_min = 16;  // less than that of a cell says nothing

constexpr std::size_t broken_min = 24;  // less room than that for a broken cell is too narrow
constexpr std::size_t short_max = 7;    // what is no longer is not worth it
constexpr std::size_t beneath_indent = 7;

void widen(widths_of_columns& widths, const std::vector<std::string>& row) {
    widths.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
        widths[i] = std::max(widths[i], width_of(row[i]));
    }
}

std::string line_of(const std::vector<std::string>& row, const widths_of_columns& widths) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
        line += row[i];
        const auto width = width_of(row[i]);
        line.append(std::max(widths[i], width) - width + gap, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

std::size_t offset_of_last(const widths_of_columns& widths) {
    return std::accumulate(widths.begin(), widths.end() - 1, gap * (widths.size() - 1));
}

void break_last_cell(std::vector<std::string> row, const widths_of_columns& widths,
                     std::size_t columns, std::vector<std::string>& lines) {
    const auto last = std::exchange(row.back(), {});
    auto line = line_of(row, widths);
    const auto before = offset_of_last(widths);
    const bool beside = before >= width_of(line) && before + broken_min <= columns;
    const auto indent = beside ? before : beneath_indent;
    if (beside) {
        line.resize(line.size() + before - width_of(line), ' ');
    } else {
        lines.push_back(std::exchange(line, std::string(indent, ' ')));
    }
    const auto room = columns > indent ? columns - indent : 1;
    for (const auto& part : wrapped(last, room)) {
        lines.push_back(std::exchange(line, std::string(indent, ' ')) + part);
    }
}

// A cell without colours.
std::string shortened(const std::string& text, std::size_t width) {
    if (width_of(text) <= width) {
        return text;
    }
    std::size_t end = 0;
    for (std::size_t points = 0; end < text.size(); ++end) {
        const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80U;
        if (begins && ++points == width) {
            break;
        }
    }
    return text.substr(0, end) + "…";
}

}  // namespace

std::vector<std::string> table::lines(std::size_t columns) const {
    widths_of_columns widths;
    for (const auto& row : rows_) {
        widen(widths, row);
    }
    std::vector<std::string> all;
    for (const auto& row : rows_) {
        auto line = line_of(row, widths);
        const bool broken =
            columns != 0 && width_of(line) > columns && width_of(row.back()) > short_max;
        if (broken && !all.empty()) {
            break_last_cell(row, widths, columns, all);
        } else {
            all.push_back(std::move(line));
        }
    }
    return all;
}

void long_table::add(std::vector<std::string> cells) {
    if (!widths_.empty()) {
        write(std::move(cells));
        return;
    }
    held_back_.push_back(std::move(cells));
    if (held_back_.size() >= measured_max_) {
        finish();
    }
}

void long_table::finish() {
    if (held_back_.empty()) {
        return;
    }
    widen(widths_, head_);
    for (const auto& row : held_back_) {
        widen(widths_, row);
    }
    write(head_);
    for (auto& row : std::exchange(held_back_, {})) {
        write(std::move(row));
    }
}

void long_table::write(std::vector<std::string> row) const {
    if (columns_ != 0) {
        std::size_t before = 0;
        for (std::size_t i = 0; i + 1 < row.size(); ++i) {
            before += std::max(widths_[i], width_of(row[i])) + gap;
        }
        const auto room = columns_ > before ? columns_ - before : 0;
        row.back() = shortened(row.back(), std::max(room, shortened_min));
    }
    write_(line_of(row, widths_));
}

std::string painted(job_state state, const std::string& text, const palette& paint) {
    switch (state) {
        case job_state::created:
            return paint.good(text);
        case job_state::unknown:
        case job_state::deferred:
        case job_state::held:
            return paint.look(text);
        case job_state::rejected:
        case job_state::expired:
        case job_state::conflict:
            return paint.bad(text);
        case job_state::queued:
        case job_state::submitting:
        case job_state::accepted:
        case job_state::cancelled:
            return text;
    }
    return text;
}

}  // namespace onboardd::ctl
