#include "daemon/config/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <new>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "daemon/config/yaml_text.hpp"
#include "onboardd/base/log.hpp"

namespace onboardd::reading {
namespace {

// Ends the parse after a fault that makes the rest meaningless; the fault is already in the list.
struct give_up : std::exception {};

// A collection that is still open.
struct frame {
    yaml_node node;
    std::optional<yaml_node> key{};      // of a mapping: the key whose value comes next
    std::size_t key_end = 0;             // the byte after that key, as far as it is known
    std::map<std::string, int> lines{};  // of a mapping: the keys so far and their lines
};

yaml_node make_node(yaml_kind kind, mark where, std::string text = {}) {
    yaml_node node;
    node.kind = kind;
    node.where = where;
    node.text = std::move(text);
    return node;
}

bool is_collection(const yaml_node& node) {
    return node.kind == yaml_kind::sequence || node.kind == yaml_kind::mapping;
}

class tree_builder final : public YAML::EventHandler {
public:
    tree_builder(std::string_view text, yaml_node& root, fault_list& faults)
        : text_(text), root_(root), faults_(faults) {}

    void OnDocumentStart(const YAML::Mark& at) override {
        if (documents_++ == 0)
            return;
        faults_.add(place(at), "", "a second document begins here; allowed: one document");
        throw give_up();
    }
    void OnDocumentEnd() override {}

    void OnAnchor(const YAML::Mark&, const std::string&) override {}

    void OnAlias(const YAML::Mark& at, YAML::anchor_t) override {
        faults_.add(place(at), path(), "aliases are not allowed; write the value out");
        put(make_node(yaml_kind::refused, place(at)), offset(at) + 1);
    }

    void OnNull(const YAML::Mark& at, YAML::anchor_t anchor) override {
        check_properties(at, "?", anchor);
        put(null_at(at), offset(at));
    }

    void OnScalar(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        check_properties(at, tag, anchor);
        bool plain = tag == "?";
        auto end = offset(at) + value.size();
        if (!plain)
            end = check_quotes(at);
        if (plain && value == "-")
            faults_.add(place(at), path(), "a dash without quotes is not a value");
        put(make_node(plain ? yaml_kind::plain : yaml_kind::quoted, place(at), value), end);
    }

    void OnSequenceStart(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(yaml_kind::sequence, at, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(yaml_kind::mapping, at, tag, anchor);
    }
    void OnMapEnd() override { close(); }

    // yaml-cpp counts columns in bytes, and some exceptions have no position.
    mark place(const YAML::Mark& at) { return at.is_null() ? mark{} : position_.at(offset(at)); }

private:
    [[nodiscard]] std::size_t offset(const YAML::Mark& at) const {
        return std::min(text_.size(), static_cast<std::size_t>(std::max(at.pos, 0)));
    }

    [[nodiscard]] std::string path() const;
    void check_properties(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor);
    std::size_t check_quotes(const YAML::Mark& at);
    yaml_node null_at(const YAML::Mark& at);
    void open(yaml_kind kind, const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor);
    void close();
    void put(yaml_node node, std::size_t end);
    void put_key(frame& top, yaml_node node, std::size_t end);
    void put_member(frame& top, yaml_node node);

    std::string_view text_;
    position_finder position_{text_};
    yaml_node& root_;
    fault_list& faults_;
    std::vector<frame> open_;
    int documents_ = 0;
};

// The path of the value that comes next.
std::string tree_builder::path() const {
    std::string out;
    for (const auto& level : open_) {
        if (level.node.kind == yaml_kind::sequence) {
            out += '[' + std::to_string(level.node.items.size()) + ']';
        } else if (level.key && level.key->kind != yaml_kind::refused) {
            out += (out.empty() ? "" : ".") + shown_key(level.key->text);
        }
    }
    return out;
}

// yaml-cpp gives quoted text the tag "!" as if it were written; whether it was, the text itself
// tells.
void tree_builder::check_properties(const YAML::Mark& at, const std::string& tag,
                                    YAML::anchor_t anchor) {
    bool written = offset(at) < text_.size() && text_[offset(at)] == '!';
    if (written || (tag != "?" && tag != "!" && !tag.empty()))
        faults_.add(place(at), path(), "tags are not allowed; put text in quotes instead");
    if (anchor != 0)
        faults_.add(place(at), path(), "anchors are not allowed; write the value out");
}

// yaml-cpp ends an open quote at the end of the file, takes \' for an escape and text behind the
// closing quote for a comment. Returns the byte after the quoted text.
std::size_t tree_builder::check_quotes(const YAML::Mark& at) {
    auto begin = offset(at);
    auto end = begin + 1;
    if (begin >= text_.size() || (text_[begin] != '"' && text_[begin] != '\''))
        return end;  // a block scalar, or something with a tag
    auto quote = text_[begin];
    for (; end < text_.size() && text_[end] != '\n'; ++end) {
        if (quote == '"' && text_[end] == '\\') {
            if (text_.substr(end + 1).starts_with('\''))
                faults_.add(place(at), path(), R"(\' is not an escape; allowed: ' as it is)");
            ++end;
        } else if (text_[end] == quote && quote == '\'' &&
                   text_.substr(end + 1).starts_with('\'')) {
            ++end;
        } else if (text_[end] == quote) {
            auto behind = text_.substr(end + 1, 1);
            if (!behind.empty() &&
                std::string_view(" \t\r\n,]}:").find(behind) == std::basic_string_view<char>::npos)
                faults_.add(position_.at(end + 1), path(), "unexpected text behind the quote");
            return end + 1;
        }
    }
    faults_.add(place(at), path(),
                "the quote is not closed on its line; use | for text of many lines");
    return end;
}

// For a value that is not there yaml-cpp gives the position of whatever comes next, perhaps lines
// below.
yaml_node tree_builder::null_at(const YAML::Mark& at) {
    static constexpr std::string_view words[] = {"~", "null", "Null", "NULL"};
    auto node = make_node(yaml_kind::null, place(at));
    auto rest = text_.substr(offset(at));
    for (auto word : words) {
        auto behind = rest.substr(std::min(word.size(), rest.size()), 1);
        if (rest.starts_with(word) &&
            (behind.empty() ||
             std::string_view(" \t\r\n,]}").find(behind) != std::basic_string_view<char>::npos))
            node.text = word;
    }
    if (node.text.empty() && open_.empty())
        node.where = {1, 1};
    if (node.text.empty() && !open_.empty()) {
        const auto& top = open_.back();
        if (top.key) {
            node.where = top.key->where;
        } else if (!rest.starts_with(',') && !rest.starts_with(':')) {
            node.where = top.node.where;
        }
    }
    return node;
}

void tree_builder::open(yaml_kind kind, const YAML::Mark& at, const std::string& tag,
                        YAML::anchor_t anchor) {
    check_properties(at, tag, anchor);
    if (open_.size() >= yaml_depth_max) {
        faults_.add(place(at), path(),
                    "nested too deep; allowed: " + std::to_string(yaml_depth_max) + " levels");
        throw give_up();
    }
    open_.push_back({.node = make_node(kind, place(at))});
}

void tree_builder::close() {
    auto node = std::move(open_.back().node);
    open_.pop_back();
    put(std::move(node), 0);
}

void tree_builder::put(yaml_node node, std::size_t end) {
    if (open_.empty()) {
        root_ = std::move(node);
        return;
    }
    auto& top = open_.back();
    if (top.node.kind == yaml_kind::sequence) {
        top.node.items.push_back(std::move(node));
    } else if (top.key) {
        put_member(top, std::move(node));
    } else {
        put_key(top, std::move(node), end);
    }
}

void tree_builder::put_key(frame& top, yaml_node node, std::size_t end) {
    if (is_collection(node) || node.kind == yaml_kind::null) {
        faults_.add(node.where, path(), "a key must be a name");
        node.kind = yaml_kind::refused;
    } else if (node.kind == yaml_kind::plain && node.text == "<<") {
        faults_.add(node.where, path(), "merge keys are not allowed; write the keys out");
        node.kind = yaml_kind::refused;
    }
    top.key = std::move(node);
    top.key_end = end;
}

void tree_builder::put_member(frame& top, yaml_node node) {
    auto key = std::move(*top.key);
    top.key.reset();
    if (key.kind == yaml_kind::refused)
        return;
    auto key_path = path();
    key_path += (key_path.empty() ? "" : ".") + shown_key(key.text);
    // yaml-cpp takes a last line without a colon for a key without a value.
    auto behind = text_.find_first_not_of(" \t", top.key_end);
    if (node.kind == yaml_kind::null && node.text.empty() &&
        (behind == std::string_view::npos || text_[behind] != ':')) {
        faults_.add(key.where, key_path, "a colon is missing behind this key");
        node.kind = yaml_kind::refused;
    }
    auto [first, is_new] = top.lines.emplace(key.text, key.where.line);
    if (!is_new) {
        faults_.add(key.where, key_path,
                    "the key is given twice, first in line " + std::to_string(first->second));
        return;
    }
    top.node.members.push_back({std::move(key.text), key.where, std::move(node)});
}

}  // namespace

bool read_yaml(std::string_view text, yaml_node& root, fault_list& faults) {
    std::istringstream stream{std::string(text)};
    tree_builder builder(text, root, faults);
    root = make_node(yaml_kind::null, {1, 1});
    try {
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
        return true;
    } catch (const give_up&) {
        return false;
    } catch (const YAML::Exception& ex) {
        faults.add(builder.place(ex.mark), "", "not valid YAML: " + printable(ex.msg));
    } catch (const std::logic_error& ex) {
        faults.add({}, "", "not valid YAML: " + printable(ex.what()));
    }
    return false;
}

}  // namespace onboardd::reading
