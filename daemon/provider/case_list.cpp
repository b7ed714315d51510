#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/provider/read_case.hpp"
#include "onboardd/provider/cdd_case.hpp"

namespace onboardd {
namespace {

namespace json = boost::json;

// Of one case, roughly. One that is larger or deeper is passed over: it is no reason not to see the
// others, but for the list to prove nothing.
constexpr std::size_t element_bytes_max = 4 * 1024 * 1024;
constexpr std::size_t element_depth_max = 256;
constexpr std::size_t document_depth_max = 10'000;

// Names under which APIs say where the next page is: next, next_page, nextCursor and their like.
bool leads_on(std::string_view key) {
    constexpr std::array<std::string_view, 8> names = {"next",          "nextpage",   "nextcursor",
                                                       "nextlink",      "nexturl",    "nexttoken",
                                                       "nextpagetoken", "nextpageurl"};
    std::string plain;
    for (const char c : key) {
        if (c != '_') {
            plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }
    return std::ranges::find(names, plain) != names.end();
}

// Finds the lists in the event stream and builds one element at a time. A list is an outermost
// array: the document itself, or a member of the outermost object. Which of several is the list of
// cases is told by what is in them.
class list_handler {
public:
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = 64 * 1024;
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    explicit list_handler(case_list_parser::callback on_case) : on_case_(std::move(on_case)) {
        stack_.reset();
    }

    [[nodiscard]] bool found_list() const { return lists_ != 0; }

    [[nodiscard]] bool sound() const {
        const bool one_list = lists_of_cases_ == 1 || (lists_ == 1 && !strange_elements_);
        return one_list && !mixed_;
    }
    [[nodiscard]] bool empty() const { return lists_of_cases_ == 0 && !strange_elements_; }
    [[nodiscard]] bool says_more() const { return more_; }

    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }

    bool on_object_begin(json::error_code&) { return open(); }
    bool on_object_end(std::size_t count, json::error_code& ec) {
        if (is_built()) {
            stack_.push_object(count);
        }
        return close(ec);
    }
    bool on_array_begin(json::error_code&) {
        if (list_depth_ == 0 && depth_ <= 1) {
            list_depth_ = ++depth_;
            cases_here_ = false;
            strange_here_ = false;
            return true;
        }
        return open();
    }
    bool on_array_end(std::size_t count, json::error_code& ec) {
        if (depth_ == list_depth_ && list_depth_ != 0) {
            list_depth_ = 0;
            --depth_;
            end_list();
            return true;
        }
        if (is_built()) {
            stack_.push_array(count);
        }
        return close(ec);
    }

    bool on_key_part(json::string_view text, std::size_t, json::error_code&) {
        if (list_depth_ == 0) {
            begin_of_key_.append(text.data(), text.size());
        }
        return chars(text);
    }
    bool on_key(json::string_view text, std::size_t, json::error_code&) {
        if (is_built()) {
            stack_.push_key(text);
        } else if (list_depth_ == 0) {
            key_ = std::exchange(begin_of_key_, {}).append(text.data(), text.size());
            leads_on_ = leads_on(key_);
        }
        grow(text.size());
        return true;
    }
    bool on_string_part(json::string_view text, std::size_t, json::error_code&) {
        return chars(text);
    }
    bool on_string(json::string_view text, std::size_t whole, json::error_code&) {
        note_more(whole != 0 && leads_on_);
        return scalar([&] { stack_.push_string(text); }, text.size());
    }
    bool on_number_part(json::string_view, json::error_code&) { return true; }
    bool on_int64(std::int64_t value, json::string_view, json::error_code&) {
        return scalar([&] { stack_.push_int64(value); });
    }
    bool on_uint64(std::uint64_t value, json::string_view, json::error_code&) {
        return scalar([&] { stack_.push_uint64(value); });
    }
    bool on_double(double value, json::string_view, json::error_code&) {
        return scalar([&] { stack_.push_double(value); });
    }
    bool on_bool(bool value, json::error_code&) {
        note_more(value && (key_ == "has_more" || key_ == "hasMore"));
        return scalar([&] { stack_.push_bool(value); });
    }
    bool on_null(json::error_code&) {
        return scalar([&] { stack_.push_null(); });
    }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }

private:
    // Inside an element of the list, at any depth (the element itself begins when its container
    // does).
    [[nodiscard]] bool in_element() const { return list_depth_ != 0 && depth_ > list_depth_; }

    // Likewise, and it is none that is passed over.
    [[nodiscard]] bool is_built() const { return in_element() && !passed_over_; }

    bool open() {
        ++depth_;
        if (in_element() && depth_ - list_depth_ > element_depth_max) {
            pass_over();
        }
        grow(1);
        return true;
    }

    // A container has ended; one directly in the list completes an element.
    bool close(json::error_code& ec) {
        --depth_;
        if (list_depth_ == 0 || depth_ != list_depth_) {
            return true;
        }
        element_bytes_ = 0;
        if (std::exchange(passed_over_, false)) {
            strange_here_ = true;
            return true;
        }
        return deliver(stack_.release(), ec);
    }

    bool chars(json::string_view text) {
        if (is_built()) {
            stack_.push_chars(text);
        }
        grow(text.size());
        return true;
    }

    template <class Push>
    bool scalar(Push push, std::size_t bytes = 1) {
        if (in_element()) {
            if (is_built()) {
                push();
            }
            grow(bytes + 1);
            return true;
        }
        strange_here_ = true;  // a bare scalar in a list is no case
        return true;
    }

    // Beside the lists, at any depth.
    void note_more(bool it_does) { more_ = more_ || (it_does && list_depth_ == 0); }

    void end_list() {
        ++lists_;
        lists_of_cases_ += cases_here_ ? 1 : 0;
        mixed_ = mixed_ || (cases_here_ && strange_here_);
        strange_elements_ = strange_elements_ || strange_here_;
    }

    void grow(std::size_t bytes) {
        if (is_built() && (element_bytes_ += bytes) > element_bytes_max) {
            pass_over();
        }
    }

    void pass_over() {
        passed_over_ = true;
        stack_.reset();
    }

    bool deliver(const json::value& element, json::error_code& ec) {
        stack_.reset();
        auto found = read_case(element);
        if (!found) {
            strange_here_ = true;
            return true;
        }
        cases_here_ = true;
        ec = on_case_(std::move(*found));
        return !ec;
    }

    case_list_parser::callback on_case_;
    json::value_stack stack_;
    std::size_t depth_ = 0;
    std::size_t list_depth_ = 0;  // depth inside a list's array; 0: not in one
    std::size_t element_bytes_ = 0;
    bool passed_over_ = false;  // the element that is being read
    std::string key_;           // the latest beside the lists
    std::string begin_of_key_;
    bool leads_on_ = false;  // what it may say
    std::size_t lists_ = 0;
    std::size_t lists_of_cases_ = 0;
    bool cases_here_ = false;    // in this list
    bool strange_here_ = false;  // likewise: an element that is no case
    bool strange_elements_ = false;
    bool mixed_ = false;
    bool more_ = false;
};

}  // namespace

class case_list_parser::implementation {
public:
    explicit implementation(callback on_case) : parser(options(), std::move(on_case)) {}

    static json::parse_options options() {
        json::parse_options chosen;
        chosen.max_depth = document_depth_max;
        return chosen;
    }

    json::basic_parser<list_handler> parser;
};

case_list_parser::case_list_parser(callback on_case)
    : self_(std::make_unique<implementation>(std::move(on_case))) {}

case_list_parser::~case_list_parser() = default;

error_code case_list_parser::write(std::string_view piece) {
    json::error_code ec;
    const auto parsed = self_->parser.write_some(true, piece.data(), piece.size(), ec);
    if (!ec && parsed < piece.size()) {
        return errc::malformed_answer;  // something behind the document
    }
    if (ec) {
        return ec.category() == json::make_error_code(json::error::syntax).category()
                   ? make_error_code(errc::malformed_answer)
                   : error_code(ec);
    }
    return {};
}

bool case_list_parser::sound() const {
    return self_->parser.handler().sound();
}

bool case_list_parser::empty() const {
    return self_->parser.handler().empty();
}

bool case_list_parser::says_more() const {
    return self_->parser.handler().says_more();
}

error_code case_list_parser::finish() {
    json::error_code ec;
    if (!self_->parser.done()) {
        self_->parser.write_some(false, nullptr, 0, ec);
    }
    if (ec || !self_->parser.done() || !self_->parser.handler().found_list()) {
        return errc::malformed_answer;
    }
    return {};
}

}  // namespace onboardd
