#include "reply.hpp"

#include <boost/beast/http/status.hpp>

#include "text.hpp"

namespace onboardd::sandbox {
namespace {

const std::string& date_line() {
    static std::int64_t second = -1;
    static std::string line;
    const auto now = wall_now_ms();
    if (now / 1000 != second) {
        second = now / 1000;
        line = "Date: " + http_date(now) + "\r\n";
    }
    return line;
}

std::string_view default_code(unsigned status) {
    switch (status) {
        case 400:
            return "invalid_request";
        case 401:
            return "unauthorized";
        case 403:
            return "forbidden";
        case 404:
            return "not_found";
        case 409:
            return "conflict";
        case 429:
            return "too_many_requests";
        case 503:
            return "unavailable";
        default:
            return status < 500 ? "request_failed" : "unexpected_error";
    }
}

}  // namespace

std::string_view reason_phrase(unsigned status) noexcept {
    const auto text =
        boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
    return {text.data(), text.size()};
}

reply error_reply(unsigned status, std::string_view message, std::string_view code,
                  const std::vector<body_problem>& problems) {
    reply answer;
    answer.status = status;
    answer.body = R"({"error":{"message":)";
    append_json_string(answer.body, message);
    answer.body += ",\"code\":";
    append_json_string(answer.body, code.empty() ? default_code(status) : code);
    answer.body += ",\"errors\":[";
    for (const auto& problem : problems) {
        answer.body += answer.body.ends_with('[') ? "{\"path\":" : ",{\"path\":";
        append_json_string(answer.body, problem.path);
        answer.body += ",\"message\":";
        append_json_string(answer.body, problem.message);
        answer.body += '}';
    }
    answer.body += "]}}";
    return answer;
}

void append_head(std::string& to, const reply& answer, std::string_view framing) {
    to += "HTTP/1.1 ";
    append_number(to, answer.status);
    to += ' ';
    to += reason_phrase(answer.status);
    to += "\r\n";
    to += date_line();
    to.append("Content-Type: ").append(answer.content_type).append("\r\n");
    to += answer.headers;
    to += framing;
    if (answer.closes) {
        to += "Connection: close\r\n";
    }
    to += "\r\n";
}

void append_whole(std::string& to, const reply& answer) {
    std::string framing = "Content-Length: ";
    append_number(framing, answer.body.size());
    framing += "\r\n";
    append_head(to, answer, framing);
    to += answer.body;
}

}  // namespace onboardd::sandbox
