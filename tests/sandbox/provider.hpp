#pragma once

// The provider itself: what it answers to which request. It decides and remembers, and touches no
// network; how an answer travels, or fails to, is its connection's business.

#include <cstdint>
#include <string>
#include <string_view>

#include "case_store.hpp"
#include "reply.hpp"
#include "request_reader.hpp"
#include "settings.hpp"
#include "statistics.hpp"
#include "tokens.hpp"

namespace onboardd::sandbox {

// Everything that lives behind the addresses of one sandbox.
struct world {
    settings how;
    case_store store;
    token_desk tokens;
    statistics counts;
    std::string base_path = "/v1";
    std::string elsewhere_url;     // where redirects lead
    std::uint64_t generation = 0;  // counts resets
};

enum class operation : std::uint8_t {
    token,
    create_case,
    list_cases,
    read_case,
    report_status,  // the KYC service's callback
    wrong_method,
    unknown,
};

// What is known of a request once its header is there.
struct exchange {
    operation what = operation::unknown;
    std::string account;
    std::string case_id;
    std::string client;   // the token's
    unsigned denied = 0;  // status of a refusal that needs no body; 0: none
    fault planned = no_fault();
};

class provider {
public:
    explicit provider(world& of) : world_(of) {}

    // Called once the header is there: routes, checks the token, throws the dice.
    exchange arrive(const request_reader& request);

    // Whether the connection is to end before the request is whole; `body` is what has come of it.
    bool cut_unread(exchange& of, std::string_view body, bool whole);

    // Called once the request is whole.
    reply answer(const exchange& of, const request_reader& request);

    void create_late(const late_case& late);

private:
    reply issue_token(const exchange& of, const request_reader& request);
    reply create_case(const exchange& of, const request_reader& request);
    reply apply(const exchange& of, const request_reader& request, const post_body& body,
                const fault& planned, std::uint32_t noted);
    reply list_cases(const exchange& of, const request_reader& request);
    reply read_case(const exchange& of);
    reply report_status(const exchange& of, const request_reader& request);
    bool read_list_query(const request_reader& request, const exchange& of, list_query& query);
    reply denial(const exchange& of) const;
    reply shaped(reply good, const fault& planned);
    reply retry_later(const fault& planned) const;

    world& world_;
};

}  // namespace onboardd::sandbox
