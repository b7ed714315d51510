#pragma once

// The provider's CDD case, read from its answers (provider API: POST, GET and list of
// .../management/settings/cdd/cases). Unknown members and statuses are tolerated; what would become
// file content or log text is checked first.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/base/error.hpp"
#include "onboardd/ledger/job.hpp"

namespace onboardd {

inline constexpr std::size_t case_id_bytes_max = 128;
inline constexpr std::size_t contract_url_bytes_max = 2048;

struct cdd_case {
    case_facts facts;
    std::string account_id;  // empty: not in the answer
    std::string reference;   // case_request.referenceId; empty: not in the answer
    std::optional<std::string> organization_number;    // nullopt: not in the answer
    std::optional<std::vector<std::string>> products;  // sorted; nullopt: not in the answer
};

// Reads one case object. nullopt if it is no JSON object or has no usable `id` (at most
// case_id_bytes_max characters of A-Z a-z 0-9 . _ -). The status is that of the newest event which
// has one (greatest id, then latest created_at), the link and the upstream id are the newest that
// are not empty. A link that is not plain https (credentials in it, control bytes, too long) counts
// as absent.
std::optional<cdd_case> parse_case(std::string_view json);

// The error envelope of every answer that is not 2xx.
struct provider_error {
    std::string code;
    std::string message;
    std::string details;  // JSON text of error.errors; empty: none
    std::string field;    // the member that the first of error.errors names, where it names one
};

// Never fails: an answer without the envelope gives empty members.
provider_error parse_error(std::string_view body);

// Reads a list answer piece by piece in memory bounded by one case: a bare array, or an object with
// the array as a member. Each case is given out as it is complete.
class case_list_parser {
public:
    // An error from the callback ends the parsing with that error.
    using callback = std::function<error_code(cdd_case)>;

    explicit case_list_parser(callback on_case);
    case_list_parser(const case_list_parser&) = delete;
    case_list_parser& operator=(const case_list_parser&) = delete;
    ~case_list_parser();

    error_code write(std::string_view piece);

    // The text has ended. Fails unless it was one complete document with a list in it.
    error_code finish();

    // All after finish(). Whether each element is a case, and it can be told which array is the
    // list: not if several have cases in them, or several are there and none has.
    [[nodiscard]] bool sound() const;
    // Whether there is no element at all.
    [[nodiscard]] bool empty() const;
    // Whether something beside the list says that there is more: a true `has_more`, or a text under
    // a name such as `next`, `next_page` or `nextCursor`.
    [[nodiscard]] bool says_more() const;

private:
    class implementation;
    std::unique_ptr<implementation> self_;
};

}  // namespace onboardd
