// What tables look like, short and long ones, on terminals wide and narrow.

#include "daemon/ctl/table.hpp"

#include <gmock/gmock.h>

namespace onboardd::ctl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LongTable : public testing::Test {
protected:
    long_table open(std::size_t columns = 0, std::size_t measured_max = 500) {
        return {{"REF", "STATE", "REASON"},
                columns,
                [this](const std::string& line) { lines.push_back(line); },
                measured_max};
    }

    std::vector<std::string> lines;
};

TEST_F(LongTable, ColumnsAreAsWideAsTheirCells) {
    auto rows = open();
    rows.add({"a", "created", ""});
    rows.add({"a-long-name", "held", "why"});
    rows.finish();
    EXPECT_THAT(lines, ElementsAre("REF          STATE    REASON",  //
                                   "a            created",          //
                                   "a-long-name  held     why"));
}

TEST_F(LongTable, NothingIsWrittenWithoutARow) {
    open().finish();
    EXPECT_THAT(lines, IsEmpty());
}

TEST_F(LongTable, OnlyTheFirstRowsAreMeasuredAndHeldBack) {
    auto rows = open(0, 2);
    rows.add({"a", "b", "c"});
    EXPECT_THAT(lines, IsEmpty());
    rows.add({"bb", "b", "c"});
    EXPECT_EQ(lines.size(), 3u);
    rows.add({"longer", "b", "c"});
    EXPECT_THAT(lines, ElementsAre("REF  STATE  REASON",  //
                                   "a    b      c",       //
                                   "bb   b      c",       //
                                   "longer  b      c"));
    rows.finish();
    EXPECT_EQ(lines.size(), 4u);
}

TEST_F(LongTable, TheLastCellIsCutToTheTerminal) {
    auto rows = open(30);
    rows.add({"a", "b", "12345678901234567890"});
    rows.add({"a", "b", "1234567890123456äöü"});
    rows.add({"a", "b", "1234567890123456ä"});
    rows.finish();
    EXPECT_THAT(lines, ElementsAre("REF  STATE  REASON",              //
                                   "a    b      12345678901234567…",  //
                                   "a    b      1234567890123456ä…",  //
                                   "a    b      1234567890123456ä"));
    EXPECT_EQ(width_of(lines[1]), 30u);
}

TEST_F(LongTable, OnANarrowTerminalSomethingIsLeftOfIt) {
    auto rows = open(5);
    rows.add({"a", "b", "12345678901234567890"});
    rows.finish();
    EXPECT_EQ(lines.back(), "a    b      123456789012345…");
}

TEST(Table, BreaksTheLastCellOnATerminalWhereItDoesNotFit) {
    table rows({"ACCOUNT", "WAITS FOR"});
    rows.add({"T12345678", "the provider asked to wait, next try in 9m"});
    rows.add({"T1", "-"});
    EXPECT_EQ(rows.lines().at(1), "T12345678  the provider asked to wait, next try in 9m");
    EXPECT_EQ(rows.lines(53), rows.lines());
    EXPECT_THAT(rows.lines(40), ElementsAre("ACCOUNT    WAITS FOR",                    //
                                            "T12345678  the provider asked to wait,",  //
                                            "           next try in 9m",               //
                                            "T1         -"));
    EXPECT_EQ(rows.lines(5).back(), "T1         -");
    EXPECT_THAT(rows.lines(30), ElementsAre("ACCOUNT    WAITS FOR",          //
                                            "T12345678",                     //
                                            "       the provider asked to",  //
                                            "       wait, next try in 9m",   //
                                            "T1         -"));
}

TEST_F(LongTable, ColoursTakeNoRoom) {
    const palette paint(true);
    auto rows = open();
    rows.add({"a", painted(job_state::created, "created", paint), "x"});
    rows.add({"a", painted(job_state::queued, "queued", paint), "x"});
    rows.finish();
    EXPECT_EQ(lines[1], "a    \x1b[32mcreated\x1b[0m  x");
    EXPECT_EQ(lines[2], "a    queued   x");
    EXPECT_EQ(painted(job_state::rejected, "rejected", palette(false)), "rejected");
}

}  // namespace
}  // namespace onboardd::ctl
