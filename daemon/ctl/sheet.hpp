#pragma once

// A sheet's lines as jobs. Pure but for what `use` does.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "daemon/ctl/csv.hpp"
#include "daemon/ctl/import_map.hpp"
#include "onboardd/spool/job_file.hpp"

namespace onboardd::ctl {

// Never holds what is in the cell: that may be a person's.
struct sheet_fault {
    csv_place at;
    std::string column;  // its name; empty: the line as a whole
    std::string message;
    std::string allowed;
};

struct sheet_counts {
    std::uint64_t jobs = 0;
    std::uint64_t bad = 0;     // lines
    bool head_is_bad = false;  // then no line was looked at
};

struct sheet_sink {
    std::function<void(const std::string& job_json)> take;  // in the order of the sheet
    std::function<void(const sheet_fault&)> tell;
};

// Each line that is a job as `reader` and the checks behind it see one goes to `take`; what is
// wrong with the others, and with the first line, to `tell`. A line that names the same job as an
// earlier one is bad.
sheet_counts read_sheet(std::string_view text, const import_map& map, const job_reader& reader,
                        std::size_t job_bytes_max, const sheet_sink& use);

}  // namespace onboardd::ctl
