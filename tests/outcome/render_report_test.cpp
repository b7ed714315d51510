#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <sstream>

#include "onboardd/outcome/outcome.hpp"
#include "outcome/sample.hpp"

namespace onboardd {
namespace {

batch_summary a_summary() {
    batch_summary out;
    out.batch = "2026-11-22";
    out.first_received_at = test::received;
    out.last_finished_at = test::received + milliseconds(4000);
    out.tallies = {
        {"T12345678", job_state::created, "", 6, 7},
        {"T12345678", job_state::rejected, "refused 400 invalid_parameter: countryCode", 2, 2},
        {"P00000001", job_state::rejected, "refused 400 invalid_parameter: countryCode", 1, 1},
        {"P00000001", job_state::rejected, "invalid_job: no case", 4, 0},
        {"P00000001", job_state::expired, "expired", 1, 3},
        {"P00000001", job_state::held, "", 1, 0},
    };
    return out;
}

TEST(RenderReport, WhatWentWrongWithAnOpenJobIsNoRefusal) {
    auto summary = a_summary();
    summary.tallies.push_back(
        {"T12345678", job_state::unknown, "refused: the answer was lost", 9, 9});
    summary.tallies.push_back({"T12345678", job_state::deferred, "refused 429: slow down", 8, 8});
    summary.tallies.push_back({"T12345678", job_state::deferred, "refused", 7, 7});
    const auto text = render_report_json(summary);
    for (const auto* line : {R"("state": "unknown", "reason": "the answer was lost")",
                             R"("state": "deferred", "reason": "429: slow down")",
                             R"("state": "deferred", "reason": "refused")",
                             R"("state": "rejected", "reason": "refused 400 invalid)"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << "\nis not in\n" << text;
    }
}

TEST(RenderReport, WritesTheWholeReport) {
    EXPECT_EQ(render_report_json(a_summary()), R"({
  "schema": "onboardd/report/1",
  "batch": "2026-11-22",
  "received": 15,
  "created": 6,
  "rejected": 7,
  "expired": 1,
  "conflict": 0,
  "cancelled": 0,
  "held": 1,
  "open": 0,
  "attempts": 13,
  "first_received_at": "2026-11-22T01:00:00Z",
  "last_finished_at": "2026-11-22T01:00:04Z",
  "seconds": 4.000,
  "rate_per_second": 3.50,
  "by_reason": [
    {"jobs": 4, "state": "rejected", "reason": "invalid_job: no case"},
    {"jobs": 3, "state": "rejected", "reason": "refused 400 invalid_parameter: countryCode"},
    {"jobs": 1, "state": "expired", "reason": "expired"}
  ],
  "by_account": [
    {"account": "P00000001", "received": 7, "created": 0, "rejected": 5, "expired": 1, "conflict": 0, "cancelled": 0, "held": 1, "open": 0, "attempts": 4},
    {"account": "T12345678", "received": 8, "created": 6, "rejected": 2, "expired": 0, "conflict": 0, "cancelled": 0, "held": 0, "open": 0, "attempts": 9}
  ],
  "top_refusals": [
    {"jobs": 4, "state": "rejected", "reason": "invalid_job: no case"},
    {"jobs": 3, "state": "rejected", "reason": "refused 400 invalid_parameter: countryCode"}
  ]
}
)");
}

TEST(RenderReport, WritesTheSameTotalsForPeople) {
    EXPECT_EQ(render_report_text(a_summary()),
              "batch           2026-11-22\n"
              "first received  2026-11-22T01:00:00Z\n"
              "last finished   2026-11-22T01:00:04Z\n"
              "seconds         4.000\n"
              "jobs a second   3.50\n"
              "\n"
              "account      received    created   rejected    expired   conflict  cancelled       "
              "held       open   attempts\n"
              "P00000001           7          0          5          1          0          0        "
              "  1          0          4\n"
              "T12345678           8          6          2          0          0          0        "
              "  0          0          9\n"
              "all                15          6          7          1          0          0        "
              "  1          0         13\n"
              "\n"
              "most frequent refusals\n"
              "          4  rejected  invalid_job: no case\n"
              "          3  rejected  refused 400 invalid_parameter: countryCode\n"
              "\n"
              "all reasons\n"
              "          4  rejected  invalid_job: no case\n"
              "          3  rejected  refused 400 invalid_parameter: countryCode\n"
              "          1  expired  expired\n");
}

TEST(RenderReport, ReceivedIsTheSumOfTheStatesWhicheverTheyAre) {
    batch_summary summary;
    summary.batch = "all";
    std::uint64_t jobs = 1;
    std::int64_t sum = 0;
    for (const auto state : all_job_states) {
        summary.tallies.push_back({"T12345678", state, "", jobs, 1});
        sum += static_cast<std::int64_t>(jobs);
        jobs *= 2;
    }
    const auto report = boost::json::parse(render_report_json(summary));
    std::int64_t columns = 0;
    for (const char* name :
         {"created", "rejected", "expired", "conflict", "cancelled", "held", "open"}) {
        columns += report.at(name).as_int64();
        EXPECT_EQ(report.at(name), report.at("by_account").at(0).at(name)) << name;
    }
    EXPECT_EQ(report.at("received").as_int64(), sum);
    EXPECT_EQ(columns, sum);
    EXPECT_EQ(report.at("created").as_int64(), 32);
    EXPECT_EQ(report.at("open").as_int64(), 1 + 2 + 4 + 8 + 16) << "queued to accepted";
    EXPECT_EQ(report.at("held").as_int64(), 512);
}

TEST(RenderReport, NamesTheTenMostFrequentRefusals) {
    batch_summary summary;
    for (std::uint64_t i = 1; i <= 12; ++i) {
        summary.tallies.push_back(
            {"T12345678", job_state::rejected, "reason " + std::to_string(i), i, i});
    }
    summary.tallies.push_back({"T12345678", job_state::conflict, "conflict", 100, 0});
    const auto report = boost::json::parse(render_report_json(summary));
    const auto& top = report.at("top_refusals").as_array();
    ASSERT_EQ(top.size(), 10U);
    EXPECT_EQ(top.front().at("reason").as_string(), "reason 12");
    EXPECT_EQ(top.back().at("reason").as_string(), "reason 3");
    EXPECT_EQ(report.at("by_reason").as_array().size(), 13U);
}

TEST(RenderReport, SaysNothingOfTimeWhereNothingIsKnown) {
    auto summary = a_summary();
    summary.last_finished_at.reset();
    auto report = boost::json::parse(render_report_json(summary));
    EXPECT_TRUE(report.at("last_finished_at").is_null());
    EXPECT_TRUE(report.at("seconds").is_null());
    EXPECT_TRUE(report.at("rate_per_second").is_null());
    summary.last_finished_at = test::received - milliseconds(1);  // the clock was set back
    report = boost::json::parse(render_report_json(summary));
    EXPECT_TRUE(report.at("seconds").is_null());
    summary.last_finished_at = test::received;
    report = boost::json::parse(render_report_json(summary));
    EXPECT_EQ(report.at("seconds").as_double(), 0.0);
    EXPECT_TRUE(report.at("rate_per_second").is_null());
}

TEST(RenderReport, StandsAnEmptyBatchAndNastyNames) {
    batch_summary summary;
    summary.batch = "a\"\x1b[2J\n\xFF";
    auto report = boost::json::parse(render_report_json(summary));
    EXPECT_EQ(report.at("received").as_int64(), 0);
    EXPECT_TRUE(report.at("by_account").as_array().empty());
    summary.tallies = {{"T1\n", job_state::rejected, "said \"\x1b\xFF\"\n", 1, 1}};
    report = boost::json::parse(render_report_json(summary));
    EXPECT_EQ(report.at("top_refusals").at(0).at("reason").as_string(), "said \"\x1b\\xff\"\n");
    const auto text = render_report_text(summary);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_NE(text.find("said \"\\x1b\\xff\"\\x0a\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace onboardd
