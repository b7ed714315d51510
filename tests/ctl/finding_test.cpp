#include "daemon/ctl/finding.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace onboardd::ctl {
namespace {

using purpose = findings_report::purpose;

class Findings : public testing::Test {
protected:
    static finding a_finding(bool note = false) {
        finding found;
        found.kind = "outcome_missing";
        found.subject = "T00000001/\x1b[31m";
        found.text = "it is not there";
        found.remedy = "writes it again";
        found.note = note;
        return found;
    }

    std::string told(purpose why, const finding& found, bool repaired) {
        std::ostringstream out;
        output to{out, out, json};
        findings_report report(to, why);
        report.tell(found, repaired);
        left = report.left();
        return out.str();
    }

    bool json = false;
    std::uint64_t left = 0;
};

TEST_F(Findings, SayWhatRepairWouldDoAndWhatItDid) {
    const std::string head = "outcome_missing  T00000001/\\x1b[31m: it is not there";
    EXPECT_EQ(told(purpose::check, a_finding(), false), head + ". --repair writes it again\n");
    EXPECT_EQ(left, 1u);
    EXPECT_EQ(told(purpose::repair, a_finding(), true), head + ". Repaired: writes it again\n");
    EXPECT_EQ(left, 0u);
    EXPECT_EQ(told(purpose::repair, a_finding(), false), head + ". Not repaired\n");
    EXPECT_EQ(left, 1u);
    EXPECT_EQ(told(purpose::check, a_finding(true), false), head + "\n");
    EXPECT_EQ(left, 0u);
    EXPECT_EQ(told(purpose::audit, a_finding(), false), head + "\n");
}

TEST_F(Findings, AreOneJsonObjectALine) {
    json = true;
    EXPECT_EQ(told(purpose::check, a_finding(), false),
              R"({"kind": "outcome_missing", "subject": "T00000001/\u001b[31m", )"
              R"("severity": "damage", "text": "it is not there", "remedy": "writes it again", )"
              R"("repaired": false})"
              "\n");
}

}  // namespace
}  // namespace onboardd::ctl
