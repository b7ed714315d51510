#pragma once

// One mapping of the configuration while it is read: each key is asked for by name, and whatever
// was not asked for is unknown.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config/rules.hpp"

namespace onboardd::reading {

class section {
public:
    // `node` may be null (a section whose keys are all commented out); anything but a mapping is a
    // fault. Both must outlive the section.
    section(const yaml_node& node, std::string path, fault_list& faults);

    // The value of `key`, or nullptr where it is absent or already refused. From now on the key is
    // known.
    const yaml_node* find(std::string_view key);

    // Reads `key` into `out` by `rule`; `out` stays as it is where the key is absent or wrong.
    template <class T, class Rule>
    void read(std::string_view key, T& out, const Rule& rule) {
        if (const auto* node = find(key); node != nullptr && scalar_given(key, *node))
            take(key, *node, out, rule);
    }

    // The same where null is a value.
    template <class T, class Rule>
    void read(std::string_view key, std::optional<T>& out, const Rule& rule) {
        const auto* node = find(key);
        if (node == nullptr)
            return;
        if (node->kind == yaml_kind::null) {
            out.reset();
        } else if (T value{}; scalar_given(key, *node) && take(key, *node, value, rule)) {
            out = std::move(value);
        }
    }

    // A fault for each key of `keys` that is absent, at the beginning of the section.
    void require(std::initializer_list<std::string_view> keys);

    // A fault for each key that nobody asked for.
    void finish();

    [[nodiscard]] std::string path_of(std::string_view key) const;
    void fault(mark where, std::string_view key, std::string message);

private:
    bool scalar_given(std::string_view key, const yaml_node& node);

    template <class T, class Rule>
    bool take(std::string_view key, const yaml_node& node, T& out, const Rule& rule) {
        auto read = rule(node);
        if (!read.value) {
            fault(node.where, key, std::move(read.wrong));
            return false;
        }
        out = std::move(*read.value);
        return true;
    }

    const yaml_node& node_;
    std::string path_;
    fault_list& faults_;
    std::vector<std::string_view> known_;
};

// The candidate that `word` was probably meant to be, or an empty string.
std::string_view near_miss(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace onboardd::reading
