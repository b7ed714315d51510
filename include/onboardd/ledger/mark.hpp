#pragma once

// Which ledger wrote the outcomes, and how far it was. The ledger counts its starts and goes on
// counting while it works (the epoch); the outcomes keep a copy. A ledger that is behind the mark
// was put back from a copy: what it calls open may have been sent since.

#include <cstdint>
#include <string>

namespace onboardd {

struct ledger_mark {
    std::string ledger;      // its identity, random, made with it
    std::int64_t epoch = 0;  // as of when the mark was written

    bool operator==(const ledger_mark&) const = default;
};

}  // namespace onboardd
