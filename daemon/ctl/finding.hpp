#pragma once

// Something that fsck or audit has to say.

#include <cstdint>
#include <string>

#include "daemon/ctl/output.hpp"

namespace onboardd::ctl {

struct finding {
    std::string kind;     // one word, stable
    std::string subject;  // ACCOUNT/REFERENCE, a path, a batch
    std::string text;     // what is wrong, and what it means
    std::string remedy;   // what --repair does about it; empty: nothing
    bool note = false;    // worth knowing, and no damage
};

// Writes findings and counts them.
class findings_report {
public:
    enum class purpose : std::uint8_t { check, repair, audit };

    findings_report(output& to, purpose why) : to_(to), why_(why) {}

    void tell(const finding& found, bool repaired = false);

    // The last line.
    void sum_up();

    [[nodiscard]] bool repairs() const noexcept { return why_ == purpose::repair; }
    [[nodiscard]] std::uint64_t left() const noexcept { return damages_ - repaired_; }

private:
    [[nodiscard]] std::string ending(const finding& found, bool repaired) const;

    output& to_;
    purpose why_;
    std::uint64_t damages_ = 0;
    std::uint64_t repaired_ = 0;
};

}  // namespace onboardd::ctl
