#include "bytes/verdict.hpp"

#include <chrono>

namespace onboardd::test {
namespace {

using namespace std::chrono_literals;

constexpr wall_time start{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 1h};

job submitting() {
    job row;
    row.id = 1;
    row.account = "T12345678";
    row.reference = "seller-1";
    row.batch = "default";
    row.received_at = start - 1min;
    return begin_attempt(row, start - 1s);
}

decision after(const job& row, const observation& seen, const decision_rules& rules,
               random_source& random) {
    return seen.answer.has_value() ? after_answer(row, *seen.answer, rules, start, random)
                                   : after_failure(row, seen.answer.error(), rules, start, random);
}

// A complete and fresh list, long after the exchange.
findings list_of(int cases, wall_time newest) {
    findings seen;
    seen.complete = true;
    seen.echoes_references = true;
    seen.newest_witness = newest;
    for (int i = 0; i < cases; ++i) {
        sighting one;
        one.found = parse_case(created_body()).value();
        one.fingerprint_agrees = true;
        seen.sightings.push_back(one);
    }
    return seen;
}

http::response created_answer() {
    http::response answer;
    answer.status = 201;
    answer.body = created_body();
    return answer;
}

}  // namespace

std::string created_body() {
    return R"({"id": "3c90c3cc-0d44-4b50-8888-8dd25736052a", "account_id": "T12345678",)"
           R"( "case_request": {"referenceId": "seller-1"}, "events": [{"id": 1,)"
           R"( "case_status": "WAITING_FOR_DECLARATION", "created": {"case_id": "c-1",)"
           R"( "contract_url": "https://sign.example/1"}}]})";
}

verdict judge(const observation& seen, bool applied) {
    decision_rules rules;
    random_source random(1);
    verdict found;
    found.cases = applied ? 1 : 0;
    auto row = after(submitting(), seen, rules, random).after;
    found.first = row.state;
    const auto later = start + rules.settle + 1min;
    if (row.state == job_state::unknown) {
        row = after_look_up(row, list_of(found.cases, later), rules, later, random).after;
    }
    if (row.state == job_state::deferred) {
        ++found.cases;
        row = after_answer(begin_attempt(row, later), created_answer(), rules, later, random).after;
    }
    found.last = row.state;
    return found;
}

}  // namespace onboardd::test
