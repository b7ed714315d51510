#include "daemon/http/answer_head.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace onboardd::http {
namespace {

using namespace std::string_literals;

std::string head(const std::string& fields) {
    return "HTTP/1.1 200 OK\r\n" + fields + "\r\n";
}

struct good_case {
    const char* name;
    std::string text;
    framing body;
    bool keep_alive;
};

TEST(AnswerHead, AcceptsWhatIsFramedOnce) {
    const std::vector<good_case> cases = {
        {"length", head("Content-Length: 5\r\n"), framing::length, true},
        {"zero length", head("content-length:0\r\n"), framing::length, true},
        {"tabs around the length", head("Content-Length:\t5 \t\r\n"), framing::length, true},
        {"chunked", head("Transfer-Encoding: chunked\r\n"), framing::chunked, true},
        {"chunked in capitals", head("TRANSFER-ENCODING: Chunked\r\n"), framing::chunked, true},
        {"empty reason", "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n", framing::length, true},
        {"reason above ASCII", "HTTP/1.1 200 \xc3\xa6\r\nContent-Length: 5\r\n\r\n",
         framing::length, true},
        {"close", head("Connection: close\r\nContent-Length: 5\r\n"), framing::length, false},
        {"close in a list", head("Connection: x, Close\r\nContent-Length: 5\r\n"), framing::length,
         false},
        {"no close", head("Connection: closed, x-close\r\nContent-Length: 5\r\n"), framing::length,
         true},
        {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", framing::length, false},
        {"HTTP/1.0 keep-alive",
         "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n", framing::length,
         false},
        {"204", "HTTP/1.1 204 No Content\r\n\r\n", framing::none, true},
        {"204 with zero length", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
         framing::none, true},
        {"204 that announces a body", "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",
         framing::none, false},
        {"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", framing::none, false},
        {"interim", "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", framing::none, true},
    };
    for (const auto& each : cases) {
        const auto read = parse_answer_head(each.text);
        ASSERT_TRUE(read.has_value()) << each.name << ": " << read.error().reason;
        EXPECT_EQ(read->body, each.body) << each.name;
        EXPECT_EQ(read->keep_alive, each.keep_alive) << each.name;
    }
}

TEST(AnswerHead, RefusesWhatTwoReadersCouldReadDifferently) {
    const std::vector<std::pair<const char*, std::string>> cases = {
        {"framed by the end", head("")},
        {"two lengths", head("Content-Length: 5\r\nContent-Length: 6\r\n")},
        {"two equal lengths", head("Content-Length: 5\r\nContent-Length: 5\r\n")},
        {"a list of lengths", head("Content-Length: 5, 5\r\n")},
        {"a signed length", head("Content-Length: +5\r\n")},
        {"a negative length", head("Content-Length: -5\r\n")},
        {"a hexadecimal length", head("Content-Length: 0x5\r\n")},
        {"an empty length", head("Content-Length:\r\n")},
        {"a length with a space", head("Content-Length: 1 2\r\n")},
        {"a length beyond 64 bits", head("Content-Length: 18446744073709551616\r\n")},
        {"length and coding", head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
        {"coding and length", head("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
        {"xchunked", head("Transfer-Encoding: xchunked\r\n")},
        {"identity", head("Transfer-Encoding: identity\r\n")},
        {"gzip, chunked", head("Transfer-Encoding: gzip, chunked\r\n")},
        {"chunked twice", head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
        {"quoted chunked", head("Transfer-Encoding: \"chunked\"\r\n")},
        {"an empty coding", head("Transfer-Encoding:\r\n")},
        {"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"a folded field", head("X: a\r\n b\r\nContent-Length: 5\r\n")},
        {"a first line that is folded", head(" X: a\r\nContent-Length: 5\r\n")},
        {"a space before the colon", head("Content-Length : 5\r\n")},
        {"no colon", head("Content-Length 5\r\n")},
        {"no name", head(": 5\r\nContent-Length: 5\r\n")},
        {"a name above ASCII", head("\xc3\xa6: 5\r\nContent-Length: 5\r\n")},
        {"a bare carriage return", head("X: a\rb\r\nContent-Length: 5\r\n")},
        {"a NUL", head("X: a\0b\r\nContent-Length: 5\r\n"s)},
        {"a control byte", head("X: a\x01\r\nContent-Length: 5\r\n")},
        {"framing in an interim answer", "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n"},
        {"HTTP/1.2", "HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\n"},
        {"HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\n"},
        {"lower case version", "http/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
        {"two digits", "HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\n"},
        {"four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\n"},
        {"two spaces", "HTTP/1.1  200 OK\r\nContent-Length: 5\r\n\r\n"},
        {"no space after the status", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n"},
        {"status 099", "HTTP/1.1 099 OK\r\nContent-Length: 5\r\n\r\n"},
        {"status 600", "HTTP/1.1 600 OK\r\nContent-Length: 5\r\n\r\n"},
        {"a control byte in the reason", "HTTP/1.1 200 O\x02K\r\nContent-Length: 5\r\n\r\n"},
        {"nothing", ""},
        {"an empty line", "\r\n\r\n"},
        {"a status line alone", "HTTP/1.1 200 OK\r\n"},
        {"bytes after the head", head("Content-Length: 5\r\n") + "x\r\n\r\n"},
    };
    for (const auto& [name, text] : cases) {
        EXPECT_TRUE(parse_answer_head(text).has_error()) << name;
    }
}

TEST(AnswerHead, CountsFields) {
    std::string fields = "Content-Length: 5\r\n";
    for (std::size_t i = 1; i < fields_max; ++i) {
        fields += "X: y\r\n";
    }
    EXPECT_TRUE(parse_answer_head(head(fields)).has_value());
    EXPECT_TRUE(parse_answer_head(head(fields + "X: y\r\n")).has_error());
}

TEST(AnswerHead, KeepsTheFirstOfEachFieldThatCallersUse) {
    const auto text =
        head("Retry-After:  120 \r\nretry-after: 5\r\nContent-Type: a/b\r\nContent-Length: 0\r\n");
    const auto read = parse_answer_head(text);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->retry_after, "120");
    EXPECT_EQ(read->content_type, "a/b");
}

TEST(AnswerHead, EndIsFoundAtEverySplitOfTheBytes) {
    const auto text = head("Content-Length: 5\r\n");
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        const auto part = std::string_view(text).substr(0, cut);
        EXPECT_EQ(find_head_end(part, 0).found, head_end::kind::incomplete) << cut;
        const auto whole = find_head_end(text + "hello", cut);
        EXPECT_EQ(whole.found, head_end::kind::complete) << cut;
        EXPECT_EQ(whole.size, text.size()) << cut;
    }
}

TEST(AnswerHead, WhatCannotBecomeAnAnswerIsMalformedAtOnce) {
    for (const auto* text :
         {"x", "HTTP/2", "\r\nHTTP/1.1", "HTTP/1.1 200 OK\n", "HTTP/1.1 200 OK\r\nA: b\n", "\n"}) {
        EXPECT_EQ(find_head_end(text, 0).found, head_end::kind::malformed) << text;
    }
}

}  // namespace
}  // namespace onboardd::http
