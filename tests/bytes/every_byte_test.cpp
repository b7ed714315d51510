// Every byte at which an exchange can end, in every way it can end, applied or not: never lost,
// never twice. A sample by default; ONBOARDD_EVERY_BYTE=1 takes all offsets.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "bytes/cut_link.hpp"
#include "bytes/verdict.hpp"
#include "onboardd/provider/requests.hpp"

namespace onboardd {
namespace {

using test::all_endings;
using test::cut;
using test::cut_place;
using test::ending;

constexpr std::size_t short_body_bytes = 500;    // in one TLS record with its head
constexpr std::size_t long_body_bytes = 10'000;  // apart from its head

bool takes_all() {
    const char* wanted = std::getenv("ONBOARDD_EVERY_BYTE");
    return wanted != nullptr && std::string_view(wanted) == "1";
}

// How far apart the offsets of a sample are. A prime, so that the sample of one ending, place and
// answer is not that of the next; the ends are always in it.
std::size_t stride(std::size_t size) {
    return takes_all() ? 1 : size > 2'000 ? 251 : 23;
}

const char* name_of(ending how) {
    switch (how) {
        case ending::close_notify:
            return "close_notify";
        case ending::fin:
            return "FIN";
        case ending::reset:
            return "RST";
        case ending::stall:
            return "stall";
        case ending::garbage:
            return "garbage";
    }
    return "";
}

http::request create_case(std::size_t body_bytes) {
    provider_address provider;
    provider.host = "localhost";
    provider.path = "/v1";
    std::string body = R"({"case_request":{"referenceId":"seller-1"},"x":")";
    body += std::string(body_bytes - body.size() - 2, 'x') + "\"}";
    return create_case_request(provider, "T12345678", "canary-token", std::move(body));
}

struct answer_shape {
    const char* name;
    std::string raw;
    bool applied;
    job_state whole;  // after the whole answer
    std::size_t record_bytes = 16 * 1024;
};

std::string with_length(const std::string& head, const std::string& body) {
    return head +
           "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

std::vector<answer_shape> all_answers() {
    const auto good = test::created_body();
    const std::string refusal = R"({"error":{"code":"X","message":"no"}})";
    const auto created = with_length("HTTP/1.1 201 Created\r\n", good);
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", good.size());
    const auto chunked =
        "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\n"
        "Transfer-Encoding: chunked\r\n\r\n" +
        std::string(size) + good + "\r\n0\r\nX: y\r\n\r\n";
    const auto failed = with_length("HTTP/1.1 500 Internal Server Error\r\n", refusal);
    return {
        {"created", created, true, job_state::created},
        {"created in small records", created, true, job_state::created, 32},
        {"created in chunks", chunked, true, job_state::created},
        {"accepted", with_length("HTTP/1.1 202 Accepted\r\n", R"({"id": "uuid-1"})"), true,
         job_state::accepted},
        {"failed but applied", failed, true, job_state::unknown},
        {"failed", failed, false, job_state::unknown},
        {"busy", with_length("HTTP/1.1 503 Unavailable\r\nRetry-After: 2\r\n", ""), false,
         job_state::unknown},
        {"too many", with_length("HTTP/1.1 429 Too Many\r\nRetry-After: 2\r\n", refusal), false,
         job_state::deferred},
        {"refused", with_length("HTTP/1.1 400 Bad Request\r\n", refusal), false,
         job_state::rejected},
    };
}

class EveryByte : public testing::TestWithParam<int> {
protected:
    ~EveryByte() override {
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began_;
        std::cout << "[   POINTS ] " << points_ << " in " << took.count() << " s"
                  << (takes_all() ? "" : " (a sample; ONBOARDD_EVERY_BYTE=1 for all)") << "\n";
    }

    // 0, stride, 2 * stride, ..., and the last ones.
    template <class Action>
    void for_each_offset(std::size_t size, Action act) {
        const auto step = stride(size);
        for (std::size_t offset = shift_++ % step; offset <= size; offset += step) {
            act(offset);
        }
        for (auto offset = size - std::min<std::size_t>(size, 2); step > 1 && offset <= size;
             ++offset) {
            act(offset);
        }
    }

    // What must hold after every cut: the job ends in one case, and `first` was said before.
    void expect(const test::observation& seen, bool applied, job_state first,
                const std::string& what) {
        ++points_;
        ASSERT_FALSE(seen.hung) << what;
        const auto found = test::judge(seen, applied);
        ASSERT_EQ(to_string(found.first), to_string(first)) << what;
        if (first == job_state::rejected) {
            ASSERT_EQ(found.cases, 0) << what;
            return;
        }
        ASSERT_EQ(found.cases, 1) << what << ": lost or twice";
        ASSERT_EQ(to_string(found.last),
                  to_string(first == job_state::accepted ? first : job_state::created))
            << what;
    }

    static std::string about(const char* place, std::size_t offset, ending how) {
        return std::string(place) + " cut at " + std::to_string(offset) + " by " + name_of(how);
    }

    void cut_requests(std::size_t body_bytes);

private:
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::size_t points_ = 0;
    std::size_t shift_ = 0;
};

void EveryByte::cut_requests(std::size_t body_bytes) {
    test::cut_link link(GetParam(), create_case(body_bytes));
    const auto sizes = link.measure("x", 1);
    for (const auto how : all_endings) {
        for_each_offset(sizes.request, [&](std::size_t offset) {
            // The client could know: nothing of the last byte's record has left.
            const cut known{cut_place::request_blocked, offset, how};
            auto seen = link.meet(known, "", 1);
            const bool whole = offset == sizes.request;
            EXPECT_EQ(seen.whole_request, whole);
            const bool certain = offset < sizes.before_last_byte;
            for (const bool applied : {false, true}) {
                expect(seen, applied && whole, certain ? job_state::deferred : job_state::unknown,
                       about("known request", offset, how));
            }
            // The client has sent everything and cannot know how much of it arrived.
            const cut hidden{cut_place::request_swallowed, offset, how};
            seen = link.meet(hidden, "", 1);
            EXPECT_EQ(seen.whole_request, whole);
            for (const bool applied : {false, true}) {
                expect(seen, applied && whole, job_state::unknown,
                       about("swallowed request", offset, how));
            }
        });
    }
}

TEST_P(EveryByte, OfARequest) {
    cut_requests(short_body_bytes);
}

TEST_P(EveryByte, OfALongRequest) {
    cut_requests(long_body_bytes);
}

TEST_P(EveryByte, OfAnAnswerOnTheWire) {
    test::cut_link link(GetParam(), create_case(short_body_bytes));
    for (const auto& shape : all_answers()) {
        const auto size = link.measure(shape.raw, shape.record_bytes).answer;
        for (const auto how : all_endings) {
            for_each_offset(size, [&](std::size_t offset) {
                const auto seen =
                    link.meet({cut_place::answer, offset, how}, shape.raw, shape.record_bytes);
                EXPECT_TRUE(seen.whole_request);
                expect(seen, shape.applied, offset == size ? shape.whole : job_state::unknown,
                       about(shape.name, offset, how));
            });
        }
    }
}

TEST_P(EveryByte, OfAnAnswerDecrypted) {
    test::cut_link link(GetParam(), create_case(short_body_bytes));
    for (const auto& shape : all_answers()) {
        const auto size = shape.raw.size();
        for (const auto how : all_endings) {
            for_each_offset(size, [&](std::size_t offset) {
                const auto seen = link.meet({cut_place::answer_plaintext, offset, how}, shape.raw,
                                            shape.record_bytes);
                expect(seen, shape.applied, offset == size ? shape.whole : job_state::unknown,
                       about(shape.name, offset, how));
            });
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Tls, EveryByte, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                             return version.param == TLS1_2_VERSION ? "1point2" : "1point3";
                         });

}  // namespace
}  // namespace onboardd
