#include "daemon/config/section.hpp"

#include <algorithm>
#include <numeric>

namespace onboardd::reading {
namespace {

// Keys longer than this are not compared: the work grows with the product of the lengths.
constexpr std::size_t compared_bytes_max = 64;

// The fewest insertions, deletions, replacements and swaps of neighbours that make `left` into
// `right`.
std::size_t edits_between(std::string_view left, std::string_view right) {
    std::vector<std::size_t> before(right.size() + 1);
    std::vector<std::size_t> last(right.size() + 1);
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= left.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            auto replaced = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(row);
    }
    return last.back();
}

bool extends(std::string_view word, std::string_view other) {
    constexpr std::size_t part_bytes_min = 4;
    return std::min(word.size(), other.size()) >= part_bytes_min &&
           (word.starts_with(other) || other.starts_with(word));
}

// "checks" for "country_codes, currencies": what stands in the fault.
std::string listed(const std::vector<std::string_view>& names) {
    std::string out;
    for (auto name : names)
        out += (out.empty() ? "" : ", ") + std::string(name);
    return out;
}

}  // namespace

std::string_view near_miss(std::string_view word, const std::vector<std::string_view>& candidates) {
    if (word.size() > compared_bytes_max)
        return {};
    std::string_view best;
    std::size_t best_edits =
        std::max<std::size_t>(1, std::min<std::size_t>(word.size() / 3, 3)) + 1;
    for (auto candidate : candidates) {
        auto edits = extends(word, candidate) ? 1 : edits_between(word, candidate);
        if (edits < best_edits) {
            best = candidate;
            best_edits = edits;
        }
    }
    return best;
}

section::section(const yaml_node& node, std::string path, fault_list& faults)
    : node_(node), path_(std::move(path)), faults_(faults) {
    if (node.kind != yaml_kind::mapping && node.kind != yaml_kind::null &&
        node.kind != yaml_kind::refused)
        faults_.add(node.where, path_, "not a mapping; allowed: lines of KEY: VALUE");
}

const yaml_node* section::find(std::string_view key) {
    if (std::ranges::find(known_, key) == known_.end())
        known_.push_back(key);
    auto found = std::ranges::find(node_.members, key, &yaml_member::key);
    if (found == node_.members.end() || found->value.kind == yaml_kind::refused)
        return nullptr;
    return &found->value;
}

bool section::scalar_given(std::string_view key, const yaml_node& node) {
    if (node.kind == yaml_kind::plain || node.kind == yaml_kind::quoted)
        return true;
    if (node.kind == yaml_kind::null) {
        fault(node.where, key, "no value; allowed: one value, or leave the key out");
    } else {
        fault(node.where, key, "not a single value; allowed: one value");
    }
    return false;
}

void section::require(std::initializer_list<std::string_view> keys) {
    if (node_.kind != yaml_kind::mapping && node_.kind != yaml_kind::null)
        return;
    for (auto key : keys) {
        auto found = std::ranges::find(node_.members, key, &yaml_member::key);
        if (found == node_.members.end())
            fault(node_.where, key, "missing; this key has no default");
    }
}

void section::finish() {
    for (const auto& member : node_.members) {
        if (std::ranges::find(known_, member.key) != known_.end())
            continue;
        std::string message = "unknown key";
        // Nobody will see it once the list is full, and to look for it is what costs here.
        auto meant = faults_.full() ? std::string_view() : near_miss(member.key, known_);
        if (!meant.empty())
            message += "; did you mean " + std::string(meant) + "?";
        fault(member.where, shown_key(member.key), message + "; allowed: " + listed(known_));
    }
}

std::string section::path_of(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

void section::fault(mark where, std::string_view key, std::string message) {
    faults_.add(where, path_of(key), std::move(message));
}

}  // namespace onboardd::reading
