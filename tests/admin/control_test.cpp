// What onboardctl asks of the daemon, and what both ends make of bytes that are not theirs.

#include "onboardd/admin/control.hpp"

#include <gmock/gmock.h>

#include "admin/window_fixture.hpp"

namespace onboardd {
namespace {

using namespace admin;
using testing::HasSubstr;
using testing::StartsWith;

TEST(ControlJson, AnOrderArrivesAsItWasGiven) {
    operating_order order;
    order.what = operation::retry;
    order.among.identities = {{"T1", "a\"b"}, {"T2", "c"}};
    order.after = 7;
    auto read = *parse_operating_order(to_json(order));
    EXPECT_EQ(read.what, operation::retry);
    EXPECT_EQ(read.among.identities, order.among.identities);
    order.among = {.identities = {}, .account = "T1", .batch = "night", .state = job_state::held};
    read = *parse_operating_order(to_json(order));
    EXPECT_EQ(read.among.account, "T1");
    EXPECT_EQ(read.among.batch, "night");
    EXPECT_EQ(read.among.state, job_state::held);
    EXPECT_EQ(read.after, 7);
}

TEST(ControlJson, ThatEveryJobIsMeantMustBeSaid) {
    operating_order order;
    EXPECT_THAT(parse_operating_order(to_json(order)).error(), HasSubstr("not all are meant"));
    order.all = true;
    EXPECT_TRUE(parse_operating_order(to_json(order)));
}

TEST(ControlJson, WhatIsNoOrderIsNamed) {
    for (const auto* text :
         {"", "{", "[]", "{}", R"({"command":"delete"})", R"({"command":7})",
          R"({"command":"hold","jobs":7})", R"({"command":"hold","jobs":[7]})",
          R"({"command":"hold","jobs":[["a"]]})", R"({"command":"hold","jobs":[["a",1]]})",
          R"({"command":"hold","state":"nowhere"})", R"({"command":"hold","all":1})",
          R"({"command":"hold","all":true,"after":-1})",
          R"({"command":"hold","all":true,"after":1.5})",
          R"({"command":"hold","all":true,"after":"1"})"}) {
        EXPECT_TRUE(parse_operating_order(text).has_error()) << text;
    }
    operating_order order;
    order.among.identities.assign(named_jobs_max + 1, {"T1", "a"});
    EXPECT_THAT(parse_operating_order(to_json(order)).error(), HasSubstr("more than 1000"));
    for (const auto* text : {"[]", "{}", R"({"account":"T1"})", R"({"account":7,"paused":true})",
                             R"({"account":"T1","paused":"x"})"}) {
        EXPECT_TRUE(parse_pause_order(text).has_error()) << text;
    }
    for (const auto* text : {"[]", "{}", R"({"change":"x"})"}) {
        EXPECT_TRUE(parse_pause_change(text).has_error()) << text;
    }
    const auto empty = to_json(operated_view());
    EXPECT_TRUE(parse_operated(empty));
    for (const auto* text : {"[]", "{}", R"({"changed":[7]})", R"({"changed":[{"from":"held"}]})",
                             R"({"refused":[7]})", R"({"refused":[{"state":"held","why":"x"}]})",
                             R"({"missing":[[]]})", R"({"last":-1})", R"({"end":0})"}) {
        EXPECT_TRUE(parse_operated(text).has_error()) << text;
    }
}

TEST(ControlJson, AnAnswerArrivesAsItWasGiven) {
    operated done;
    job after;
    after.account = "T1";
    after.reference = "a";
    after.state = job_state::held;
    done.changed.push_back({after, job_state::deferred});
    done.refused.push_back({"T1", "b", job_state::created, refusal::has_a_case});
    done.missing.emplace_back("T2", "c");
    done.unchanged = 3;
    done.last = 9;
    done.end = false;
    const auto read = *parse_operated(to_json(view_of(done)));
    ASSERT_EQ(read.changed.size(), 1u);
    EXPECT_EQ(read.changed[0].reference, "a");
    EXPECT_EQ(read.changed[0].from, job_state::deferred);
    EXPECT_EQ(read.changed[0].to, job_state::held);
    ASSERT_EQ(read.refused.size(), 1u);
    EXPECT_EQ(read.refused[0].why, refusal::has_a_case);
    EXPECT_EQ(read.refused[0].state, job_state::created);
    EXPECT_EQ(read.missing, done.missing);
    EXPECT_EQ(read.unchanged, 3u);
    EXPECT_EQ(read.last, 9);
    EXPECT_FALSE(read.end);
    for (const auto change :
         {pause_change::changed, pause_change::unchanged, pause_change::no_such_account}) {
        EXPECT_EQ(*parse_pause_change(to_json(change)), change);
    }
}

class Control : public test::window_fixture {
protected:
    void add_handlers(server& window) override {
        controls hands;
        hands.operate = [this](operation what, job_selection among, job_id,
                               operator_identity who) -> asio::awaitable<result<operated>> {
            if (among.batch == "full") {
                co_return errc::ledger_full;
            }
            operated done;
            done.unchanged = who.uid == ::getuid() && what == operation::hold ? 1 : 0;
            ++calls;
            co_return done;
        };
        hands.set_pause = [this](pause_order order,
                                 operator_identity) -> asio::awaitable<result<pause_change>> {
            ++calls;
            co_return order.paused ? pause_change::changed : pause_change::unchanged;
        };
        add_controls(window, hands);
    }

    static std::string post(const std::string& path, const std::string& body) {
        return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }

    int calls = 0;
};

TEST_F(Control, OrdersAreTakenOnTheControlSocketWithTheCallersUid) {
    open();
    const auto answer = ask_socket(post(jobs_path, R"({"command":"hold","all":true})"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(answer, HasSubstr(R"("unchanged":1)"));
    EXPECT_THAT(ask_socket(post(accounts_path, R"({"account":"T1","paused":true})")),
                HasSubstr(R"({"change":"changed"})"));
    close();
    EXPECT_EQ(calls, 2);
}

TEST_F(Control, NothingIsChangedOverTcpByAGetOrByNonsense) {
    open();
    const std::string order = R"({"command":"hold","all":true})";
    EXPECT_THAT(ask(post(jobs_path, order)), StartsWith("HTTP/1.1 413"));  // no body at all
    EXPECT_THAT(ask(post(accounts_path, order)), StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(ask(post(jobs_path, "")), StartsWith("HTTP/1.1 405"));
    EXPECT_THAT(ask_socket(get(jobs_path)), StartsWith("HTTP/1.1 405"));
    EXPECT_THAT(ask_socket(post(jobs_path, "nonsense")), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(ask_socket(post(accounts_path, "{}")), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(ask_socket(post(jobs_path, R"({"command":"hold","batch":"full"})")),
                StartsWith("HTTP/1.1 503"));
    close();
    EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace onboardd
