#pragma once

// CSV as RFC 4180 has it, UTF-8, with `,` or `;` between the fields. A reader of our own because
// the place of each field is needed, for people who look for what is wrong in a sheet of thousands
// of lines; libcsv (Debian's libcsv3) tells of none.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onboardd::ctl {

// From 1; columns are characters of the line, as an editor counts them.
struct csv_place {
    std::size_t line = 1;
    std::size_t column = 1;
};

struct csv_field {
    std::string text;
    csv_place at;
};

struct csv_fault {
    csv_place at;
    std::string message;
};

struct csv_record {
    std::vector<csv_field> fields;
    csv_place at;
    std::optional<csv_fault> fault;  // the fields are those before it
};

// The separator that the first line uses: the more frequent one outside of quotes, `,` where there
// is none.
char separator_in(std::string_view text);

class csv_reader {
public:
    // `text` outlives the reader. A byte order mark at its beginning is passed over.
    explicit csv_reader(std::string_view text);

    // nullopt: the end. Empty lines are passed over. After a fault the next record begins with the
    // next line.
    std::optional<csv_record> next();

    [[nodiscard]] char separator() const { return separator_; }

private:
    [[nodiscard]] bool at_end() const { return offset_ >= text_.size(); }
    [[nodiscard]] bool at_line_end() const;
    bool take_line_end();
    void step();
    csv_field take_field(std::optional<csv_fault>& fault);
    void take_quoted(csv_field& field, std::optional<csv_fault>& fault);
    void take_plain(csv_field& field, std::optional<csv_fault>& fault);
    bool take_character(std::string& into, std::optional<csv_fault>& fault);
    void pass_line();

    std::string_view text_;
    std::size_t offset_ = 0;
    csv_place here_;
    char separator_;
};

}  // namespace onboardd::ctl
