#pragma once

#include "onboardd/outcome/outcome.hpp"

namespace onboardd::test {

inline const wall_time received =
    wall_time{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}} + std::chrono::hours(1);

// A job in `state` that was received at 01:00:00 and, where that fits, submitted and finished after
// it.
inline job a_job(job_state state, std::string reference = "seller-0001") {
    job row;
    row.account = "T12345678";
    row.reference = std::move(reference);
    row.batch = "2026-11-22";
    row.state = state;
    row.received_at = received;
    row.attempts = 1;
    row.revision = 1;
    row.submitted_at = received + milliseconds(1500);
    row.finished_at = received + milliseconds(2000);
    return row;
}

inline job a_created_job(std::string reference = "seller-0001") {
    auto row = a_job(job_state::created, std::move(reference));
    row.the_case = {"3c90c3cc-0d44-4b50-8888-8dd25736052a", "c-881",
                    "https://onboarding.example.com/c-881", "WAITING_FOR_DECLARATION",
                    "2026-11-22T01:04:05Z"};
    return row;
}

}  // namespace onboardd::test
