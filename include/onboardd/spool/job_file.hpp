#pragma once

// From bytes in the spool to a job that can be accepted: strict JSON, the published schema, the
// checks beyond it, the account's defaults. Pure: nothing here touches a file.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/error.hpp"
#include "onboardd/config/config.hpp"

namespace onboardd {

inline constexpr std::size_t json_depth_max = 32;

using content_hash = std::array<std::uint8_t, 32>;  // SHA-256

// What two descriptions of a case must agree on to be the same case.
struct case_fingerprint {
    std::string organization_number;
    std::vector<std::string> products;  // sorted

    bool operator==(const case_fingerprint&) const = default;
};

// A valid job as it enters the ledger.
struct new_job {
    std::string account;
    std::string reference;
    std::string batch;
    std::int8_t priority = 0;  // -10..10
    std::optional<wall_time> not_before;
    std::optional<wall_time> expires_at;
    std::string
        request;  // the exact bytes of the request's body: `case`, defaults merged, referenceId set
    content_hash content{};  // of the canonical form of the producer's own `case`, before defaults;
                             // members sorted
    case_fingerprint fingerprint;
};

// The ledger's word on one job of a portion.
enum class admission : std::uint8_t {
    accepted,             // new, durable
    known,                // the same identity with the same content was there already: not an error
    duplicate_reference,  // the same identity with other content: refused
};

// Why some bytes are not a job, in words that the producer's programmer understands.
struct job_fault {
    std::string message;  // what is wrong
    std::string allowed;  // what is allowed; may be empty
    std::string pointer;  // RFC 6901, where the JSON could be read; "" is the whole document
    int line = 0;         // from 1, where the JSON could not be read; else 0
    int column = 0;       // from 1, in bytes
    // Reason files hold no content of the job: neither do these texts.
};

class job_reader {
public:
    job_reader() = default;
    job_reader(const job_reader&) = delete;
    job_reader& operator=(const job_reader&) = delete;
    virtual ~job_reader() = default;

    // Reads one job. `default_reference` is NAME for a .json file, empty for a line of a .jsonl
    // file. Safe to call from several threads at once. All faults are listed, at most 20.
    [[nodiscard]] virtual result<new_job, std::vector<job_fault>> read(
        std::string_view bytes, std::string_view default_reference,
        std::string_view batch) const = 0;
};

// Compiles the schema (built in; `job.schema.json` is installed from the same source) once.
std::unique_ptr<job_reader> make_job_reader(const std::vector<account_config>& accounts,
                                            const checks_config& checks);

// The draft-07 schema that make_job_reader() validates with, as installed.
std::string_view job_schema_text() noexcept;

}  // namespace onboardd
