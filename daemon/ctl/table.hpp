#pragma once

// Columns for people: each as wide as its widest cell.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/ledger/job.hpp"

namespace onboardd::ctl {

// Columns that `text` takes on a terminal, as far as that is known without its fonts: its code
// points, without colours.
std::size_t width_of(std::string_view text);

class table {
public:
    explicit table(std::vector<std::string> head) : rows_{std::move(head)} {}

    // As many cells as the head has; made harmless by shown() before.
    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

    [[nodiscard]] bool empty() const { return rows_.size() == 1; }

    // One line each, the head first; nothing follows the last cell. `columns`: of the terminal; a
    // last cell that does not fit is broken at its blanks, and stands beneath its line where there
    // is little room beside. 0: nothing is broken.
    [[nodiscard]] std::vector<std::string> lines(std::size_t columns = 0) const;

private:
    std::vector<std::vector<std::string>> rows_;
};

// A table of any length: the widths are those of its first rows, which are held back until so many
// have come. A wider cell that comes later moves the rest of its own line alone.
class long_table {
public:
    using writer = std::function<void(const std::string& line)>;

    // `columns`: of the terminal, whose lines are cut in their last cell so that none is broken; 0:
    // nothing is cut.
    long_table(std::vector<std::string> head, std::size_t columns, writer write,
               std::size_t measured_max = 500)
        : head_(std::move(head)),
          columns_(columns),
          measured_max_(measured_max),
          write_(std::move(write)) {}

    // As many cells as the head has; made harmless by shown() before.
    void add(std::vector<std::string> cells);

    // Writes what is held back. Nothing, not even the head, if no row was added.
    void finish();

private:
    void write(std::vector<std::string> row) const;

    std::vector<std::string> head_;
    std::size_t columns_;
    std::size_t measured_max_;
    writer write_;
    std::vector<std::vector<std::string>> held_back_;
    std::vector<std::size_t> widths_;  // once they are known
};

// Colours, or none: on a terminal, unless NO_COLOR is set.
class palette {
public:
    explicit palette(bool on = false) : on_(on) {}

    [[nodiscard]] std::string bold(const std::string& text) const { return in("1", text); }
    [[nodiscard]] std::string good(const std::string& text) const { return in("32", text); }
    [[nodiscard]] std::string look(const std::string& text) const { return in("33", text); }
    [[nodiscard]] std::string bad(const std::string& text) const { return in("31", text); }

private:
    [[nodiscard]] std::string in(const char* code, const std::string& text) const {
        return on_ && !text.empty() ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
    }

    bool on_;
};

// What is good or bad about a state, by its colour.
std::string painted(job_state state, const std::string& text, const palette& paint);

}  // namespace onboardd::ctl
