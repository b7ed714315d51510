#pragma once

// What onboardctl writes: lines for people, or one JSON object a line. Whatever comes from names,
// the ledger or the provider is made harmless for a terminal here and nowhere else.

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/base/clock.hpp"

namespace onboardd::ctl {

// One JSON object, member by member in the order of the calls.
class json_line {
public:
    json_line& add(std::string_view name, std::string_view value);
    json_line& add(std::string_view name, const char* value) {
        return add(name, std::string_view(value));
    }
    json_line& add(std::string_view name, const std::optional<wall_time>& value);
    json_line& add_number(std::string_view name, std::int64_t value);
    json_line& add_bool(std::string_view name, bool value);
    json_line& add_raw(std::string_view name, std::string_view json);  // is JSON already
    json_line& add_texts(std::string_view name, const std::vector<std::string>& texts);
    // Null where the text is empty.
    json_line& add_or_null(std::string_view name, std::string_view value);

    [[nodiscard]] std::string str() const { return text_ + "}"; }

private:
    void begin(std::string_view name);

    std::string text_ = "{";
};

// `text` for a terminal, as long as it is.
std::string shown(std::string_view text);

struct output {
    std::ostream& out;  // results
    std::ostream& err;  // what went wrong
    bool json = false;
    bool color = false;       // results go to a terminal whose user wants colours
    std::size_t columns = 0;  // of the terminal that results go to; 0: there is none

    void line(const std::string& text);
    void line(const json_line& object);
};

}  // namespace onboardd::ctl
