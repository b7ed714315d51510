#include "daemon/ctl/finding.hpp"

namespace onboardd::ctl {
std::string findings_report::ending(const finding& found, bool repaired) const {
    if (repaired) {
        return ". Repaired: " + found.remedy;
    }
    if (found.note || why_ == purpose::audit) {
        return "";
    }
    if (found.remedy.empty()) {
        return ". --repair leaves it as it is";
    }
    return repairs() ? ". Not repaired" : ". --repair " + found.remedy;
}

void findings_report::tell(const finding& found, bool repaired) {
    damages_ += found.note ? 0 : 1;
    repaired_ += !found.note && repaired ? 1 : 0;
    if (to_.json) {
        json_line line;
        line.add("kind", found.kind)
            .add("subject", found.subject)
            .add("severity", found.note               ? "note"
                             : why_ == purpose::audit ? "finding"
                                                      : "damage")
            .add("text", found.text)
            .add_or_null("remedy", found.remedy)
            .add_bool("repaired", repaired);
        to_.line(line);
        return;
    }
    to_.line(found.kind + "  " + shown(found.subject) + ": " + shown(found.text) +
             ending(found, repaired));
}

void findings_report::sum_up() {
    const auto count = std::to_string(damages_);
    if (to_.json) {
        json_line line;
        line.add("kind", "summary")
            .add_raw("found", count)
            .add_number("repaired", static_cast<std::int64_t>(repaired_));
        to_.line(line);
    } else if (damages_ == 0) {
        to_.line(why_ == purpose::audit ? "nothing found" : "no damage");
    } else if (why_ == purpose::audit) {
        to_.line(count + " found");
    } else {
        to_.line(count + " damaged, " + std::to_string(repaired_) + " repaired, " +
                 std::to_string(left()) + " left");
    }
}

}  // namespace onboardd::ctl
