#include "daemon/admin/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/admin/html.hpp"
#include "onboardd/admin/pages.hpp"

namespace onboardd::admin {
namespace {

using namespace std::chrono_literals;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

const std::string hostile = "<script>alert('1')</script>\"&{{script}}\x01";

wall_time one_o_clock() {
    return wall_time{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}} + 1h;
}

overview a_night() {
    overview now;
    now.now = one_o_clock();
    now.status.started_at = one_o_clock() - 1h;
    batch_progress batch;
    batch.name = "2026-11-22";
    batch.by_state[static_cast<std::size_t>(job_state::created)] = 1234;
    batch.by_state[static_cast<std::size_t>(job_state::queued)] = 766;
    batch.open_in["T12345678"] = 766;
    batch.first_received_at = one_o_clock() - 30min;
    batch.refusals = {{"refused 400 invalid", 7}};
    now.batches = {batch};
    account_status account;
    account.id = "T12345678";
    account.limit = 64;
    account.by_state[static_cast<std::size_t>(job_state::held)] = 17;
    account.token_obtained_at = one_o_clock() - 10min;
    account.token_expires_at = one_o_clock() + 50min;
    now.status.accounts = {account};
    now.reports = {{"2026-11-21", one_o_clock() - 24h}};
    for (int i = 0; i < 20; ++i) {
        now.rate.sample(steady_time(i * 5s), one_o_clock() + i * 5s, static_cast<unsigned>(i) * 10);
    }
    return now;
}

std::string between(const std::string& text, const std::string& from, const std::string& to) {
    const auto begin = text.find(from) + from.size();
    return text.substr(begin, text.find(to, begin) - begin);
}

TEST(Page, ShowsTheNight) {
    const auto page = render_page(a_night());
    EXPECT_THAT(page, HasSubstr("1,234 of 2,000 jobs ended"));
    EXPECT_THAT(page, HasSubstr("61&nbsp;%"));
    EXPECT_THAT(page, HasSubstr("about 6 min left")) << "766 jobs at two per second";
    EXPECT_THAT(page, HasSubstr("T12345678"));
    EXPECT_THAT(page, HasSubstr("data-label=\"Held\">17<"));
    EXPECT_THAT(page, HasSubstr("valid for 50 min"));
    EXPECT_THAT(page, HasSubstr("refused 400 invalid"));
    EXPECT_THAT(page, HasSubstr("href=\"reports/2026-11-21.txt\""));
    EXPECT_THAT(page, HasSubstr("<polyline"));
    EXPECT_THAT(page, HasSubstr(">ready</span>"));
    EXPECT_THAT(page, Not(HasSubstr("Wants a look")));
}

TEST(Page, TellsWhatWantsALook) {
    auto now = a_night();
    now.status.short_of_room = {"the ledger's disk is full"};
    now.status.provider_failing = true;
    now.status.accounts[0].pause = account_pause::credential_refused;
    now.status.accounts[0].paused_until = one_o_clock() + 5min;
    const auto page = render_page(now);
    EXPECT_THAT(page, HasSubstr(">not ready</span>"));
    EXPECT_THAT(page, HasSubstr("the ledger&#39;s disk is full"));
    EXPECT_THAT(page, HasSubstr("the provider fails again and again"));
    EXPECT_THAT(page, HasSubstr("the credential is refused</span>"));
    EXPECT_THAT(page, HasSubstr(">01:05</time>"));
}

TEST(Page, IsWholeWithoutAnythingToShow) {
    overview empty;
    empty.now = one_o_clock();
    const auto page = render_page(empty);
    EXPECT_THAT(page, HasSubstr("Nothing to do"));
    EXPECT_THAT(page, HasSubstr("</html>"));
    EXPECT_THAT(page, Not(HasSubstr("nan")));
}

TEST(Page, EscapesWhateverComesFromOutside) {
    auto now = a_night();
    now.batches[0].name = hostile;
    now.batches[0].refusals = {{hostile, 1}};
    now.status.accounts[0].id = hostile;
    now.status.short_of_room = {hostile};
    now.reports[0].name = hostile;
    const auto page = render_page(now);
    EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
    EXPECT_THAT(page, Not(HasSubstr("\x01")));
    EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;"));
    std::size_t shown = 0;
    for (auto at = page.find("{{script}}"); at != std::string::npos;
         at = page.find("{{script}}", at + 1)) {
        ++shown;
    }
    EXPECT_EQ(shown, 7u) << "what looks like a place to be filled is text: in five places, and a "
                            "report is linked twice";
}

TEST(Page, MayLoadNothingButItsOwnStyleAndScript) {
    const auto page = render_page(a_night());
    EXPECT_THAT(page, Not(ContainsRegex("(src|href)=\"(https?:)?//")));
    EXPECT_THAT(page, Not(HasSubstr(" style=\"")));
    EXPECT_THAT(page, Not(ContainsRegex(" on[a-z]+=\"")));
    EXPECT_EQ(between(page, "<style>", "</style>"), page_style);
    EXPECT_EQ(between(page, "<script>", "</script>"), page_script);
    EXPECT_THAT(page_policy(), HasSubstr("default-src 'none'; style-src 'sha256-"));
    EXPECT_THAT(page_policy(), Not(HasSubstr("unsafe")));
}

TEST(Html, WordsForNumbersAndTimes) {
    EXPECT_EQ(html::count(0), "0");
    EXPECT_EQ(html::count(999), "999");
    EXPECT_EQ(html::count(1000), "1,000");
    EXPECT_EQ(html::count(1234567), "1,234,567");
    EXPECT_EQ(html::rate(0.44), "0.4");
    EXPECT_EQ(html::rate(9.96), "10");
    EXPECT_EQ(html::rate(1234.4), "1,234");
    EXPECT_EQ(html::duration(59s), "59 s");
    EXPECT_EQ(html::duration(90s), "2 min");
    EXPECT_EQ(html::duration(3h + 5min), "3 h 05 min");
    EXPECT_EQ(html::duration(52h), "2 d 4 h");
    EXPECT_EQ(html::time(one_o_clock(), one_o_clock()),
              "<time datetime=\"2026-11-22T01:00:00Z\">01:00</time>");
    EXPECT_EQ(html::time(one_o_clock() - 2h, one_o_clock()),
              "<time datetime=\"2026-11-21T23:00:00Z\">2026-11-21 23:00</time>");
    EXPECT_EQ(html::percent(0, 0), "0&nbsp;%");
    EXPECT_EQ(html::percent(999, 1000), "99&nbsp;%") << "not before all is done";
}

TEST(RateHistory, KeepsADayInFewPointsAndTheRateOfLate) {
    rate_history history;
    EXPECT_EQ(history.recent_per_second(), 0);
    std::uint64_t ended = 0;
    for (int i = 0; i < 86400 / 5; ++i) {
        history.sample(steady_time(i * 5s), one_o_clock() + i * 5s, ended);
        ended += i < 8640 ? 10 : 50;
    }
    EXPECT_LE(history.points().size(), rate_history::points_max);
    EXPECT_GE(history.points().size(), rate_history::points_max / 2 - 1);
    EXPECT_NEAR(history.recent_per_second(), 10, 0.01);
    EXPECT_NEAR(history.points().front().per_second, 2, 0.01);
    EXPECT_NEAR(history.points().back().per_second, 10, 0.01);
    EXPECT_EQ(history.points().front().at, one_o_clock());
    EXPECT_NEAR(static_cast<double>(history.points().size()) *
                    std::chrono::duration<double>(history.step()).count(),
                86400, 2 * std::chrono::duration<double>(history.step()).count());
}

TEST(Estimate, IsMadeWhereThereIsARate) {
    EXPECT_EQ(time_left(100, 10), 10s);
    EXPECT_EQ(time_left(0, 10), std::nullopt);
    EXPECT_EQ(time_left(100, 0), std::nullopt);
    EXPECT_EQ(time_left(1'000'000'000, 0.001), std::nullopt);
}

TEST(Estimate, IsNotMadeWhereNoAccountWithOpenJobsIsAtWork) {
    auto now = a_night();
    account_status idle;
    idle.id = "T00000000";
    now.status.accounts.push_back(idle);
    EXPECT_EQ(time_left(now.batches[0], now), 383s);
    for (const auto pause : {account_pause::by_operator, account_pause::forbidden}) {
        now.status.accounts[0].pause = pause;
        EXPECT_EQ(time_left(now.batches[0], now), std::nullopt);
    }
    EXPECT_THAT(render_page(now), HasSubstr("all in accounts that wait"));
    EXPECT_THAT(render_page(now), HasSubstr(">idle<"));
    EXPECT_THAT(render_page(now), Not(HasSubstr("at work")));
    EXPECT_THAT(status_json(now), HasSubstr("\"seconds_left\":null"));
    now.status.accounts[0].pause = account_pause::none;
    now.status.accounts[0].window_open = false;
    EXPECT_EQ(time_left(now.batches[0], now), std::nullopt);
}

TEST(Estimate, OfABatchKnowsNothingOfTheOthers) {
    auto now = a_night();
    auto other = now.batches[0];
    other.name = "other";
    other.open_in = {{"T00000000", 766}};
    now.batches.push_back(other);
    account_status paused;
    paused.id = "T00000000";
    paused.pause = account_pause::by_operator;
    now.status.accounts.push_back(paused);
    EXPECT_EQ(waiting_jobs(now.batches[0], now.status), 0u);
    EXPECT_EQ(time_left(now.batches[0], now), 383s);
    EXPECT_EQ(time_left(now.batches[1], now), std::nullopt);
    const auto page = render_page(now);
    EXPECT_THAT(page, HasSubstr(">about 6 min left<"));
    EXPECT_THAT(page, HasSubstr(">all in accounts that wait<"));
    EXPECT_THAT(page, HasSubstr("about 6 min left · 766 more in accounts that wait</small>"));
}

TEST(Estimate, IsOfTheJobsThatNeedNotWaitForTheirAccount) {
    auto now = a_night();
    account_status paused;
    paused.id = "T00000000";
    paused.pause = account_pause::by_operator;
    now.status.accounts.push_back(paused);
    EXPECT_THAT(render_page(now), HasSubstr("about 6 min left</small>"));
    now.batches[0].open_in = {{"T12345678", 640}, {"T00000000", 126}};
    EXPECT_EQ(waiting_jobs(now.batches[0], now.status), 126u);
    const auto page = render_page(now);
    EXPECT_THAT(page, HasSubstr("about 5 min left · 126 more in accounts that wait"));
    EXPECT_THAT(page, HasSubstr("<span>Ends about</span> <b>–</b>")) << "nobody knows";
}

TEST(Estimate, CountsTheOpenJobsOfEachAccount) {
    batch_summary summary;
    summary.tallies = {{"T1", job_state::queued, "", 3, 0},
                       {"T1", job_state::unknown, "lost", 4, 0},
                       {"T1", job_state::created, "", 5, 0},
                       {"T2", job_state::held, "", 6, 0},
                       {"T3", job_state::submitting, "", 7, 0}};
    const std::map<std::string, std::uint64_t> expected = {{"T1", 7}, {"T3", 7}};
    EXPECT_EQ(condense(summary).open_in, expected);
}

TEST(Page, SumsTheNightUpOverMoreBatchesThanItLists) {
    auto now = a_night();
    auto batch = now.batches[0];
    for (std::size_t i = 1; i < 25; ++i) {
        batch.name = "batch-" + std::to_string(i);
        now.batches.push_back(batch);
    }
    batch.name = "long-ago";
    batch.by_state = {};
    batch.by_state[static_cast<std::size_t>(job_state::created)] = 1;
    batch.last_finished_at = one_o_clock() - 25h;
    now.batches.push_back(batch);
    const auto page = render_page(now);
    EXPECT_THAT(page, HasSubstr("30,850 of 50,000 jobs ended"));
    EXPECT_THAT(page, HasSubstr("batch-19<"));
    EXPECT_THAT(page, Not(HasSubstr("batch-20<")));
    EXPECT_THAT(page, HasSubstr("6 more, older or ended"));
    EXPECT_EQ(refusals_of_tonight(now, 5).at(0).jobs, 25 * 7U);
    EXPECT_THAT(status_json(now), Not(HasSubstr("batch-20")));
}

TEST(Page, SaysThatAnAccountWaitsForAToken) {
    auto now = a_night();
    auto& account = now.status.accounts[0];
    account.by_state[static_cast<std::size_t>(job_state::queued)] = 3;
    account.token_failure = "HTTP status 404 <b>";
    account.token_next_try_at = one_o_clock() + 1min;
    EXPECT_THAT(render_page(now), HasSubstr("at work"));
    EXPECT_THAT(render_page(now),
                HasSubstr("valid for 50 min, not renewed: HTTP status 404 &lt;b"));
    EXPECT_EQ(time_left(now.batches[0], now), 383s);
    account.token_obtained_at.reset();
    account.token_expires_at.reset();
    EXPECT_THAT(render_page(now), HasSubstr("no token: HTTP status 404 &lt;b"));
    EXPECT_THAT(render_page(now), ContainsRegex("next try <time[^>]*>01:01"));
    EXPECT_EQ(time_left(now.batches[0], now), std::nullopt);
}

TEST(Page, SaysSinceWhenAnOperatorPausedAnAccount) {
    auto now = a_night();
    now.status.accounts[0].pause = account_pause::by_operator;
    now.status.accounts[0].paused_by =
        operator_pause{.account = "T12345678", .since = one_o_clock() - 5min, .uid = 0};
    EXPECT_THAT(render_page(now), HasSubstr("paused: by an operator</span>"));
    EXPECT_THAT(render_page(now), ContainsRegex("since <time[^>]*>00:55"));
}

}  // namespace
}  // namespace onboardd::admin
