#include "onboardd/spool/job_file.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/spool/corpora.hpp"

namespace onboardd {
namespace {

namespace json = boost::json;
using namespace std::string_literals;

account_config account(std::string id, std::string defaults = "{}") {
    account_config made;
    made.id = std::move(id);
    made.defaults = std::move(defaults);
    return made;
}

// The page's own sample with realistic values.
constexpr std::string_view sample_case = R"({
  "case_for": {
    "account_id": "T12345678",
    "payout_destination_id": "seller-0001",
    "payout_destination_name": "Bakeri Øst AS",
    "payout_destination_description": "AUTO_APPROVE",
    "payout_reference": "PAYOUT 0001"
  },
  "products": ["payout"],
  "case_request": {
    "checks": ["KYC"],
    "countryCode": "NO",
    "organizationNumber": "974760673",
    "requireContractSigning": true,
    "details": {},
    "callbackUrl": "https://example.com/callback",
    "referenceId": "seller-0001"
  }
})";

std::string compact(std::string_view text) {
    return json::serialize(json::parse(json::string_view(text)));
}

class JobFileTest : public testing::Test {
protected:
    result<new_job, std::vector<job_fault>> read(std::string_view text,
                                                 std::string_view name = "name") {
        return make_job_reader(accounts, checks)->read(text, name, "batch");
    }

    new_job good(std::string_view text, std::string_view name = "name") {
        auto job = read(text, name);
        EXPECT_TRUE(job.has_value())
            << text << ": " << (job ? "" : job.error()[0].pointer + " " + job.error()[0].message);
        return job ? *job : new_job{};
    }

    std::string pointers(std::string_view text, std::string_view name = "name") {
        const auto job = read(text, name);
        std::string list;
        if (job.has_error()) {
            for (const auto& fault : job.error()) {
                EXPECT_FALSE(fault.message.empty());
                EXPECT_FALSE(fault.allowed.empty()) << fault.pointer;
                list += (list.empty() ? "" : " ") +
                        (fault.pointer.empty() ? std::string("(root)") : fault.pointer);
            }
        }
        return list;
    }

    std::vector<account_config> accounts{account(
        "T12345678", R"({"products":["payout"],"case_request":{"checks":["KYC"],"share":0.5}})")};
    checks_config checks;
};

TEST_F(JobFileTest, TheSampleOfThePageTravelsWithEveryMember) {
    accounts = {account("T12345678")};
    const auto job = good(R"({"account":"T12345678","case":)" + std::string(sample_case) + "}");
    EXPECT_EQ(job.request, compact(sample_case));
    EXPECT_EQ(job.account, "T12345678");
    EXPECT_EQ(job.reference, "seller-0001");
    EXPECT_EQ(job.batch, "batch");
    EXPECT_EQ(job.priority, 0);
    EXPECT_EQ(job.not_before, std::nullopt);
    EXPECT_EQ(job.fingerprint.organization_number, "974760673");
    EXPECT_EQ(job.fingerprint.products, std::vector<std::string>{"payout"});
}

TEST_F(JobFileTest, UnknownMembersOfTheCaseTravelUntouchedInTheirOrder) {
    const auto job = good(
        R"({"priority":3,"case":{"zeta":[1.50,-0,1E5,{"b":1,"a":null}],"case_for":{"x":"\u00e5\/"},)"
        R"("alpha":0.10}, "reference":"r"})");
    EXPECT_EQ(
        job.request,
        R"({"zeta":[1.50,-0,1E5,{"b":1,"a":null}],"case_for":{"x":"å/"},"alpha":0.10,)"
        R"("case_request":{"referenceId":"r","checks":["KYC"],"share":0.5},"products":["payout"]})");
    EXPECT_EQ(job.priority, 3);
}

TEST_F(JobFileTest, TheJobWinsOverTheDefaultsOfItsAccount) {
    const auto job = good(
        R"({"case":{"case_for":{},"products":["checkout","payout"],"case_request":{"share":1}}})");
    EXPECT_EQ(job.request, R"({"case_for":{},"products":["checkout","payout"],)"
                           R"("case_request":{"share":1,"referenceId":"name","checks":["KYC"]}})");
    EXPECT_EQ(job.fingerprint.products, (std::vector<std::string>{"checkout", "payout"}));
}

TEST_F(JobFileTest, ReferencesComeFromTheJobThenTheRequestThenTheName) {
    EXPECT_EQ(good(R"({"reference":"a","case":{"case_for":{}}})").reference, "a");
    EXPECT_EQ(good(R"({"case":{"case_for":{},"case_request":{"referenceId":"b"}}})").reference,
              "b");
    EXPECT_EQ(good(R"({"case":{"case_for":{}}})", "c").reference, "c");
    EXPECT_EQ(good(R"({"reference":"a","case":{"case_for":{},"case_request":{"referenceId":"a"}}})")
                  .reference,
              "a");
}

TEST_F(JobFileTest, TheDefaultAccountIsTheOnlyOne) {
    EXPECT_EQ(good(R"({"case":{"case_for":{}}})").account, "T12345678");
    accounts.push_back(account("P00000001"));
    EXPECT_EQ(pointers(R"({"case":{"case_for":{}}})"), "/account");
    EXPECT_EQ(pointers(R"({"account":"P00000002","case":{"case_for":{}}})"), "/account");
    EXPECT_EQ(read(R"({"account":"P00000002","case":{"case_for":{}}})").error()[0].allowed,
              "P00000001, T12345678");
    EXPECT_EQ(pointers(R"({"account":"P00000001","case":{"case_for":{}}})"), "/case/products");
}

TEST_F(JobFileTest, TimesAreReadWithTheirZone) {
    const auto job =
        good(R"({"not_before":"2026-11-22T02:04:05+01:00","expires_at":"2026-11-23T00:00:00Z",)"
             R"("priority":-10,"case":{"case_for":{}}})");
    EXPECT_EQ(format_rfc3339(job.not_before.value()), "2026-11-22T01:04:05Z");
    EXPECT_EQ(format_rfc3339(job.expires_at.value()), "2026-11-23T00:00:00Z");
    EXPECT_EQ(job.priority, -10);
}

struct content_fault {
    const char* text;
    const char* pointers;
};

TEST_F(JobFileTest, EachFaultHasItsPointer) {
    const content_fault table[] = {
        {"[]", "(root)"},
        {"\"a\"", "(root)"},
        {"{}", "/case"},
        {R"({"case":null})", "/case"},
        {R"({"case":[]})", "/case"},
        {R"({"case":{}})", "/case/case_for"},
        {R"({"case":{"case_for":[]}})", "/case/case_for"},
        {R"({"case":{"case_for":{"account_id":1}}})", "/case/case_for/account_id"},
        {R"({"case":{"case_for":{}},"foo":1,"a/b":2})", "/foo /a~1b"},
        {R"({"case":{"case_for":{},"products":[]}})", "/case/products"},
        {R"({"case":{"case_for":{},"products":"payout"}})", "/case/products"},
        {R"({"case":{"case_for":{},"products":["payout","lottery"]}})", "/case/products/1"},
        {R"({"case":{"case_for":{},"case_request":7}})", "/case/case_request"},
        {R"({"case":{"case_for":{},"case_request":{"checks":"KYC"}}})",
         "/case/case_request/checks"},
        {R"({"case":{"case_for":{},"case_request":{"requireContractSigning":"yes"}}})",
         "/case/case_request/requireContractSigning"},
        {R"({"case":{"case_for":{},"case_request":{"details":null}}})",
         "/case/case_request/details"},
        {R"({"case":{"case_for":{},"case_request":{"countryCode":"XX"}}})",
         "/case/case_request/countryCode"},
        {R"({"case":{"case_for":{},"case_request":{"countryCode":"NO","organizationNumber":"123456789"}}})",
         "/case/case_request/organizationNumber"},
        {R"({"case":{"case_for":{},"case_request":{"callbackUrl":"http://example.com"}}})",
         "/case/case_request/callbackUrl"},
        {R"({"case":{"case_for":{},"case_request":{"referenceId":5}}})",
         "/case/case_request/referenceId"},
        {R"({"case":{"case_for":{},"case_request":{"referenceId":"a b"}}})",
         "/case/case_request/referenceId"},
        {R"({"reference":"a","case":{"case_for":{},"case_request":{"referenceId":"b"}}})",
         "/case/case_request/referenceId"},
        {R"({"case":{"case_for":{},"payment_options":[{"currencies":["NOK","nok"]}]}})",
         "/case/payment_options/0/currencies/1"},
        {R"({"case":{"case_for":{},"payment_options":[{},{"currencies":"NOK"}]}})",
         "/case/payment_options/1/currencies"},
        {R"({"case":{"case_for":{},"actions_on_approval":["nothing"]}})",
         "/case/actions_on_approval/0"},
        {R"({"case":{"case_for":{},"package":1}})", "/case/package"},
        {R"({"reference":"","case":{"case_for":{}}})", "/reference"},
        {R"({"reference":"a\n","case":{"case_for":{}}})", "/reference"},
        {R"({"reference":"../a","case":{"case_for":{}}})", "/reference"},
        {R"({"reference":7,"case":{"case_for":{}}})", "/reference"},
        {R"({"account":7,"case":{"case_for":{}}})", "/account"},
        {R"({"priority":11,"case":{"case_for":{}}})", "/priority"},
        {R"({"priority":-11,"case":{"case_for":{}}})", "/priority"},
        {R"({"priority":1.5,"case":{"case_for":{}}})", "/priority"},
        {R"({"priority":"1","case":{"case_for":{}}})", "/priority"},
        {R"({"not_before":"tomorrow","case":{"case_for":{}}})", "/not_before"},
        {R"({"expires_at":"2026-11-22T01:04:05","case":{"case_for":{}}})", "/expires_at"},
        {R"({"expires_at":null,"case":{"case_for":{}}})", "/expires_at"},
        {R"({"not_before":"2026-11-22T01:04:05Z","expires_at":"2026-11-22T01:04:05Z","case":{"case_for":{}}})",
         "/not_before"},
        {R"({"case":{"case_for":{},"a":{"b":[1e400]}}})", "/case/a/b/0"},
        {R"({"case":{"case_for":{},"a":1,"a":1}})", "/case/a"},
    };
    for (const auto& row : table) {
        EXPECT_EQ(pointers(row.text), row.pointers) << row.text;
    }
    EXPECT_EQ(pointers(R"({"case":{"case_for":{}}})", ""), "/reference");
    EXPECT_EQ(pointers(R"({"case":{"case_for":{}}})", "a b"), "/reference");
}

TEST_F(JobFileTest, SyntaxFaultsHaveLineAndColumn) {
    const auto job = read("{\n  \"case\": {,}\n}");
    ASSERT_TRUE(job.has_error());
    EXPECT_EQ(job.error()[0].line, 2);
    EXPECT_EQ(job.error()[0].column, 12);
    EXPECT_EQ(job.error()[0].pointer, "");
}

TEST_F(JobFileTest, AtMostTwentyFaultsAreListed) {
    std::string text = R"({"case":{"case_for":{})";
    for (int i = 0; i < 50; ++i) {
        text += ",\"m" + std::to_string(i) + "\":1e999";
    }
    EXPECT_EQ(read(text + "}}").error().size(), 20u);
}

TEST_F(JobFileTest, TextsOfFaultsHoldNoContent) {
    const auto job = read(
        R"({"account":"CANARY","reference":"CANARY !","priority":"CANARY","not_before":"CANARY",)"
        R"("case":{"case_for":"CANARY","products":["CANARY"],"case_request":{"countryCode":"CANARY",)"
        R"("organizationNumber":5,"callbackUrl":"CANARY"},"payment_options":[{"currencies":["CANARY"]}]}})");
    ASSERT_TRUE(job.has_error());
    EXPECT_GE(job.error().size(), 9u);
    for (const auto& fault : job.error()) {
        EXPECT_EQ((fault.message + fault.allowed + fault.pointer).find("CANARY"),
                  std::string::npos);
    }
}

TEST_F(JobFileTest, EachCheckBeyondTheSchemaCanBeSwitchedOff) {
    const std::string country = R"({"case":{"case_for":{},"case_request":{"countryCode":"XX"}}})";
    const std::string number =
        R"({"case":{"case_for":{},"case_request":{"countryCode":"NO","organizationNumber":"1"}}})";
    const std::string callback =
        R"({"case":{"case_for":{},"case_request":{"callbackUrl":"http://example.com"}}})";
    const std::string currency =
        R"({"case":{"case_for":{},"payment_options":[{"currencies":["XYZ"]}]}})";
    for (const auto& text : {country, number, callback, currency}) {
        EXPECT_TRUE(read(text).has_error()) << text;
    }
    checks.country_codes = false;
    good(country);
    checks.organization_numbers = false;
    good(number);
    checks.callback_urls = false;
    good(callback);
    checks.currencies = false;
    good(currency);
}

TEST_F(JobFileTest, OrganizationNumbersOfOtherCountriesAreNotJudged) {
    good(
        R"({"case":{"case_for":{},"case_request":{"countryCode":"SE","organizationNumber":"556036-0793"}}})");
    good(R"({"case":{"case_for":{},"case_request":{"organizationNumber":"1"}}})");
}

TEST_F(JobFileTest, ContentIsTheCaseAndItsReferenceAndNothingElse) {
    const auto base = good(R"({"reference":"r","case":{"case_for":{"a":1,"b":2}}})").content;
    EXPECT_EQ(good(R"({"case":{"case_for":{"b":2.0,"a":1}}, "reference" : "r"})").content, base);
    EXPECT_EQ(
        good(
            R"({"reference":"r","priority":5,"not_before":"2026-11-22T01:04:05Z","account":"T12345678",)"
            R"("case":{"case_for":{"a":1,"b":2}}})")
            .content,
        base);
    EXPECT_EQ(good(R"({"case":{"case_for":{"a":1,"b":2}}})", "r").content, base);
    EXPECT_EQ(
        good(R"({"case":{"case_for":{"a":1,"b":2},"case_request":{"referenceId":"r"}}})").content,
        base);
    EXPECT_NE(good(R"({"reference":"s","case":{"case_for":{"a":1,"b":2}}})").content, base);
    EXPECT_NE(good(R"({"reference":"r","case":{"case_for":{"a":1,"b":3}}})").content, base);
    accounts = {account("T12345678", R"({"products":["checkout"],"case_request":{}})")};
    EXPECT_EQ(good(R"({"reference":"r","case":{"case_for":{"a":1,"b":2}}})").content, base);
}

TEST_F(JobFileTest, BadDefaultsStopTheStart) {
    for (const std::string bad : {"", "[]", "{", R"({"a":1,"a":2})", R"({"a":1e400})"}) {
        accounts = {account("T12345678", bad)};
        EXPECT_THROW(make_job_reader(accounts, checks), config_error) << bad;
    }
}

TEST_F(JobFileTest, SeveralThreadsMayReadAtOnce) {
    const auto reader = make_job_reader(accounts, checks);
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    for (int n = 0; n < 4; ++n) {
        threads.emplace_back([&, n] {
            const auto name = "r" + std::to_string(n);
            for (int i = 0; i < 50; ++i) {
                const auto job = reader->read(R"({"case":{"case_for":{}}})", name, "b");
                const auto bad =
                    reader->read(R"({"case":{"case_for":{},"products":["x"]}})", name, "b");
                wrong += job && job->reference == name && bad.has_error() ? 0 : 1;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(wrong, 0);
}

TEST_F(JobFileTest, TheSchemaIsTheInstalledFile) {
    std::ifstream file(std::filesystem::path(ONBOARDD_SOURCE_DIR) / "etc" / "job.schema.json");
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_EQ(job_schema_text(), text.str());
}

TEST_F(JobFileTest, NaughtyStringsAreValuesNamesAndReferencesWithoutHarm) {
    const auto path = test::corpora() / "blns.json";
    if (!std::filesystem::exists(path)) {
        GTEST_SKIP() << "no naughty strings at " << path << "; set ONBOARDD_CORPORA";
    }
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    const auto reader = make_job_reader(accounts, checks);
    std::size_t references = 0;
    const auto strings = json::parse(json::string_view(text.str()));
    for (const auto& entry : strings.as_array()) {
        const std::string naughty(entry.as_string());
        const json::value body{{"case_for", {{"payout_destination_name", naughty}}}};
        const auto value = reader->read(json::serialize(json::value{{"case", body}}), "r", "b");
        ASSERT_TRUE(value.has_value()) << naughty;
        EXPECT_EQ(json::parse(json::string_view(value->request)).at("case_for"),
                  body.at("case_for"));

        json::object odd_name{{"case_for", json::object()}};
        odd_name[naughty + "x"] = 1;
        const auto name = reader->read(json::serialize(json::value{{"case", odd_name}}), "r", "b");
        ASSERT_TRUE(name.has_value()) << naughty;
        EXPECT_TRUE(
            json::parse(json::string_view(name->request)).as_object().contains(naughty + "x"));

        const json::value job{{"reference", naughty}, {"case", {{"case_for", json::object()}}}};
        const auto reference = reader->read(json::serialize(job), naughty, "b");
        references += reference.has_value() ? 1 : 0;
        if (reference.has_value()) {
            EXPECT_EQ(reference->reference.find_first_of("/\\ \t\r\n\"'<>&%$"), std::string::npos);
            EXPECT_LE(reference->reference.size(), 64u);
        } else {
            EXPECT_EQ(reference.error()[0].pointer, "/reference");
        }
        static_cast<void>(reader->read(naughty, "r", "b"));  // as the whole text
    }
    EXPECT_GT(references, 20u);
}

}  // namespace
}  // namespace onboardd
