#include "onboardd/admin/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onboardd::admin {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Metrics : public testing::Test {
protected:
    std::string text() const {
        return metrics_text({status, seen, {.commits = 3, .rows = 40, .damaged = 2}, spool, now});
    }

    engine_status status;
    measures seen;
    spool_depth spool;
    wall_time now{std::chrono::hours(1000)};
};

TEST_F(Metrics, CountJobsByAccountAndState) {
    account_status account;
    account.id = "T12345678";
    account.by_state[static_cast<std::size_t>(job_state::created)] = 7;
    account.limit = 5;
    account.pause = account_pause::forbidden;
    account.token_obtained_at = now - 10min;
    account.token_expires_at = now + 50min;
    status.accounts = {account};
    status.reached[static_cast<std::size_t>(job_state::unknown)] = 4;
    EXPECT_THAT(text(), HasSubstr("onboardd_jobs{account=\"T12345678\",state=\"created\"} 7\n"));
    EXPECT_THAT(text(), HasSubstr("onboardd_jobs{account=\"T12345678\",state=\"held\"} 0\n"));
    EXPECT_THAT(text(), HasSubstr("onboardd_requests_in_flight_limit{account=\"T12345678\"} 5\n"));
    EXPECT_THAT(text(), HasSubstr("onboardd_account_paused{account=\"T12345678\","
                                  "reason=\"forbidden\"} 1\n"));
    EXPECT_THAT(text(), HasSubstr("onboardd_account_paused{account=\"T12345678\","
                                  "reason=\"credential_refused\"} 0\n"));
    EXPECT_THAT(text(), HasSubstr("onboardd_token_age_seconds{account=\"T12345678\"} 600\n"));
    EXPECT_THAT(text(),
                HasSubstr("onboardd_token_remaining_seconds{account=\"T12345678\"} 3000\n"));
    EXPECT_THAT(text(), HasSubstr("\nonboardd_unknown_total 4\n"));
    EXPECT_THAT(text(), HasSubstr("\nonboardd_ledger_damaged_jobs 2\n"));
    EXPECT_THAT(text(), HasSubstr("\nonboardd_ready 0\n"));
}

TEST_F(Metrics, HistogramsAddUp) {
    seen.request_time.observe(50ms);
    seen.request_time.observe(60ms);
    seen.request_time.observe(2min);
    seen.request_time.observe(-1s);
    EXPECT_THAT(text(), HasSubstr("onboardd_request_seconds_bucket{le=\"0.001\"} 1\n"));
    EXPECT_THAT(text(), HasSubstr("onboardd_request_seconds_bucket{le=\"0.05\"} 2\n"))
        << "a bound belongs to its bucket";
    EXPECT_THAT(text(), HasSubstr("onboardd_request_seconds_bucket{le=\"0.1\"} 3\n"));
    EXPECT_THAT(text(), HasSubstr("onboardd_request_seconds_bucket{le=\"60\"} 3\n"));
    EXPECT_THAT(text(), HasSubstr("onboardd_request_seconds_bucket{le=\"+Inf\"} 4\n"));
    EXPECT_THAT(text(), HasSubstr("onboardd_request_seconds_count 4\n"));
    EXPECT_THAT(text(), HasSubstr("onboardd_request_seconds_sum 120.11"));
}

TEST_F(Metrics, TellReasonsAndWhatWaitsInTheSpool) {
    seen.retries[static_cast<std::size_t>(retry_reason::too_many)].add(3);
    seen.reconciled[static_cast<std::size_t>(reconciliation::found)].add(2);
    spool.files = 12;
    spool.oldest = now - 90s;
    status.short_of_room = {"the disk is full"};
    EXPECT_THAT(text(), HasSubstr("onboardd_retries_total{reason=\"too_many_requests\"} 3\n"));
    EXPECT_THAT(text(), HasSubstr("onboardd_reconciled_total{result=\"found\"} 2\n"));
    EXPECT_THAT(text(), HasSubstr("\nonboardd_spool_files 12\n"));
    EXPECT_THAT(text(), HasSubstr("\nonboardd_spool_oldest_file_age_seconds 90\n"));
    EXPECT_THAT(text(), HasSubstr("\nonboardd_short_of_room 1\n"));
}

}  // namespace
}  // namespace onboardd::admin
