#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "outcome/sample.hpp"

namespace onboardd {
namespace {

using test::a_created_job;
using test::a_job;

TEST(RenderOutcome, WritesACreatedJobAsTheContractShowsIt) {
    EXPECT_EQ(render_outcome(a_created_job()), R"({
  "schema": "onboardd/outcome/1",
  "revision": 1,
  "account": "T12345678",
  "reference": "seller-0001",
  "batch": "2026-11-22",
  "state": "created",
  "case": {
    "id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
    "case_id": "c-881",
    "contract_url": "https://onboarding.example.com/c-881",
    "case_status": "WAITING_FOR_DECLARATION",
    "created_at": "2026-11-22T01:04:05Z"
  },
  "error": null,
  "attempts": 1,
  "received_at": "2026-11-22T01:00:00Z",
  "submitted_at": "2026-11-22T01:00:01.500Z",
  "finished_at": "2026-11-22T01:00:02Z"
}
)");
}

TEST(RenderOutcome, WritesARefusalWithTheProvidersOwnWords) {
    auto row = a_job(job_state::rejected);
    row.error = job_error{error_kind::refused,
                          400,
                          "invalid_parameter",
                          "countryCode is wrong",
                          R"([{"path":"countryCode","limits":[],"n":1.50e+02},{}])",
                          "countryCode"};
    EXPECT_EQ(render_outcome(row), R"({
  "schema": "onboardd/outcome/1",
  "revision": 1,
  "account": "T12345678",
  "reference": "seller-0001",
  "batch": "2026-11-22",
  "state": "rejected",
  "case": null,
  "error": {
    "kind": "refused",
    "http_status": 400,
    "code": "invalid_parameter",
    "message": "countryCode is wrong",
    "details": [
      {
        "path": "countryCode",
        "limits": [],
        "n": 1.50e+02
      },
      {}
    ],
    "field": "countryCode"
  },
  "attempts": 1,
  "received_at": "2026-11-22T01:00:00Z",
  "submitted_at": "2026-11-22T01:00:01.500Z",
  "finished_at": "2026-11-22T01:00:02Z"
}
)");
}

TEST(RenderOutcome, WritesNullForWhatIsNotKnown) {
    auto row = a_job(job_state::expired);
    row.error = job_error{error_kind::expired, 0, "", "", "", ""};
    row.submitted_at.reset();
    row.finished_at.reset();
    row.attempts = 0;
    EXPECT_EQ(render_outcome(row), R"({
  "schema": "onboardd/outcome/1",
  "revision": 1,
  "account": "T12345678",
  "reference": "seller-0001",
  "batch": "2026-11-22",
  "state": "expired",
  "case": null,
  "error": {
    "kind": "expired",
    "http_status": null,
    "code": null,
    "message": null,
    "details": null,
    "field": null
  },
  "attempts": 0,
  "received_at": "2026-11-22T01:00:00Z",
  "submitted_at": null,
  "finished_at": null
}
)");
}

TEST(RenderOutcome, WritesAnAcceptedCaseWithoutItsUrl) {
    auto row = a_job(job_state::accepted);
    row.the_case.id = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
    const auto text = render_outcome(row);
    EXPECT_NE(
        text.find(
            "\"id\": \"3c90c3cc-0d44-4b50-8888-8dd25736052a\",\n    \"case_id\": null,\n"
            "    \"contract_url\": null,\n    \"case_status\": null,\n    \"created_at\": null\n"),
        std::string::npos)
        << text;
}

TEST(RenderOutcome, KeepsKeysAndOrderInEveryState) {
    for (const auto state : all_job_states) {
        auto row = a_created_job();
        row.state = state;
        row.error = job_error{error_kind::conflict, 0, "", "two cases", "", ""};
        const auto value = boost::json::parse(render_outcome(row)).as_object();
        std::string keys;
        for (const auto& member : value) {
            keys.append(member.key()).append(" ");
        }
        EXPECT_EQ(keys,
                  "schema revision account reference batch state case error attempts received_at "
                  "submitted_at finished_at ");
        EXPECT_EQ(value.at("state").as_string(), boost::json::string_view(to_string(state)));
        std::string error_keys;
        for (const auto& member : value.at("error").as_object()) {
            error_keys.append(member.key()).append(" ");
        }
        EXPECT_EQ(error_keys, "kind http_status code message details field ");
    }
}

const std::string nasty[] = {
    R"("quotes" and \ backslashes / slashes)",
    std::string("zero \0 inside", 13),
    "line\nend\r\ttab",
    "\x1b[2J\x07",
    "K\xC3\xA5re \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80",
    "\u202eoverride",  // NOLINT(misc-misleading-bidirectional): nobody is misled by an escape
    "\u009bC1",
    "Latin-1 \xE5 and a cut \xE6\x97",
    "</script><!-- ${x} $(x) `x` %s %n ' OR 1=1 --",
    std::string(100'000, 'x'),
};

TEST(RenderOutcome, IsValidJsonWhateverTheProviderSays) {
    for (const auto& text : nasty) {
        auto row = a_created_job();
        row.batch = text;
        row.the_case.contract_url = text;
        row.the_case.case_status = text;
        row.error = job_error{error_kind::refused, 400, text, text, text, text};
        boost::json::error_code ec;
        const auto value = boost::json::parse(render_outcome(row), ec);
        ASSERT_FALSE(ec) << text.substr(0, 60);
        const bool intact = text.find('\xE5') == std::string::npos || text.find("K\xC3") == 0;
        if (intact) {
            EXPECT_EQ(value.at("error").at("message").as_string(), text);
            EXPECT_EQ(value.at("error").at("details").as_string(), text)
                << "no JSON: passed on as a string";
        }
    }
}

TEST(RenderOutcome, ShowsATerminalNothingThatDrivesIt) {
    auto row = a_created_job();
    // NOLINTBEGIN(misc-misleading-bidirectional)
    row.error = job_error{error_kind::refused,          400, "", "\x1b[2J \xC2\x9B \xE2\x80\xAE",
                          "[\"\xC2\x9B\xE2\x80\xAE\"]", ""};
    // NOLINTEND(misc-misleading-bidirectional)
    const auto text = render_outcome(row);
    EXPECT_NE(text.find("\\u001b[2J \\u009b \\u202e"), std::string::npos);
    EXPECT_NE(text.find("\"\\u009b\\u202e\""), std::string::npos);
    for (const char byte : text) {
        EXPECT_TRUE(byte == '\n' || (byte >= ' ' && byte < '\x7F'));
    }
}

TEST(RenderOutcome, PassesDetailsOnWhole) {
    const std::string rows[] = {
        "{}",
        "[]",
        "null",
        "true",
        "-0.0",
        "12345678901234567890123",
        R"("a \" b , [ { : \\")",
        R"( { "a" : [ 1 , { "b" : "x:,[]{}\\" } ] , "a" : 2 , "":[[],{}, [ ] , { } ] } )",
        std::string(30, '[') + std::string(30, ']')};
    for (const auto& details : rows) {
        auto row = a_job(job_state::rejected);
        row.error = job_error{error_kind::refused, 400, "", "", details, ""};
        const auto value = boost::json::parse(render_outcome(row));
        EXPECT_EQ(boost::json::serialize(value.at("error").at("details")),
                  boost::json::serialize(boost::json::parse(details)));
    }
    auto row = a_job(job_state::rejected);
    row.error = job_error{error_kind::refused, 400, "", "", "[12345678901234567890123, 1.10]", ""};
    const auto text = render_outcome(row);
    EXPECT_NE(text.find("\n      12345678901234567890123,\n      1.10\n"), std::string::npos)
        << "all digits";
}

TEST(RenderOutcome, IsTheSameEachTime) {
    EXPECT_EQ(render_outcome(a_created_job()), render_outcome(a_created_job()));
}

}  // namespace
}  // namespace onboardd
