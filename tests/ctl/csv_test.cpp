// RFC 4180 with the place of each field, and of whatever is wrong.

#include "daemon/ctl/csv.hpp"

#include <gtest/gtest.h>

#include <string>

namespace onboardd::ctl {
namespace {

// Each record as "LINE: [field][field]", a fault as "!LINE:COLUMN".
std::string read_all(const std::string& text) {
    std::string all;
    csv_reader reader(text);
    while (const auto record = reader.next()) {
        all += std::to_string(record->at.line) + ":";
        for (const auto& field : record->fields) {
            all += "[" + field.text + "]";
        }
        if (record->fault) {
            all += "!" + std::to_string(record->fault->at.line) + ":" +
                   std::to_string(record->fault->at.column);
            EXPECT_FALSE(record->fault->message.empty());
        }
        all += "\n";
    }
    return all;
}

struct csv_case {
    const char* name;
    std::string text;
    std::string records;
};

class CsvTest : public testing::TestWithParam<csv_case> {};

TEST_P(CsvTest, IsReadAsItStands) {
    EXPECT_EQ(read_all(GetParam().text), GetParam().records);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, CsvTest,
    testing::Values(
        csv_case{"Nothing", "", ""}, csv_case{"OneField", "a", "1:[a]\n"},
        csv_case{"TwoLines", "a,b\nc,d\n", "1:[a][b]\n2:[c][d]\n"},
        csv_case{"LineFeedsWithCarriageReturns", "a,b\r\nc,d\r\n", "1:[a][b]\n2:[c][d]\n"},
        csv_case{"NoLineEndAtTheEnd", "a\nb", "1:[a]\n2:[b]\n"},
        csv_case{"Semicolons", "a;b,c;d\n1;2;3\n", "1:[a][b,c][d]\n2:[1][2][3]\n"},
        csv_case{"SeparatorsInQuotesDoNotCount", "\"a;b;c\",d\n1,2\n", "1:[a;b;c][d]\n2:[1][2]\n"},
        csv_case{"ByteOrderMark",
                 "\xEF\xBB\xBF"
                 "a,b\n",
                 "1:[a][b]\n"},
        csv_case{"EmptyFields", ",a,\n,,\n", "1:[][a][]\n2:[][][]\n"},
        csv_case{"EmptyLinesArePassedOver", "\n\na\n\r\n\nb\n\n", "3:[a]\n6:[b]\n"},
        csv_case{"Quotes", "\"a\",\"\",\"x\"\"y\"\n", "1:[a][][x\"y]\n"},
        csv_case{"LineEndsInQuotes", "\"a\r\nb\",c\nd,e\n", "1:[a\nb][c]\n3:[d][e]\n"},
        csv_case{"BlanksStay", " a , b\n", "1:[ a ][ b]\n"},
        csv_case{"Utf8", "ø,\"æ\"\n", "1:[ø][æ]\n"},
        csv_case{"QuotesWithinAField", "øb\"c,d\ne,f\n", "1:!1:3\n2:[e][f]\n"},
        csv_case{"TextBehindQuotes", "\"a\"b,c\ne\n", "1:!1:4\n2:[e]\n"},
        csv_case{"QuotesThatNeverEnd", "a\nb,\"c\nd\n", "1:[a]\n2:[b]!2:3\n"},
        csv_case{"NoUtf8", "a,\xff\nb\n", "1:[a]!1:3\n2:[b]\n"},
        csv_case{"ControlCharacter", std::string("a\0b\nc\n", 6), "1:!1:2\n2:[c]\n"},
        csv_case{"LoneCarriageReturn", "a\rb\nc\n", "1:!1:2\n2:[c]\n"},
        csv_case{"EscapeSequence", "\x1b[2J\n", "1:!1:1\n"}),
    [](const auto& one) { return one.param.name; });

TEST(Csv, KnowsTheColumnOfEachField) {
    csv_reader reader("øre,\"b\nc\",d");
    const auto record = reader.next();
    ASSERT_TRUE(record);
    ASSERT_EQ(record->fields.size(), 3u);
    EXPECT_EQ(record->fields[1].at.column, 5u);
    EXPECT_EQ(record->fields[2].at.line, 2u);
    EXPECT_EQ(record->fields[2].at.column, 4u);
}

TEST(Csv, TheSeparatorIsTheOneOfTheFirstLine) {
    EXPECT_EQ(separator_in("a"), ',');
    EXPECT_EQ(separator_in("a;b"), ';');
    EXPECT_EQ(separator_in("a,b;c"), ',');
    EXPECT_EQ(separator_in("a\n;;;"), ',');
    EXPECT_EQ(separator_in(""), ',');
}

}  // namespace
}  // namespace onboardd::ctl
