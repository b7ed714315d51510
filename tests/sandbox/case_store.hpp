#pragma once

// All cases and the requests that made them, in memory, for hundreds of thousands of cases: a
// request's bytes are kept once, a case refers to them, and its JSON is put together when somebody
// asks.

#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "settings.hpp"

namespace onboardd::sandbox {

inline constexpr std::uint32_t nothing = std::numeric_limits<std::uint32_t>::max();

// Texts that live as long as the store, in large blocks.
class text_arena {
public:
    std::string_view keep(std::string_view text);
    void clear();

private:
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* free_ = nullptr;
    std::size_t left_ = 0;
};

// One POST as it arrived.
struct stored_request {
    std::string_view body;         // empty if it was not kept
    std::uint32_t next = nothing;  // of the same reference
    std::uint16_t status = 0;      // of the answer; 0: none was given
    const fault_kind* fault = nullptr;
};

struct stored_case {
    std::array<std::uint64_t, 2> id{};
    std::int64_t created_ms = 0;
    std::int64_t created_steady_ns = 0;  // of the monotonic clock
    std::uint32_t request = nothing;
    std::uint32_t next = nothing;  // of the same reference
    std::uint32_t url_after_ms = 0;
    std::uint32_t auto_after_ms = 0;
    std::uint32_t visible_after_ms = 0;
    std::uint16_t account = 0;
    std::uint16_t creator = 0;
    std::string_view auto_status;  // empty: no trigger
};

// What is known of one reference within an account.
struct reference_record {
    std::string_view account;
    std::string_view reference;
    std::uint32_t first_case = nothing;
    std::uint32_t last_case = nothing;
    std::uint32_t cases = 0;
    std::uint32_t first_request = nothing;
    std::uint32_t last_request = nothing;
    std::uint32_t requests = 0;
};

// What a new case is made of, besides its request.
struct new_case {
    std::string_view account;
    std::string_view client;
    std::string_view reference;  // may be empty
    std::string_view body;       // the request's, a valid JSON object
    std::string_view
        echoed;  // the body without members that only the provider may set; empty: the body
    std::string_view auto_status;  // of static storage
    std::uint32_t request = nothing;
};

// A part of an account's list.
struct list_query {
    list_order order = list_order::newest;
    std::uint32_t count_max = nothing;
    std::uint32_t after = nothing;      // a case: the part begins behind it
    std::int64_t younger_than_ms = -1;  // cases younger than this are left out; -1: none
};

class case_store {
public:
    case_store();

    // Notes a POST; its body is kept while the reference has few of them.
    std::uint32_t note_request(std::string_view account, std::string_view reference,
                               std::string_view body, const fault_kind* fault);
    void note_answer(std::uint32_t request, unsigned status);

    std::uint32_t create(const new_case& from, const settings& how, std::int64_t now_ms);

    // A case of another run. Ids stay valid only if all cases of it are made again, in their order
    // and from the first; std::invalid_argument if this one is not the next.
    std::uint32_t create_again(const new_case& from, const settings& how, std::string_view id,
                               std::int64_t created_ms);

    // Adds an event with another status; it counts from now on.
    void change_status(std::uint32_t index, std::string_view status, std::int64_t now_ms);

    // `nothing` if the account has no such case.
    std::uint32_t find(std::string_view account, std::string_view id) const;
    const reference_record* find_reference(std::string_view account,
                                           std::string_view reference) const;
    std::vector<std::uint32_t> cases_of(const reference_record& record) const;
    std::vector<std::uint32_t> list(std::string_view account, const list_query& query,
                                    std::int64_t now_ms) const;

    // The case as the provider shows it.
    void append_json(std::string& to, std::uint32_t index, std::int64_t now_ms,
                     bool with_reference = true) const;

    // What create_again() wants, as JSON, with the monotonic time at which the case came to be.
    void append_snapshot(std::string& to, std::uint32_t index) const;

    const stored_request& request(std::uint32_t index) const { return requests_[index]; }
    template <class Visitor>
    void for_each_reference(Visitor&& visit) const {
        for (const auto& entry : references_) {
            visit(entry.second);
        }
    }
    const std::vector<const reference_record*>& duplicated() const { return duplicated_; }
    std::vector<std::string_view> accounts() const;

    std::size_t cases() const noexcept { return cases_.size(); }
    // Of cases; a reference whose POSTs made none does not count.
    std::size_t distinct_references() const noexcept { return distinct_; }
    void clear();

private:
    struct account_cases {
        std::string name;
        std::vector<std::uint32_t> cases;  // as created
        mutable std::vector<std::uint32_t> by_id;
    };
    struct status_change {
        std::int64_t at_ms;
        std::string status;
    };
    struct event;

    reference_record& record_of(std::string_view account, std::string_view reference);
    std::uint16_t account_number(std::string_view name);
    std::uint16_t creator_number(std::string_view client);
    std::array<std::uint64_t, 2> make_id(std::uint32_t index);
    const account_cases* find_account(std::string_view name) const;
    const std::vector<std::uint32_t>& by_id(const account_cases& account) const;
    bool visible(const stored_case& one, const list_query& query, std::int64_t now_ms) const;
    void append_id(std::string& to, const stored_case& one) const;
    void append_members(std::string& to, std::uint32_t index, bool with_reference) const;
    void append_events(std::string& to, std::uint32_t index, std::int64_t now_ms) const;
    std::vector<event> events_of(std::uint32_t index, std::int64_t now_ms) const;
    void append_event(std::string& to, std::uint32_t index, unsigned number,
                      const event& one) const;

    text_arena texts_;
    std::deque<stored_case> cases_;
    std::deque<stored_request> requests_;
    std::unordered_map<std::string_view, reference_record> references_;  // ACCOUNT/reference
    std::vector<const reference_record*> duplicated_;
    std::size_t distinct_ = 0;
    std::vector<account_cases> accounts_;
    std::vector<std::string> creators_;  // as JSON strings
    std::unordered_map<std::uint32_t, std::vector<status_change>> changes_;
    std::unordered_map<std::uint32_t, std::string_view> echoed_;  // where it is not the body
    std::mt19937_64 random_;
};

}  // namespace onboardd::sandbox
