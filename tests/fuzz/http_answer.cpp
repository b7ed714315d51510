#include <algorithm>
#include <optional>
#include <string>

#include "daemon/http/answer_reader.hpp"
#include "onboardd/engine/decide.hpp"
#include "onboardd/policy/retry.hpp"
#include "tests/fuzz/target.hpp"

namespace onboardd::fuzz {
namespace {

constexpr wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};
constexpr std::uint64_t body_bytes_max = 2048;

struct reading {
    error_code ec;
    bool done = false;
    bool keep_alive = false;
    std::size_t used = 0;
    http::response answer;
};

// Offers `text` in pieces, as a connection does: what was not taken comes again with more behind
// it.
reading read(std::string_view text, random_source* pieces) {
    http::answer_limits limits;
    limits.header_bytes_max = 1024;
    http::answer_reader reader(limits, body_bytes_max, {});
    reading seen;
    std::size_t shown = 0;
    while (shown < text.size() && !seen.ec && !reader.done()) {
        const auto left = text.size() - shown;
        shown += pieces != nullptr ? piece_size(left, *pieces) : left;
        const auto used = reader.put(text.substr(seen.used, shown - seen.used));
        if (used.has_error()) {
            seen.ec = used.error();
        } else {
            promise(*used <= shown - seen.used, "more bytes used than were there");
            seen.used += *used;
        }
    }
    seen.done = reader.done();
    seen.keep_alive = reader.keep_alive();
    seen.answer = reader.take();
    return seen;
}

job submitting() {
    job row;
    row.id = 7;
    row.account = "T12345678";
    row.reference = "r";
    row.received_at = now - std::chrono::minutes(1);
    return begin_attempt(row, now);
}

// The last byte has left; whatever is not one whole answer is a failure after that.
decision decide(const reading& seen) {
    random_source random(1);
    if (seen.done) {
        return after_answer(submitting(), seen.answer, decision_rules{}, now, random);
    }
    http::failure lost{
        .ec = seen.ec, .reached = http::progress::sent, .step = http::phase::receive, .detail = {}};
    return after_failure(submitting(), lost, decision_rules{}, now, random);
}

bool has_case(const job& row) {
    return row.state == job_state::created || row.state == job_state::accepted;
}

bool contains_word(std::string_view text, std::string_view lower_case) {
    const auto same = [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
    };
    return std::search(text.begin(), text.end(), lower_case.begin(), lower_case.end(), same) !=
           text.end();
}

void check_case(const reading& seen, const job& row, std::string_view text) {
    promise(seen.done, "a case from an answer that is not whole");
    promise(seen.answer.status >= 200 && seen.answer.status <= 299, "a case from a refusal");
    const auto found = parse_case(seen.answer.body);
    promise(found && !found->facts.id.empty(), "a case without an id");
    promise(found->reference.empty() || found->reference == row.reference, "a foreign case");
    promise(row.the_case.id == found->facts.id, "another case than the answer's");
    const auto framed = text.substr(0, seen.used);
    promise(contains_word(framed, "content-length") || contains_word(framed, "chunked"),
            "a case from an answer without framing");
    promise(row.state != job_state::created || row.the_case.contract_url.starts_with("https://"),
            "created without a link");
}

void check_decision(const reading& seen, const decision& next, std::string_view text) {
    const auto& row = next.after;
    const auto status = seen.done ? seen.answer.status : 0;
    if (has_case(row)) {
        check_case(seen, row, text);
    }
    promise(row.state == job_state::rejected ? status >= 400 && status <= 499 : true,
            "rejected without a refusal");
    promise(row.state == job_state::deferred ? status >= 400 && status <= 499 : true,
            "sent again although it may have been applied");
    promise(seen.done || row.state == job_state::unknown, "not unknown although no answer came");
    promise(row.state != job_state::unknown || row.lost_at == now, "unknown since no time");
    promise(row.due_at <= now + retry_after_max, "due after more than a day");
    promise(next.wait >= milliseconds(0) && next.wait <= retry_after_max, "an unbounded wait");
    promise(!is_final(row.state) || row.revision == 1, "final without an outcome");
}

}  // namespace

void http_answer(std::string_view bytes) {
    auto random = chance_of(bytes);
    const auto whole = read(bytes, nullptr);
    promise(!(whole.ec && whole.done), "failed and done");
    promise(whole.answer.body.size() <= body_bytes_max, "a body beyond its bound");
    const auto next = decide(whole);
    check_decision(whole, next, bytes);

    const auto pieces = read(bytes, &random);
    promise(pieces.done == whole.done, "pieces decide whether the answer is whole");
    if (whole.done) {
        promise(pieces.used == whole.used && pieces.keep_alive == whole.keep_alive &&
                    pieces.answer.status == whole.answer.status &&
                    pieces.answer.body == whole.answer.body &&
                    pieces.answer.retry_after == whole.answer.retry_after &&
                    pieces.answer.content_type == whole.answer.content_type,
                "pieces change the answer");
        const auto cut = bytes.substr(0, random() % whole.used);
        promise(decide(read(cut, nullptr)).after.state == job_state::unknown,
                "a cut answer decides");
    }
    promise(decide(pieces).after.state == next.after.state, "pieces change the decision");
}

}  // namespace onboardd::fuzz
