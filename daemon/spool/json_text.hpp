#pragma once

// Strict JSON: what RFC 8259 leaves open is refused here, so that nobody can read a job differently
// from us. Duplicate names, more than json_depth_max levels, a byte order mark, NUL characters, bad
// UTF-8 and numbers that a reader with IEEE doubles would change are faults.

#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/spool/json_faults.hpp"
#include "onboardd/spool/job_file.hpp"

namespace onboardd::spooling {

// A parser that is used again and again, so that its memory is. Not for two threads at once.
class json_parser {
public:
    json_parser();
    ~json_parser();
    json_parser(const json_parser&) = delete;
    json_parser& operator=(const json_parser&) = delete;

    // The value of `text`, in memory of `storage`; nullopt if it is not JSON. Content faults do not
    // end the parse, so there may be a value and faults: then it is only good for finding more of
    // them.
    std::optional<boost::json::value> parse(std::string_view text, boost::json::storage_ptr storage,
                                            std::vector<job_fault>& faults);

    // The text of each number of the last parse in the order of the document; views into its text.
    [[nodiscard]] const std::vector<std::string_view>& numbers() const;

private:
    struct state;
    std::unique_ptr<state> state_;
    bool large_ = false;  // the last text was: its memory is given back before the next
};

}  // namespace onboardd::spooling
