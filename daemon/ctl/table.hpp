#pragma once

// Columns for people: each as wide as its widest cell.

#include <string>
#include <string_view>
#include <vector>

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

    // One line each, the head first; nothing follows the last cell.
    [[nodiscard]] std::vector<std::string> lines() const;

private:
    std::vector<std::vector<std::string>> rows_;
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

}  // namespace onboardd::ctl
