#include "onboardd/provider/cdd_case.hpp"

#include <gtest/gtest.h>

namespace onboardd {
namespace {

// The sample answer of the provider's page, with every member it shows.
constexpr const char* sample_answer = R"({
  "case_for": {"account_id": "<string>", "payout_destination_id": "<string>", "payout_destination_name": "<string>",
    "payout_destination_description": "<string>", "payout_reference": "<string>"},
  "products": ["payout"],
  "case_request": {"checks": ["KYC"], "countryCode": "<string>", "organizationNumber": "923609016",
    "requireContractSigning": true, "details": {}, "callbackUrl": "<string>", "referenceId": "seller-1"},
  "account_id": "T12345678",
  "events": [{"id": 123, "request_id": "<string>", "event": "case_created", "created_at": "2023-11-07T05:31:56Z",
    "case_status": "ACTIVE", "error": "<string>", "case": {},
    "created": {"case_id": "c-881", "contract_url": "https://sign.example/c-881"}}],
  "id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
  "created_at": "2023-11-07T05:31:56Z", "created_by": "1c92f7e1-2897-4d46-bdcc-c127a914fb4e",
  "updated_at": "2023-11-07T05:31:56Z", "deleted_by": "1c92f7e1-2897-4d46-bdcc-c127a914fb4e",
  "deleted_at": "2023-11-07T05:31:56Z", "package": "<string>", "actions_on_approval": ["enable_payout_account"],
  "payment_options": [{"currencies": ["NOK"], "type": "dintero.zero"}]})";

TEST(CddCase, ReadsTheSampleAnswerOfTheProvider) {
    const auto found = parse_case(sample_answer);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->facts.id, "3c90c3cc-0d44-4b50-8888-8dd25736052a");
    EXPECT_EQ(found->facts.case_id, "c-881");
    EXPECT_EQ(found->facts.contract_url, "https://sign.example/c-881");
    EXPECT_EQ(found->facts.case_status, "ACTIVE");
    EXPECT_EQ(found->facts.created_at, "2023-11-07T05:31:56Z");
    EXPECT_EQ(found->account_id, "T12345678");
    EXPECT_EQ(found->reference, "seller-1");
    EXPECT_EQ(found->organization_number, "923609016");
    EXPECT_EQ(found->products, std::vector<std::string>{"payout"});
}

TEST(CddCase, TheNewestEventWinsWhateverTheirOrder) {
    const auto found = parse_case(R"({"id": "a", "events": [
        {"id": 3, "case_status": "ACTIVE"},
        {"id": 1, "case_status": "WAITING_FOR_DECLARATION", "created": {"case_id": "old", "contract_url": "https://x/old"}},
        {"id": 2, "created": {"case_id": "new", "contract_url": "https://x/new"}},
        {"id": 4, "created": {"case_id": "", "contract_url": ""}, "case_status": ""}]})");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->facts.case_status, "ACTIVE");
    EXPECT_EQ(found->facts.case_id, "new");
    EXPECT_EQ(found->facts.contract_url, "https://x/new");
}

TEST(CddCase, EventsWithoutIdsAreOrderedByTime) {
    const auto found = parse_case(R"({"id": "a", "events": [
        {"created_at": "2026-02-01T00:00:00Z", "case_status": "ACTIVE"},
        {"created_at": "2026-01-01T00:00:00Z", "case_status": "WAITING_FOR_DETAILS"}]})");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->facts.case_status, "ACTIVE");
}

TEST(CddCase, KeepsAStatusThatNobodyKnows) {
    const auto found =
        parse_case(R"({"id": "a", "events": [{"id": 1, "case_status": "BRAND_NEW"}]})");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->facts.case_status, "BRAND_NEW");
}

TEST(CddCase, ToleratesMissingAndOddMembers) {
    const auto found =
        parse_case(R"({"id": "a", "events": "none", "products": 7, "case_request": []})");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->facts.contract_url, "");
    EXPECT_FALSE(found->products);
    EXPECT_FALSE(found->organization_number);
}

TEST(CddCase, WithoutAUsableIdThereIsNoCase) {
    const std::string long_id(case_id_bytes_max + 1, 'a');
    for (const std::string text :
         {"", "null", "[]", "{}", "{", "{\"id\": 7}", R"({"id": ""})", R"({"id": "a/b"})",
          R"({"id": "a\nb"})", R"({"id": "..%2f"})", "<html></html>", R"({"id": "\u00e5"})"}) {
        EXPECT_FALSE(parse_case(text)) << text;
    }
    EXPECT_FALSE(parse_case("{\"id\": \"" + long_id + "\"}"));
    EXPECT_TRUE(parse_case("{\"id\": \"" + long_id.substr(1) + "\"}"));
}

TEST(CddCase, ALinkThatIsNotPlainHttpsIsAbsent) {
    const auto link_of = [](const std::string& url) {
        const auto found = parse_case(
            R"({"id": "a", "events": [{"id": 1, "created": {"contract_url": ")" + url + "\"}}]}");
        return found ? found->facts.contract_url : "no case";
    };
    EXPECT_EQ(link_of("https://sign.example/x?y=1#z"), "https://sign.example/x?y=1#z");
    for (const char* bad : {"http://sign.example/", "https://user:pw@sign.example/",
                            "javascript:alert(1)", "https://", "https:///path", "https://a b/",
                            "https://a\\u0007/", "https://a/\\u202e", "//a/", "HTTPS"}) {
        EXPECT_EQ(link_of(bad), "") << bad;
    }
    EXPECT_EQ(link_of("https://a/" + std::string(contract_url_bytes_max, 'x')), "");
}

TEST(ProviderError, ReadsTheEnvelope) {
    const auto said = parse_error(
        R"({"error": {"message": "Bad input", "code": "invalid_parameter", "errors": [{"field": "products", "why": [1]}]}})");
    EXPECT_EQ(said.message, "Bad input");
    EXPECT_EQ(said.code, "invalid_parameter");
    EXPECT_EQ(said.details, R"([{"field":"products","why":[1]}])");
    EXPECT_EQ(said.field, "products");
}

TEST(ProviderError, IsEmptyForAnythingElse) {
    for (const char* text :
         {"", "<html>", "{}", R"({"error": "no"})", "[1]", R"({"error": {"message": 7}})"}) {
        const auto said = parse_error(text);
        EXPECT_EQ(said.message + said.code + said.details + said.field, "") << text;
    }
}

}  // namespace
}  // namespace onboardd
