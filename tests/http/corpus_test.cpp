#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>

#include "daemon/http/answer_head.hpp"
#include "http/client_fixture.hpp"
#include "http/tls_server.hpp"

namespace onboardd {
namespace {

// Answers that nobody here wrote, many broken on purpose: what becomes of them must not change
// unseen.
class HttpCorpusTest : public test::client_fixture {
protected:
    void SetUp() override {
        const char* named = std::getenv("ONBOARDD_CORPORA");
        folder = std::filesystem::path(named != nullptr ? named : ONBOARDD_SHARED_CORPORA) / "http";
        if (!std::filesystem::is_directory(folder)) {
            GTEST_SKIP() << "no corpus of HTTP answers in " << folder << "; set ONBOARDD_CORPORA";
        }
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            if (entry.path().extension() == ".http") {
                files.push_back(entry.path());
            }
        }
        std::sort(files.begin(), files.end());
    }

    static std::string content(const std::filesystem::path& file) {
        std::ifstream stream(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    }

    // The files hold bare line feeds, which are refused at once. This puts the carriage returns
    // where curl's test server would: in the heads, and in chunked bodies.
    static std::string with_line_ends(std::string_view text) {
        const bool everywhere = text.find("chunked") != std::string_view::npos;
        std::string out;
        bool in_head = true;
        while (!text.empty()) {
            const auto end = std::min(text.find('\n'), text.size() - 1);
            auto line = std::string(text.substr(0, end + 1));
            text.remove_prefix(end + 1);
            if (line.ends_with("%CR\n")) {
                line.replace(line.size() - 4, 4, "\r\n");
            }
            if ((in_head || everywhere) && line.ends_with('\n') && !line.ends_with("\r\n")) {
                line.insert(line.size() - 1, 1, '\r');
            }
            in_head = in_head && (line != "\r\n" || text.starts_with("HTTP/"));
            out += line;
        }
        return out;
    }

    using verdict_counts = std::map<std::string, int>;

    verdict_counts judge_heads(const std::function<std::string(std::string)>& adapt) {
        verdict_counts verdicts;
        for (const auto& file : files) {
            const auto text = adapt(content(file));
            const auto end = http::find_head_end(text, 0);
            if (end.found == http::head_end::kind::complete) {
                const auto head =
                    http::parse_answer_head(std::string_view(text).substr(0, end.size));
                ++verdicts[head.has_value() ? "good" : head.error().reason];
            } else {
                ++verdicts[end.found == http::head_end::kind::malformed ? "not a head"
                                                                        : "incomplete"];
            }
        }
        return verdicts;
    }

    // What a real client makes of each, followed by a proper end of the connection.
    verdict_counts meet_all(const std::function<std::string(std::string)>& adapt) {
        test::tls_server server(good_identity(), [&](test::tls_session& session) {
            const auto request = session.read_request();
            if (request.size() > 5) {
                session.send(adapt(content(files.at(std::stoul(request.substr(5, 5))))));
            }
        });
        auto options = options_for(server);
        options.idle_max = milliseconds(0);  // the server ends every connection, so none is kept
        verdict_counts verdicts;
        with_client(std::move(options), [&](http::client& client) -> asio::awaitable<void> {
            for (std::size_t i = 0; i < files.size(); ++i) {
                auto message = get("/" + std::to_string(i));
                http::exchange_options usual;
                const auto answer = co_await client.send(std::move(message), std::move(usual));
                ++verdicts[answer.has_value() ? "answer" : answer.error().ec.message()];
                if (answer.has_error()) {
                    EXPECT_EQ(answer.error().reached, http::progress::sent) << files[i];
                }
            }
        });
        return verdicts;
    }

    static std::string as_it_is(std::string text) { return text; }

    std::filesystem::path folder;
    std::vector<std::filesystem::path> files;
};

TEST_F(HttpCorpusTest, HeadsAreJudgedAsBefore) {
    const verdict_counts raw = {{"good", 2}, {"not a head", 1078}};
    EXPECT_EQ(judge_heads(as_it_is), raw);
    const verdict_counts adapted = {
        {"Content-Length together with Transfer-Encoding", 2},
        {"Transfer-Encoding other than chunked", 20},
        {"answer framed by the end of the connection", 149},
        {"bad Content-Length", 8},
        {"bad field name", 6},
        {"bad reason phrase", 1},
        {"bad status line", 4},
        {"folded field", 4},
        {"good", 868},
        {"incomplete", 10},
        {"more than one Content-Length", 2},
        {"more than one Transfer-Encoding", 1},
        {"not a head", 1},
        {"short status line", 2},
        {"status out of range", 1},
        {"unknown HTTP version", 1},
    };
    EXPECT_EQ(judge_heads(with_line_ends), adapted);
}

TEST_F(HttpCorpusTest, EachEndsInAnAnswerOrAFailure) {
    const verdict_counts raw = {{"answer", 2}, {"malformed HTTP answer", 1078}};
    EXPECT_EQ(meet_all(as_it_is), raw);
    const verdict_counts adapted = {
        {"End of file", 32},
        {"answer", 795},
        {"malformed HTTP answer", 252},
        {"the answer exceeds its bound", 1},
    };
    EXPECT_EQ(meet_all(with_line_ends), adapted);
}

}  // namespace
}  // namespace onboardd
