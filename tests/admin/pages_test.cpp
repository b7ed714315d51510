#include "onboardd/admin/pages.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace onboardd::admin {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

wall_time one_o_clock() {
    return wall_time{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}} + 1h;
}

account_status account(const char* id, account_pause pause = account_pause::none) {
    account_status made;
    made.id = id;
    made.pause = pause;
    if (pause != account_pause::none) {
        made.paused_until = one_o_clock() + 30s;
    }
    return made;
}

batch_progress a_batch() {
    batch_summary summary;
    summary.batch = "2026-11-22";
    summary.tallies = {
        {"T1", job_state::created, "", 70, 70},
        {"T1", job_state::queued, "", 20, 0},
        {"T1", job_state::rejected, "refused 400 invalid: organization 987654325", 3, 3},
        {"T2", job_state::rejected, "refused 400 invalid: organization 987654333", 2, 2},
        {"T2", job_state::expired, "expired", 1, 0},
    };
    return condense(summary);
}

TEST(Readiness, IsThereWhereNothingIsWrong) {
    engine_status status;
    status.accounts = {account("T12345678")};
    EXPECT_EQ(not_ready_reasons(status), std::vector<std::string>{});
}

TEST(Readiness, GoesWhenEveryAccountIsPausedAndNotBefore) {
    engine_status status;
    status.accounts = {account("T1", account_pause::credential_refused),
                       account("T2", account_pause::asked_to_wait)};
    EXPECT_EQ(not_ready_reasons(status), std::vector<std::string>{})
        << "an account that was asked to wait is at work";
    status.accounts[1].pause = account_pause::forbidden;
    EXPECT_EQ(not_ready_reasons(status),
              (std::vector<std::string>{"account T1 is paused: the credential is refused",
                                        "account T2 is paused: the provider answers 403"}));
    status.accounts[1].pause = account_pause::by_operator;
    EXPECT_EQ(not_ready_reasons(status).size(), 2u);
    status.accounts.push_back(account("T3"));
    status.accounts.back().configured = false;
    EXPECT_EQ(not_ready_reasons(status).size(), 2u) << "T3 is nobody's";
}

TEST(Readiness, GoesWithTheLedgerAndWithTheRoomOnTheDisk) {
    engine_status status;
    status.ledger_failure = "disk I/O error";
    status.short_of_room = {"the ledger's disk is full"};
    EXPECT_EQ(not_ready_reasons(status),
              (std::vector<std::string>{"the ledger failed: disk I/O error",
                                        "nothing new is taken in: the ledger's disk is full"}));
}

TEST(StatusJson, TellsAllOfTheStatus) {
    overview shown;
    auto& status = shown.status;
    status.by_state[static_cast<std::size_t>(job_state::created)] = 7;
    status.by_state[static_cast<std::size_t>(job_state::deferred)] = 2;
    status.reached[static_cast<std::size_t>(job_state::created)] = 3;
    status.refused_files = 4;
    status.left_files = 5;
    status.in_flight = 6;
    status.intake_idle = true;
    status.outcomes_owed = true;
    status.provider_failing = true;
    status.started_at = one_o_clock() - 1h;
    auto busy = account("T1");
    busy.token_obtained_at = one_o_clock() - 1h;
    busy.token_expires_at = one_o_clock() + 3h;
    busy.limit = 8;
    busy.limit_max = 64;
    busy.in_flight = 6;
    busy.requests_per_second_max = 2.5;
    busy.window = time_window{std::chrono::minutes(60), std::chrono::minutes(330), "Europe/Oslo"};
    busy.window_open = false;
    busy.window_opens_at = one_o_clock() + 2h;
    auto refused = account("T2", account_pause::credential_refused);
    refused.token_failure = "HTTP status 401";
    refused.token_next_try_at = one_o_clock() + 30s;
    status.accounts = {busy, refused};

    shown.now = one_o_clock();
    shown.batches.push_back(a_batch());
    shown.reports = {{"2026-11-21", one_o_clock()}};
    const auto text = status_json(shown);
    EXPECT_TRUE(text.ends_with("}\n"));
    const auto out = json::parse(text);
    EXPECT_EQ(out.at("schema"), "onboardd/status/1");
    EXPECT_EQ(out.at("now"), "2026-11-22T01:00:00Z");
    EXPECT_EQ(out.at("started_at"), "2026-11-22T00:00:00Z");
    EXPECT_EQ(out.at("ready"), true);
    EXPECT_EQ(out.at("open"), 2);
    EXPECT_EQ(out.at("in_flight"), 6);
    EXPECT_EQ(out.at("jobs").at("created"), 7);
    EXPECT_EQ(out.at("jobs").as_object().size(), std::size(all_job_states));
    EXPECT_EQ(out.at("since_start").at("created"), 3);
    EXPECT_EQ(out.at("intake").at("refused"), 4);
    EXPECT_EQ(out.at("intake").at("left"), 5);
    EXPECT_EQ(out.at("outcomes").at("owed"), true);
    EXPECT_EQ(out.at("provider").at("failing"), true);
    EXPECT_TRUE(out.at("provider").at("next_probe_at").is_null());
    const auto& first = out.at("accounts").at(0);
    EXPECT_EQ(first.at("id"), "T1");
    EXPECT_EQ(first.at("limit"), 8);
    EXPECT_EQ(first.at("requests_per_second_max"), 2.5);
    EXPECT_EQ(first.at("token").at("expires_at"), "2026-11-22T04:00:00Z");
    EXPECT_TRUE(first.at("token_failure").is_null());
    EXPECT_TRUE(first.at("pause").is_null());
    EXPECT_EQ(first.at("window").at("text"), "01:00-05:30 Europe/Oslo");
    EXPECT_EQ(first.at("window").at("opens_at"), "2026-11-22T03:00:00Z");
    const auto& second = out.at("accounts").at(1);
    EXPECT_TRUE(second.at("token").is_null());
    EXPECT_EQ(second.at("token_failure").at("reason"), "HTTP status 401");
    EXPECT_EQ(second.at("token_failure").at("next_try_at"), "2026-11-22T01:00:30Z");
    EXPECT_EQ(second.at("pause").at("kind"), "credential_refused");
    EXPECT_EQ(second.at("pause").at("reason"), "the credential is refused");
    EXPECT_EQ(second.at("pause").at("next_try_at"), "2026-11-22T01:00:30Z");
    const auto& batch = out.at("batches").at(0);
    EXPECT_EQ(batch.at("name"), "2026-11-22");
    EXPECT_EQ(batch.at("jobs").at("created"), 70);
    EXPECT_EQ(batch.at("refusals").at(0).at("reason"), "refused 400 invalid");
    EXPECT_EQ(batch.at("refusals").at(0).at("jobs"), 5);
    EXPECT_TRUE(batch.at("seconds_left").is_null());
    EXPECT_EQ(out.at("reports").at(0), "2026-11-21");
}

}  // namespace
}  // namespace onboardd::admin
