#include "daemon/http/answer_reader.hpp"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <random>
#include <string>
#include <vector>

namespace onboardd::http {
namespace {

struct reading {
    error_code ec;
    bool done = false;
    bool keep_alive = false;
    std::string rest;  // what was not used
    response answer;
};

// Offers `text` in pieces of `step` bytes, as a connection would.
reading read(std::string_view text, std::size_t step, std::uint64_t body_bytes_max = 1000,
             body_sink sink = {}, answer_limits limits = {}) {
    answer_reader reader(limits, body_bytes_max, std::move(sink));
    reading seen;
    while (!text.empty() && !seen.ec && !reader.done()) {
        const auto piece = text.substr(0, step);
        text.remove_prefix(piece.size());
        seen.rest += piece;
        auto used = reader.put(seen.rest);
        if (used.has_error()) {
            seen.ec = used.error();
        } else {
            seen.rest.erase(0, *used);
        }
    }
    seen.rest += text;
    seen.done = reader.done();
    seen.keep_alive = reader.keep_alive();
    seen.answer = reader.take();
    return seen;
}

const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(AnswerReader, ReadsTheSameAnswerAtEveryPieceSize) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
        {"HTTP/1.1 204 No Content\r\n\r\n", ""},
        {chunked + "5\r\nhello\r\n0\r\n\r\n", "hello"},
        {chunked + "1;a=b\r\nh\r\n04;q=\"x y\"\r\nello\r\n000;z\r\n\r\n", "hello"},
        {chunked + "5\r\nhello\r\n0\r\nExpires: never\r\nX: y\r\n\r\n", "hello"},
        {chunked + "0\r\n\r\n", ""},
    };
    for (const auto& [text, body] : cases) {
        for (std::size_t step = 1; step <= text.size(); ++step) {
            const auto seen = read(text, step);
            EXPECT_FALSE(seen.ec) << seen.ec.message() << " " << text;
            EXPECT_TRUE(seen.done) << text;
            EXPECT_TRUE(seen.keep_alive) << text;
            EXPECT_EQ(seen.answer.body, body);
            EXPECT_EQ(seen.rest, "");
        }
    }
}

TEST(AnswerReader, IsNeverDoneBeforeTheLastByte) {
    for (const auto& text : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" + std::string(),
                             "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 None\r\n\r\n" + std::string(),
                             chunked + "5\r\nhello\r\n0\r\nA: b\r\n\r\n"}) {
        for (std::size_t cut = 0; cut < text.size(); ++cut) {
            const auto seen = read(std::string_view(text).substr(0, cut), cut + 1);
            EXPECT_FALSE(seen.done) << cut << " of " << text;
            EXPECT_FALSE(seen.ec) << cut << " of " << text;
        }
    }
}

TEST(AnswerReader, LeavesWhatFollowsTheMessage) {
    for (const auto& text : {std::string("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
                             chunked + "2\r\nok\r\n0\r\n\r\n"}) {
        const auto seen = read(text + "more", 1000);
        EXPECT_TRUE(seen.done);
        EXPECT_EQ(seen.answer.body, "ok");
        EXPECT_EQ(seen.rest, "more");
    }
}

TEST(AnswerReader, RefusesBadChunks) {
    for (const auto* body :
         {"x\r\n", "-1\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "\r\n", "5\r\nhelloX\r\n0\r\n\r\n",
          "5\nhello\r\n0\r\n\r\n", "5\r\nhello\r\r\n0\r\n\r\n", "10000000000000000\r\n",
          "ffffffffffffffffff\r\n", " 5\r\nhello\r\n", "5 x\r\nhello\r\n0\r\n\r\n",
          "5;=\r\nhello\r\n0\r\n\r\n", "0\r\nbad trailer\r\n\r\n",
          "0\r\nContent-Length: 3\r\n\r\n"}) {
        for (const std::size_t step : {1U, 3U, 1000U}) {
            const auto seen = read(chunked + body + "0\r\n\r\n", step);
            EXPECT_EQ(seen.ec, errc::malformed_answer) << body;
            EXPECT_FALSE(seen.done) << body;
        }
    }
}

TEST(AnswerReader, BoundsTheDecodedBody) {
    const std::string announced = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    EXPECT_TRUE(read(announced + "0123456789", 7, 10).done);
    EXPECT_EQ(read(announced, 1000, 9).ec, errc::answer_too_large) << "the length alone decides";
    const auto in_chunks = chunked + "6\r\n012345\r\n4\r\n6789\r\n0\r\n\r\n";
    EXPECT_TRUE(read(in_chunks, 7, 10).done);
    EXPECT_EQ(read(in_chunks, 7, 9).ec, errc::answer_too_large);
    EXPECT_EQ(read(chunked + "ffffffffffffffff\r\nabcdefghijk", 1000, 10).ec,
              errc::answer_too_large);
}

TEST(AnswerReader, BoundsTheHead) {
    const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
    answer_limits limits;
    limits.header_bytes_max = 100;
    const auto fits = start + std::string(100 - start.size() - 4, 'x') + "\r\n\r\n";
    ASSERT_EQ(fits.size(), 100u);
    for (const std::size_t step : {1U, 7U, 1000U}) {
        EXPECT_TRUE(read(fits, step, 10, {}, limits).done) << step;
        EXPECT_EQ(read(start + "x" + fits.substr(start.size()), step, 10, {}, limits).ec,
                  errc::answer_too_large);
        EXPECT_EQ(read(start + std::string(61, 'x'), step, 10, {}, limits).ec,
                  errc::answer_too_large);
    }
}

TEST(AnswerReader, SkipsAFewInterimAnswers) {
    const std::string final = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    std::string text = final;
    for (int interim = 0; interim <= 6; ++interim) {
        const auto seen = read(text, 1000);
        EXPECT_EQ(seen.done, interim <= 5) << interim;
        EXPECT_EQ(seen.ec, interim <= 5 ? error_code() : error_code(errc::too_many_interim))
            << interim;
        EXPECT_EQ(seen.answer.status, interim <= 5 ? 201u : 0u);
        text = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + text;
    }
    EXPECT_EQ(read("HTTP/1.1 101 Switching\r\n\r\n" + final, 1000).ec, errc::malformed_answer);
}

TEST(AnswerReader, StreamsToTheSinkAndStopsWhenItSaysSo) {
    std::string streamed;
    auto take = [&](std::string_view piece) {
        streamed += piece;
        return streamed.size() > 5 ? error_code(boost::asio::error::no_memory) : error_code();
    };
    const auto whole = read(chunked + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 1, 1000, take);
    EXPECT_TRUE(whole.done);
    EXPECT_EQ(streamed, "abcde");
    EXPECT_EQ(whole.answer.body, "");
    const auto stopped =
        read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfghij", 1000, 1000, take);
    EXPECT_EQ(stopped.ec, boost::asio::error::no_memory);
    EXPECT_FALSE(stopped.done);
}

// Seeded, so that a failure comes back: broken answers end in an error or wait for more, in pieces
// of any size, and never end the program.
TEST(AnswerReader, SurvivesMutations) {
    const std::vector<std::string> seeds = {
        "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world",
        chunked + "5;a=\"b\"\r\nhello\r\n2\r\n, \r\n5\r\nworld\r\n0;x\r\nA: b\r\n\r\n",
        chunked + "0\r\n\r\n",
    };
    const std::string alphabet("\r\n\t 0159af;:=,\"x\0\xff", 18);
    std::mt19937 random(20'261'122);
    auto below = [&](std::size_t bound) { return random() % bound; };
    for (int round = 0; round < 20'000; ++round) {
        auto text = seeds[below(seeds.size())];
        for (auto changes = 1 + below(4); changes > 0; --changes) {
            const auto at = below(text.size());
            switch (below(3)) {
                case 0:
                    text[at] = alphabet[below(alphabet.size())];
                    break;
                case 1:
                    text.insert(at, 1, alphabet[below(alphabet.size())]);
                    break;
                default:
                    text.erase(at, 1 + below(3));
                    break;
            }
        }
        const auto seen = read(text, 1 + below(text.size() + 1), 64);
        EXPECT_FALSE(seen.ec && seen.done) << text;
        EXPECT_LE(seen.answer.body.size(), 64u);
    }
}

}  // namespace
}  // namespace onboardd::http
