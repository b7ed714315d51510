#include "daemon/ctl/csv.hpp"

#include "onboardd/base/text.hpp"

namespace onboardd::ctl {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string_view without_mark(std::string_view text) {
    return text.starts_with(byte_order_mark) ? text.substr(byte_order_mark.size()) : text;
}

}  // namespace

char separator_in(std::string_view text) {
    std::size_t commas = 0;
    std::size_t semicolons = 0;
    bool quoted = false;
    for (const char byte : text) {
        quoted = byte == '"' ? !quoted : quoted;
        if (!quoted && (byte == '\n' || byte == '\r')) {
            break;
        }
        commas += !quoted && byte == ',' ? 1 : 0;
        semicolons += !quoted && byte == ';' ? 1 : 0;
    }
    return semicolons > commas ? ';' : ',';
}

csv_reader::csv_reader(std::string_view text)
    : text_(without_mark(text)), separator_(separator_in(text_)) {}

bool csv_reader::at_line_end() const {
    const auto rest = text_.substr(offset_);
    return rest.starts_with('\n') || rest.starts_with("\r\n");
}

// Passes over a line end or the end of the text. False: neither is here.
bool csv_reader::take_line_end() {
    if (at_end()) {
        return true;
    }
    if (!at_line_end()) {
        return false;
    }
    offset_ += text_[offset_] == '\r' ? 2 : 1;
    here_ = {here_.line + 1, 1};
    return true;
}

// Over one byte that is a character.
void csv_reader::step() {
    ++offset_;
    ++here_.column;
}

// One character of content. Line ends within quotes are content too.
bool csv_reader::take_character(std::string& into, std::optional<csv_fault>& fault) {
    const auto found = decode_utf8(text_.substr(offset_));
    if (!found.valid) {
        fault = csv_fault{here_, "this is not UTF-8: save the sheet with that encoding"};
        return false;
    }
    const bool line_ends = at_line_end();
    if (found.value < 0x20 && !line_ends && found.value != '\t') {
        fault = csv_fault{here_, "a control character does not belong into text"};
        return false;
    }
    if (line_ends) {
        into += '\n';
        take_line_end();
        return true;
    }
    into += text_.substr(offset_, found.bytes);
    offset_ += found.bytes;
    ++here_.column;
    return true;
}

void csv_reader::take_quoted(csv_field& field, std::optional<csv_fault>& fault) {
    step();
    for (;;) {
        if (at_end()) {
            fault = csv_fault{field.at, "the quotes that begin here never end"};
            return;
        }
        if (text_[offset_] != '"') {
            if (!take_character(field.text, fault)) {
                return;
            }
            continue;
        }
        step();
        if (at_end() || text_[offset_] != '"') {
            return;
        }
        field.text += '"';  // two of them are one
        step();
    }
}

void csv_reader::take_plain(csv_field& field, std::optional<csv_fault>& fault) {
    while (!at_end() && !at_line_end() && text_[offset_] != separator_) {
        if (text_[offset_] == '"') {
            fault =
                csv_fault{here_,
                          "quotes within a field: the whole field has to be in quotes, and these "
                          "doubled"};
            return;
        }
        if (!take_character(field.text, fault)) {
            return;
        }
    }
}

csv_field csv_reader::take_field(std::optional<csv_fault>& fault) {
    csv_field field{.text = {}, .at = here_};
    if (at_end() || text_[offset_] != '"') {
        take_plain(field, fault);
        return field;
    }
    take_quoted(field, fault);
    if (!fault && !at_end() && !at_line_end() && text_[offset_] != separator_) {
        fault = csv_fault{here_,
                          "nothing may stand between the closing quotes and the next "
                          "separator"};
    }
    return field;
}

void csv_reader::pass_line() {
    while (!at_end() && text_[offset_] != '\n') {
        ++offset_;
    }
    if (!at_end()) {
        ++offset_;
        here_ = {here_.line + 1, 1};
    }
}

std::optional<csv_record> csv_reader::next() {
    while (!at_end() && at_line_end()) {
        take_line_end();
    }
    if (at_end()) {
        return std::nullopt;
    }
    csv_record record;
    record.at = here_;
    for (;;) {
        auto field = take_field(record.fault);
        if (record.fault) {
            pass_line();
            return record;
        }
        record.fields.push_back(std::move(field));
        if (take_line_end()) {
            return record;
        }
        step();  // the separator
    }
}

}  // namespace onboardd::ctl
