#include "daemon/spool/json_text.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <deque>

#include "daemon/spool/json_faults.hpp"
#include "daemon/spool/json_number.hpp"

namespace onboardd::spooling {
namespace json = boost::json;
namespace {

// Texts beyond this size make the parser's own stack large; it is given back after them.
constexpr std::size_t kept_text_bytes_max = 128 * 1024;

// Where the handler is: one for each open array or object.
struct frame {
    bool array = false;
    std::size_t elements = 0;    // complete ones, of an array
    std::size_t names_from = 0;  // of an object: its names so far are the tail of `names`
};

struct handler {
    static constexpr std::size_t max_object_size = json::object::max_size();
    static constexpr std::size_t max_array_size = json::array::max_size();
    static constexpr std::size_t max_key_size = json::string::max_size();
    static constexpr std::size_t max_string_size = json::string::max_size();

    using view = json::string_view;
    using code = json::error_code;

    json::value_stack stack;
    std::string_view text;
    std::vector<job_fault>* faults = nullptr;
    std::vector<frame> frames;
    std::vector<std::string_view> names;
    std::vector<std::string_view> sorted;
    std::vector<std::string_view> numbers;
    std::deque<std::string> copies;  // of names that are not in the text as they are
    std::string name_part;
    std::string number_part;
    bool nul = false;

    std::string pointer() const {
        std::string path;
        for (std::size_t i = 0; i < frames.size(); ++i) {
            const auto& at = frames[i];
            if (at.array) {
                path = pointer_to(path, std::to_string(at.elements));
            } else {
                const auto names_end = next_names(i);
                path = pointer_to(path, names_end == at.names_from ? "" : names[names_end - 1]);
            }
        }
        return path;
    }

    std::size_t next_names(std::size_t i) const {
        for (++i; i < frames.size(); ++i) {
            if (!frames[i].array) {
                return frames[i].names_from;
            }
        }
        return names.size();
    }

    void fault(std::string pointer, std::string_view message, std::string_view allowed) {
        job_fault found;
        found.message = message;
        found.allowed = allowed;
        found.pointer = std::move(pointer);
        add_fault(*faults, std::move(found));
    }

    bool complete() {
        if (!frames.empty() && frames.back().array) {
            ++frames.back().elements;
        }
        return true;
    }

    bool on_document_begin(code&) { return true; }
    bool on_document_end(code&) { return true; }

    bool on_object_begin(code&) {
        frames.push_back({false, 0, names.size()});
        return true;
    }

    bool on_object_end(std::size_t n, code&) {
        refuse_duplicates();
        stack.push_object(n);
        names.resize(frames.back().names_from);
        frames.pop_back();
        return complete();
    }

    bool on_array_begin(code&) {
        frames.push_back({true, 0, 0});
        return true;
    }

    bool on_array_end(std::size_t n, code&) {
        stack.push_array(n);
        frames.pop_back();
        return complete();
    }

    bool on_key_part(view part, std::size_t, code&) {
        name_part.append(part.data(), part.size());
        stack.push_chars(part);
        return true;
    }

    bool on_key(view part, std::size_t, code&) {
        std::string_view name(part.data(), part.size());
        const std::less_equal<> before;
        if (!name_part.empty() || !before(text.data(), part.data()) ||
            !before(part.data() + part.size(), text.data() + text.size())) {
            name_part.append(part.data(), part.size());
            name = copies.emplace_back(std::move(name_part));
            name_part.clear();
        }
        names.push_back(name);
        if (name.find('\0') != std::string_view::npos) {
            refuse_nul();
        }
        stack.push_key(part);
        return true;
    }

    bool on_string_part(view part, std::size_t, code&) {
        nul = nul || part.find('\0') != view::npos;
        stack.push_chars(part);
        return true;
    }

    bool on_string(view part, std::size_t, code&) {
        if (nul || part.find('\0') != view::npos) {
            refuse_nul();
            nul = false;
        }
        stack.push_string(part);
        return complete();
    }

    bool on_number_part(view part, code&) {
        number_part.append(part.data(), part.size());
        return true;
    }

    bool on_int64(std::int64_t value, view part, code&) {
        const auto number = note_number(part);
        constexpr std::int64_t exact_max = std::int64_t{1} << std::numeric_limits<double>::digits;
        if (value > exact_max || value < -exact_max) {
            check_number(number);
        }
        stack.push_int64(value);
        return complete();
    }

    bool on_uint64(std::uint64_t value, view part, code&) {
        check_number(note_number(part));
        stack.push_uint64(value);
        return complete();
    }

    bool on_double(double, view part, code&) {
        stack.push_double(
            check_number(note_number(part)));  // ours is the nearest; theirs may be next to it
        return complete();
    }

    bool on_bool(bool value, code&) {
        stack.push_bool(value);
        return complete();
    }

    bool on_null(code&) {
        stack.push_null();
        return complete();
    }

    bool on_comment_part(view, code&) { return true; }
    bool on_comment(view, code&) { return true; }

    std::string_view note_number(view part) {
        std::string_view number(part.data(), part.size());
        if (!number_part.empty()) {
            number_part.append(part.data(), part.size());
            number = copies.emplace_back(std::move(number_part));
            number_part.clear();
        }
        numbers.push_back(number);
        return number;
    }

    double check_number(std::string_view number) {
        double value = 0;
        if (!survives(number, value)) {
            fault(
                pointer(),
                "this number would change on its way: its size or precision is beyond an IEEE "
                "double",
                "at most 15 significant digits and a size up to 1.7e308, or write it as a string");
        }
        return value;
    }

    void refuse_nul() { fault(pointer(), "a NUL character", "text without \\u0000"); }

    void refuse_duplicates() {
        const auto from = names.begin() + static_cast<std::ptrdiff_t>(frames.back().names_from);
        sorted.assign(from, names.end());
        std::sort(sorted.begin(), sorted.end());
        auto at = std::adjacent_find(sorted.begin(), sorted.end());
        if (at == sorted.end()) {
            return;
        }
        names.resize(frames.back().names_from);  // the pointer ends before this object's members
        auto path = pointer();
        path.resize(path.size() - 1);  // the empty token of this object
        for (; at != sorted.end(); at = std::adjacent_find(at, sorted.end())) {
            fault(pointer_to(path, *at), "this name occurs more than once in its object",
                  "each name once");
            at = std::upper_bound(at, sorted.end(), *at);
        }
    }
};

json::parse_options strict_options() {
    json::parse_options options;
    options.max_depth = json_depth_max;
    return options;
}

}  // namespace

struct json_parser::state {
    json::basic_parser<handler> parser{strict_options()};
};

json_parser::json_parser() : state_(std::make_unique<state>()) {}
json_parser::~json_parser() = default;

const std::vector<std::string_view>& json_parser::numbers() const {
    return state_->parser.handler().numbers;
}

std::optional<json::value> json_parser::parse(std::string_view text, json::storage_ptr storage,
                                              std::vector<job_fault>& faults) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text.starts_with(byte_order_mark)) {
        add_fault(faults,
                  syntax_fault(text, 0, "a byte order mark", "UTF-8 without byte order mark"));
        return std::nullopt;
    }
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        add_fault(faults, syntax_fault(text, 0, "there is nothing in it",
                                       "one JSON object (RFC 8259) in UTF-8"));
        return std::nullopt;
    }
    if (large_) {
        state_ = std::make_unique<state>();
    }
    large_ = text.size() > kept_text_bytes_max;
    auto& parser = state_->parser;
    auto& events = parser.handler();
    parser.reset();
    events.frames.clear();
    events.names.clear();
    events.numbers.clear();
    events.copies.clear();
    events.name_part.clear();
    events.number_part.clear();
    events.nul = false;
    events.text = text;
    events.faults = &faults;
    events.stack.reset(std::move(storage));
    json::error_code failure;
    const auto used = parser.write_some(false, text.data(), text.size(), failure);
    if (!failure && used < text.size()) {
        failure = json::error::extra_data;
    }
    if (failure) {
        events.stack.reset();
        add_fault(faults, parse_fault(text, used, failure));
        return std::nullopt;
    }
    std::optional<json::value> value(events.stack.release());
    events.stack.reset();
    return value;
}

}  // namespace onboardd::spooling
