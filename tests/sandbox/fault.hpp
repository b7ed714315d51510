#pragma once

// What can go wrong with an answer, by name. A fault says three independent things: whether the
// POST takes effect, what the answer says, and how its bytes travel. One catalogue serves all
// endpoints.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace onboardd::sandbox {

// Whether a POST creates its case.
enum class effect : std::uint8_t { none, once, twice, late };

// What the answer says.
enum class content : std::uint8_t {
    good,
    error,
    error_retry_seconds,  // with Retry-After in seconds
    error_retry_date,     // with Retry-After as an HTTP date
    html,
    redirect,
    no_id,
    broken_json,
    token_expires,         // of the token endpoint: `expires_in` is the value
    token_expires_string,  // "14400"
    token_expires_absent,
    token_absent,
    list_stale,  // of the list: cases younger than the value are missing
    list_empty,
};

// How the answer's bytes travel.
enum class delivery : std::uint8_t {
    whole,
    cut_unread,  // closed before the request was read
    cut,         // the first `value` bytes, then a clean TLS close
    truncated,   // the first `value` bytes, then TCP ends without close_notify
    reset,       // the first `value` bytes, then RST
    stalled,     // the first `value` bytes, then silence until the client gives up
    garbage,     // bytes that are not HTTP, then close
    last,        // a good answer, announced as the last of its connection
    unframed,    // no length: ended by the end of the connection
    chunked,
    two_lengths,  // a second Content-Length
    surplus,      // bytes nobody asked for behind the answer
    oversized,    // `value` bytes of body
    dripping,     // one byte every `value` milliseconds
    after_100,
    after_103s,
    switching,  // 101
};

enum endpoint : unsigned { on_post = 1, on_token = 2, on_list = 4 };

struct fault_kind {
    std::string_view name;
    unsigned where;  // endpoints that know it
    effect creates;
    content says;
    delivery travels;
    unsigned status;     // of the answer; 0: the value is the status, or the ordinary one
    std::int64_t value;  // default of `=VALUE`
    std::string_view help;
};

inline constexpr std::int64_t half = -1;  // of the answer's bytes

std::span<const fault_kind> fault_catalogue() noexcept;

// A fault as chosen: `NAME` or `NAME=VALUE`.
struct fault {
    const fault_kind* kind;
    std::int64_t value;
};

// The fault "ok": everything as it should be.
fault no_fault() noexcept;

// Throws std::invalid_argument with a line for the user.
fault parse_fault(std::string_view text, endpoint where);

// Chooses the fault of each call: scripted ones first, then those of the first N calls, then by
// probability.
class fault_plan {
public:
    explicit fault_plan(endpoint where) : where_(where) {}

    // `NAME[=VALUE]:PROBABILITY` or `NAME[=VALUE]:first=N`, several separated by commas. Replaces
    // what was planned;
    // "" and "none" plan nothing. Throws std::invalid_argument.
    void plan(std::string_view text);
    const std::string& planned() const noexcept { return text_; }

    fault next(std::mt19937_64& random);

private:
    struct chance {
        fault what;
        double probability;
    };
    struct first_calls {
        fault what;
        std::uint64_t left;
    };

    void add(std::string_view entry);

    endpoint where_;
    std::string text_;
    std::deque<first_calls> first_;
    std::vector<chance> chances_;
};

// Faults written down per reference, one consumed by each POST. A reference with a script meets no
// random faults, also not when its script has ended.
class fault_scripts {
public:
    // The key is a reference or ACCOUNT/reference. Replaces an older script of that key.
    void set(std::string key, std::deque<fault> faults) {
        scripts_[std::move(key)] = std::move(faults);
    }
    void clear() { scripts_.clear(); }
    bool empty() const noexcept { return scripts_.empty(); }

    // nullopt: nothing is written down for this reference.
    std::optional<fault> next(std::string_view account, std::string_view reference);

    // The same without consuming it.
    std::optional<fault> peek(std::string_view account, std::string_view reference) const;

private:
    using scripts = std::map<std::string, std::deque<fault>, std::less<>>;
    scripts::const_iterator find(std::string_view account, std::string_view reference) const;

    scripts scripts_;
};

// Reads {"reference": ["fault", ...]} into `scripts`; all or nothing. Throws std::invalid_argument.
void read_scripts(std::string_view json, fault_scripts& scripts);

}  // namespace onboardd::sandbox
