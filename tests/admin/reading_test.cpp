// What onboardctl reads through the daemon, and what both ends make of bytes that are not theirs.

#include "onboardd/admin/reading.hpp"

#include <gmock/gmock.h>

#include "admin/window_fixture.hpp"

namespace onboardd {
namespace {

using namespace admin;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

const wall_time start{std::chrono::hours(24 * 365 * 50)};

// Nothing in it is as it is by default.
job a_full_job() {
    job row;
    row.id = 7;
    row.account = "T12345678";
    row.reference = "seller-1";
    row.batch = "a \"night\" \xff";
    row.state = job_state::conflict;
    row.priority = -10;
    row.followed = true;
    row.received_at = start;
    row.not_before = start + 1ms;
    row.expires_at = start + 2ms;
    row.due_at = start + 3ms;
    row.submitted_at = start + 4ms;
    row.lost_at = start + 5ms;
    row.finished_at = start + 6ms;
    row.attempts = 3;
    row.retries = 4;
    row.resends = 2;
    row.absent_since = start + 7ms;
    row.the_case = {.id = "uuid",
                    .case_id = "c-1",
                    .contract_url = "https://x",
                    .case_status = "NEW",
                    .created_at = "2026-11-22T01:04:05Z"};
    row.error = job_error{.kind = error_kind::conflict,
                          .http_status = 409,
                          .code = "code",
                          .message = "two\ncases",
                          .details = "[1]",
                          .field = "f"};
    row.revision = 9;
    return row;
}

TEST(ReadingJson, AJobArrivesAsItIs) {
    job bare;
    bare.account = "P00000000";
    const job_page page{.rows = {a_full_job(), bare}, .damaged = {5, 6}, .last = 8, .end = true};
    const auto read = *parse_page(to_json(page));
    EXPECT_EQ(read.rows, page.rows);
    EXPECT_EQ(read.damaged, page.damaged);
    EXPECT_EQ(read.last, page.last);
    EXPECT_TRUE(read.end);

    found_jobs one;
    one.rows = page.rows;
    one.pasts.resize(2);
    one.pasts[0].omitted = 7;
    one.pasts[0].steps = {{.at = start,
                           .from = job_state::submitting,
                           .to = job_state::unknown,
                           .attempt = 2,
                           .what = {},
                           .uid = 0,
                           .words = "lost \xff"},
                          {.at = start + 1ms,
                           .from = job_state::queued,
                           .to = job_state::held,
                           .attempt = 3,
                           .what = operation::hold,
                           .uid = 4294967295,
                           .words = {}}};
    one.damaged = {"T1/a"};
    const auto found = *parse_found(to_json(std::vector<found_jobs>{one, {}}));
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].rows, one.rows);
    EXPECT_EQ(found[0].pasts, one.pasts);
    EXPECT_EQ(found[0].damaged, one.damaged);
    EXPECT_TRUE(found[1].rows.empty());

    auto later = to_json(std::vector<found_jobs>{one});
    later.replace(later.find("\"hold\""), 6, "\"frob\"");  // a command of a later version
    EXPECT_EQ(parse_found(later)->at(0).pasts[0].steps.size(), 1u);
}

TEST(ReadingJson, ABatchArrivesAsItIs) {
    batch_summary batch;
    batch.batch = "night";
    batch.first_received_at = start;
    batch.tallies = {{.account = "T1",
                      .state = job_state::rejected,
                      .reason = "refused 400",
                      .jobs = 3,
                      .attempts = 4}};
    const auto read = *parse_batch(to_json(batch));
    EXPECT_EQ(read.batch, batch.batch);
    EXPECT_EQ(read.first_received_at, batch.first_received_at);
    EXPECT_EQ(read.last_finished_at, std::nullopt);
    EXPECT_EQ(read.tallies, batch.tallies);
}

TEST(ReadingJson, AQuestionArrivesAsItWasAsked) {
    const find_order order{.references = {"a", "T1/b"}};
    EXPECT_EQ(parse_find_order(to_json(order))->references, order.references);
    EXPECT_EQ(parse_list_order(to_json(list_order{.after = 12}))->after, 12);
    EXPECT_EQ(parse_batch_order(to_json(batch_order{.batch = "night"}))->batch, "night");
}

TEST(ReadingJson, WhatIsNoneOfThemIsNamed) {
    for (const auto* text : {"", "{", "[]", "{}", R"({"references":7})", R"({"references":[7]})"}) {
        EXPECT_TRUE(parse_find_order(text).has_error()) << text;
    }
    const find_order many{.references = std::vector<std::string>(found_references_max + 1, "a")};
    EXPECT_THAT(parse_find_order(to_json(many)).error(), HasSubstr("references"));
    for (const auto* text : {"{}", R"({"after":-1})", R"({"after":"1"})", R"({"after":1.5})"}) {
        EXPECT_TRUE(parse_list_order(text).has_error()) << text;
    }
    for (const auto* text : {"{}", R"({"batch":7})"}) {
        EXPECT_TRUE(parse_batch_order(text).has_error()) << text;
    }
    for (const auto* text :
         {"{}", R"({"found":[7]})", R"({"found":[{"jobs":[7]}]})",
          R"({"found":[{"jobs":[{"state":"nowhere"}]}]})", R"({"found":[{"damaged":[7]}]})"}) {
        EXPECT_TRUE(parse_found(text).has_error()) << text;
    }
    const std::string queued = R"({"end":true,"jobs":[{"state":"queued")";
    EXPECT_TRUE(parse_page(queued + "}]}"));
    for (const auto* rest :
         {R"(,"id":-1}]})", R"(,"due_at":"now"}]})", R"(,"case":7}]})", R"(,"case":{"id":7}}]})",
          R"(,"error":{"kind":"x"}}]})", R"(}],"damaged":["x"]})", R"(}],"last":-1})"}) {
        EXPECT_TRUE(parse_page(queued + rest).has_error()) << rest;
    }
    for (const auto* text : {"{}", R"({"tallies":[7]})", R"({"tallies":[{"state":"x"}]})"}) {
        EXPECT_TRUE(parse_batch(text).has_error()) << text;
    }
}

class Reading : public test::window_fixture {
protected:
    void add_handlers(server& window) override { add_reading(window, *store); }

    static std::string post(const std::string& path, const std::string& body) {
        return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }

    std::unique_ptr<ledger> store = make_memory_ledger(loop.get_executor(), *time);
};

TEST_F(Reading, IsForTheControlSocketAlone) {
    open();
    const std::pair<const char*, const char*> questions[] = {
        {find_path, R"({"references":["a","T1/b"]})"},
        {list_path, R"({"after":0})"},
        {batch_path, R"({"batch":"night"})"}};
    for (const auto& [path, question] : questions) {
        EXPECT_THAT(ask_socket(post(path, question)), StartsWith("HTTP/1.1 200")) << path;
        EXPECT_THAT(ask_socket(post(path, "{}")), StartsWith("HTTP/1.1 400")) << path;
        EXPECT_THAT(ask_socket(get(path)), StartsWith("HTTP/1.1 405")) << path;
        EXPECT_THAT(ask(post(path, question)), StartsWith("HTTP/1.1 413")) << path;
        EXPECT_THAT(ask(get(path)), StartsWith("HTTP/1.1 405")) << path;
    }
}

}  // namespace
}  // namespace onboardd
