// From a sheet and its map to jobs, and to the place of each fault.

#include "daemon/ctl/sheet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <fstream>
#include <sstream>

namespace onboardd::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* a_map = R"(
columns:
  id: {to: /reference, required: true}
  org: /case/case_request/organizationNumber
  name: /case/case_for/payout_destination_name
  staff: {to: /case/case_request/details/employees, type: integer}
  turnover: {to: /case/case_request/details/turnover, type: number}
  checks: {to: /case/case_request/checks, type: list}
  sign: {to: /case/case_request/requireContractSigning, type: boolean}
  remark: null
constants:
  account: T12345678
  case: {products: [payout], case_for: {payout_destination_id: d}, case_request: {countryCode: "NO"}}
)";

class Sheet : public testing::Test {
protected:
    Sheet() {
        account_config account;
        account.id = "T12345678";
        accounts.push_back(account);
    }

    void read(const std::string& text, const std::string& map_text = a_map) {
        jobs.clear();
        faults.clear();
        const auto map = parse_import_map(map_text, "map.yaml");
        ASSERT_TRUE(map) << map.error().front().to_string();
        sheet_sink use;
        use.take = [this](const std::string& job) { jobs.push_back(job); };
        use.tell = [this](const sheet_fault& wrong) {
            faults.push_back(std::to_string(wrong.at.line) + ":" + std::to_string(wrong.at.column) +
                             " " + wrong.column + ": " + wrong.message + "; " + wrong.allowed);
        };
        counts = read_sheet(text, *map, *make_job_reader(accounts, {}), 4096, use);
        EXPECT_EQ(counts.jobs, jobs.size());
    }

    std::vector<account_config> accounts;
    std::vector<std::string> jobs;
    std::vector<std::string> faults;
    sheet_counts counts;
};

TEST_F(Sheet, EachLineIsAJob) {
    read(
        "id;org;name;staff;turnover;checks;sign;remark\n"
        "s-1;987654325; Bjørnøya AS ;3;12.5;KYC| AML ;yes;x\n"
        "s-2;987654325;;;;;;\n");
    EXPECT_THAT(faults, ElementsAre());
    ASSERT_EQ(jobs.size(), 2u);
    const auto expected = boost::json::parse(R"({"account":"T12345678","reference":"s-1","case":{
        "products":["payout"],
        "case_for":{"payout_destination_id":"d","payout_destination_name":"Bjørnøya AS"},
        "case_request":{"countryCode":"NO","organizationNumber":"987654325",
          "details":{"employees":3,"turnover":12.5},"checks":["KYC","AML"],
          "requireContractSigning":true}}})");
    EXPECT_EQ(boost::json::parse(jobs[0]), expected);
    const auto second = boost::json::parse(jobs[1]);
    EXPECT_FALSE(second.at("case").at("case_for").as_object().contains("payout_destination_name"));
}

TEST_F(Sheet, ColumnsMayStandInAnyOrderAndWinAgainstConstants) {
    read("country,id,org\nSE,s-1,987654325\n", R"(
columns:
  id: /reference
  org: /case/case_request/organizationNumber
  country: /case/case_request/countryCode
constants: {account: T12345678, case: {products: [payout], case_for: {payout_destination_id: d},
                                       case_request: {countryCode: "NO"}}}
)");
    EXPECT_THAT(faults, ElementsAre());
    ASSERT_EQ(jobs.size(), 1u);
    EXPECT_EQ(boost::json::parse(jobs[0]).at("case").at("case_request").at("countryCode"), "SE");
}

constexpr const char* small_map = R"(
columns:
  id: {to: /reference, required: true}
  org: /case/case_request/organizationNumber
  staff: {to: /case/case_request/details/employees, type: integer}
constants: {account: T12345678, case: {products: [payout], case_for: {payout_destination_id: d},
                                       case_request: {countryCode: "NO"}}}
)";

TEST_F(Sheet, EachFaultIsNamedAtItsCellWithoutWhatIsInIt) {
    read(
        "id,org,staff\n"
        "s-1,987654325,many\n"
        ",987654325,1\n"
        "s-3,987654321,1\n"
        "s 4,987654325,1\n"
        "s-5,987654325\n"
        "s-6,987654325,\"1\n",
        small_map);
    ASSERT_EQ(faults.size(), 6u);
    EXPECT_EQ(faults[0], "2:15 staff: this is not of the column's type; a whole number");
    EXPECT_EQ(faults[1], "3:1 id: this cell is empty; it is required");
    EXPECT_THAT(faults[2], HasSubstr("4:5 org: "));
    EXPECT_THAT(faults[3], HasSubstr("5:1 id: "));
    EXPECT_EQ(faults[4], "6:1 : this line has 2 fields; 3, as the first line");
    EXPECT_THAT(faults[5], HasSubstr("7:15 : the quotes that begin here never end"));
    for (const auto& fault : faults) {
        EXPECT_EQ(fault.find("98765432"), std::string::npos) << fault;
        EXPECT_EQ(fault.find("many"), std::string::npos) << fault;
    }
    EXPECT_EQ(counts.bad, 6u);
    EXPECT_EQ(counts.jobs, 0u);
}

TEST_F(Sheet, TheSameJobTwiceIsAFault) {
    read("id,org,staff\ns-1,987654325,\ns-2,987654325,\ns-1,987654325,\n", small_map);
    EXPECT_THAT(faults, ElementsAre("4:1 : this is the same job as in line 2; "));
    EXPECT_EQ(counts.jobs, 2u);
    EXPECT_EQ(counts.bad, 1u);
}

TEST_F(Sheet, ABadFirstLineEndsItAll) {
    read("id,org,stuff,id\ns-1,987654325,1,1\n", small_map);
    ASSERT_EQ(faults.size(), 3u);
    EXPECT_THAT(faults[0], HasSubstr("1:8 stuff: the map says nothing about this column"));
    EXPECT_THAT(faults[1], HasSubstr("1:14 id: this column is there twice"));
    EXPECT_THAT(faults[2], HasSubstr("staff: the sheet has no such column"));
    EXPECT_TRUE(counts.head_is_bad);
    EXPECT_EQ(counts.jobs, 0u);
    read("", small_map);
    EXPECT_TRUE(counts.head_is_bad);
    read("\"id\n", small_map);
    EXPECT_TRUE(counts.head_is_bad);
}

TEST_F(Sheet, AConstantInTheWayIsAFault) {
    read("id,org\ns-1,987654325\n", R"(
columns: {id: /reference, org: /case/case_request/organizationNumber}
constants: {account: T12345678, case: {case_request: [1]}}
)");
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_THAT(faults[0], HasSubstr("2:5 org: a constant of the map stands where"));
}

TEST(ImportMap, EveryFaultOfAMapIsNamed) {
    for (const auto& [text, part] : std::vector<std::pair<const char*, const char*>>{
             {"constants: {}", "columns"},
             {"columns: 7", "must be a mapping"},
             {"columns: {a: reference}", "must be a JSON pointer"},
             {"columns: {a: /x~2}", "must be a JSON pointer"},
             {"columns: {a: {type: integer}}", "to"},
             {"columns: {a: {to: /a, type: date}}", "must be string, integer"},
             {"columns: {a: {to: /a, required: maybe}}", "must be true or false"},
             {"columns: {a: {to: /a, separator: ''}}", "must be the text between"},
             {"columns: {a: {to: /a, colour: red}}", "colour"},
             {"columns: {a: /x, b: /x/y}", "goes to the same place"},
             {"columns: {a: /x, a: /y}", "a"},
             {"columns: {}\nconstants: 7", "constants"},
             {"rows: {}", "rows"},
             {"columns: {a: &x /a, b: *x}", ""}}) {
        const auto map = parse_import_map(text, "map.yaml");
        ASSERT_TRUE(map.has_error()) << text;
        std::string all;
        for (const auto& fault : map.error()) {
            all += fault.to_string() + "\n";
        }
        EXPECT_THAT(all, HasSubstr(part)) << text;
        EXPECT_THAT(all, HasSubstr("map.yaml:"));
    }
}

TEST(ImportMap, PointersAreReadAsRfc6901HasThem) {
    std::vector<std::string> parts;
    EXPECT_TRUE(parse_pointer("", parts));
    EXPECT_THAT(parts, ElementsAre());
    EXPECT_TRUE(parse_pointer("/a~1b/m~0n/", parts));
    EXPECT_THAT(parts, ElementsAre("a/b", "m~n", ""));
    EXPECT_FALSE(parse_pointer("a", parts));
    EXPECT_FALSE(parse_pointer("/a~", parts));
}

TEST_F(Sheet, TheExampleOfTheMapFitsItsOwnDescription) {
    std::ifstream file(ONBOARDD_SOURCE_DIR "/etc/import-map.yaml");
    std::stringstream text;
    text << file.rdbuf();
    read(
        "Seller,Name,Payout destination,Organization number,Checks,Sign,Remark\n"
        "s-1,Fjell Bakeri AS,dest-1,987654325,KYC,yes,none\n",
        text.str());
    EXPECT_THAT(faults, ElementsAre());
    EXPECT_EQ(jobs.size(), 1u);
}

}  // namespace
}  // namespace onboardd::ctl
