#pragma once

// What becomes of a job after one exchange: the real decision core, a provider that remembers
// whether it has opened the case, and the obligation that in the end there is exactly one.

#include "bytes/cut_link.hpp"
#include "onboardd/engine/decide.hpp"

namespace onboardd::test {

struct verdict {
    job_state first = job_state::submitting;  // after the exchange that was cut
    job_state last = job_state::submitting;   // after looking and, if that was decided, resending
    int cases = 0;                            // that the provider has opened by then
};

// The answer that opens a case.
std::string created_body();

// `applied`: the provider opened the case in the exchange that was observed.
verdict judge(const observation& seen, bool applied);

}  // namespace onboardd::test
