#pragma once

// What the sandbox reads from the body of a POST: whether it may become a case, and the few members
// it acts on.

#include <string>
#include <string_view>
#include <vector>

namespace onboardd::sandbox {

struct body_problem {
    std::string path;  // case_request.referenceId
    std::string message;
};

struct post_body {
    std::string reference;         // case_request.referenceId; empty if there is none
    std::string_view auto_status;  // asked for by an AUTO_... trigger; of static storage
    std::string echoed;    // without members that only the provider may set; empty if it has none
    bool refused = false;  // asks for a refusal: payout_destination_id begins with "refuse"
    std::vector<body_problem> problems;  // empty: valid
};

post_body read_post_body(std::string_view body);

// The reference within a body that has not arrived whole; empty if it is not there yet.
std::string_view find_reference(std::string_view part) noexcept;

}  // namespace onboardd::sandbox
