// The outcome file of one job. Strings are appended rather than put through a document tree:
// thousands of outcomes a second are written, and the shape is fixed.

#include <boost/json/parse.hpp>

#include "daemon/outcome/json_text.hpp"
#include "onboardd/outcome/outcome.hpp"

namespace onboardd {
namespace {

void append_case(std::string& out, const case_facts& facts) {
    if (facts == case_facts{}) {
        out += "null";
        return;
    }
    out += "{\n    \"id\": ";
    append_string_or_null(out, facts.id);
    out += ",\n    \"case_id\": ";
    append_string_or_null(out, facts.case_id);
    out += ",\n    \"contract_url\": ";
    append_string_or_null(out, facts.contract_url);
    out += ",\n    \"case_status\": ";
    append_string_or_null(out, facts.case_status);
    out += ",\n    \"created_at\": ";
    append_string_or_null(out, facts.created_at);
    out += "\n  }";
}

// What the provider sent as a JSON text stays as it is; what is none after all is passed on as a
// string.
void append_details(std::string& out, const std::string& details) {
    boost::json::error_code ec;
    if (!details.empty()) {
        boost::json::parse(details, ec);
    }
    if (details.empty() || ec) {
        append_string_or_null(out, details);
    } else {
        append_indented_json(out, details, 4);
    }
}

void append_error(std::string& out, const std::optional<job_error>& error) {
    if (!error) {
        out += "null";
        return;
    }
    out += "{\n    \"kind\": ";
    append_json_string(out, to_string(error->kind));
    out += ",\n    \"http_status\": ";
    if (error->http_status == 0) {
        out += "null";
    } else {
        append_number(out, error->http_status);
    }
    out += ",\n    \"code\": ";
    append_string_or_null(out, error->code);
    out += ",\n    \"message\": ";
    append_string_or_null(out, error->message);
    out += ",\n    \"details\": ";
    append_details(out, error->details);
    out += ",\n    \"field\": ";
    append_string_or_null(out, error->field);
    out += "\n  }";
}

}  // namespace

std::string render_outcome(const job& row) {
    std::string out;
    out.reserve(1024);
    out += "{\n  \"schema\": \"onboardd/outcome/1\",\n  \"revision\": ";
    append_number(out, row.revision);
    out += ",\n  \"account\": ";
    append_json_string(out, row.account);
    out += ",\n  \"reference\": ";
    append_json_string(out, row.reference);
    out += ",\n  \"batch\": ";
    append_json_string(out, row.batch);
    out += ",\n  \"state\": ";
    append_json_string(out, to_string(row.state));
    out += ",\n  \"case\": ";
    append_case(out, row.the_case);
    out += ",\n  \"error\": ";
    append_error(out, row.error);
    out += ",\n  \"attempts\": ";
    append_number(out, row.attempts);
    out += ",\n  \"received_at\": ";
    append_time_or_null(out, row.received_at);
    out += ",\n  \"submitted_at\": ";
    append_time_or_null(out, row.submitted_at);
    out += ",\n  \"finished_at\": ";
    append_time_or_null(out, row.finished_at);
    out += "\n}\n";
    return out;
}

}  // namespace onboardd
