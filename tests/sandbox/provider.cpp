#include "provider.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "text.hpp"

namespace onboardd::sandbox {
namespace {

constexpr std::size_t whole_list_max = 100;  // cases; longer lists are sent piece by piece

bool digits(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// P or T, then eight digits; of partners also three.
bool is_account(std::string_view text, bool partner_too) {
    return !text.empty() && (text[0] == 'P' || text[0] == 'T') && digits(text.substr(1)) &&
           (text.size() == 9 || (partner_too && text.size() == 4));
}

std::string_view next_segment(std::string_view& path) {
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    return segment;
}

operation route_cases(std::string_view rest, std::string_view method, exchange& into) {
    constexpr std::string_view cases = "management/settings/cdd/cases";
    if (!is_account(into.account, false) || !rest.starts_with(cases)) {
        return operation::unknown;
    }
    rest.remove_prefix(cases.size());
    if (rest.empty()) {
        return method == "POST"  ? operation::create_case
               : method == "GET" ? operation::list_cases
                                 : operation::wrong_method;
    }
    rest.remove_prefix(1);
    into.case_id = next_segment(rest);
    if (rest == "callback") {
        return method == "POST" ? operation::report_status : operation::wrong_method;
    }
    if (!rest.empty() || into.case_id.empty()) {
        return operation::unknown;
    }
    return method == "GET" ? operation::read_case : operation::wrong_method;
}

operation route(std::string_view path, std::string_view method, std::string_view base_path,
                exchange& into) {
    if (!path.starts_with(base_path)) {
        return operation::unknown;
    }
    path.remove_prefix(base_path.size());
    if (!path.starts_with("/accounts/")) {
        return operation::unknown;
    }
    path.remove_prefix(10);
    into.account = percent_decoded(next_segment(path));
    if (path == "auth/token" && is_account(into.account, true)) {
        return method == "POST" ? operation::token : operation::wrong_method;
    }
    return route_cases(path, method, into);
}

bool needs_token(operation what) {
    return what == operation::create_case || what == operation::list_cases ||
           what == operation::read_case;
}

bool is_json(std::string_view content_type) {
    constexpr std::string_view json = "application/json";
    return boost::beast::iequals(
        boost::beast::string_view(content_type.substr(0, json.size()).data(),
                                  std::min(json.size(), content_type.size())),
        boost::beast::string_view(json.data(), json.size()));
}

constexpr std::string_view html_page =
    "<!DOCTYPE html><html><head><title>Sorry</title></head>"
    "<body><h1>Something went wrong</h1></body></html>";

}  // namespace

exchange provider::arrive(const request_reader& request) {
    exchange into;
    auto& how = world_.how;
    into.what = route(request.path(), request.method, world_.base_path, into);
    if (needs_token(into.what)) {
        const std::string_view bearer = request.authorization;
        const auto* holder = bearer.starts_with("Bearer ")
                                 ? world_.tokens.holder(bearer.substr(7), wall_now_ms())
                                 : nullptr;
        into.denied = holder == nullptr ? 401 : holder->account != into.account ? 403 : 0;
        into.client = holder == nullptr ? "" : holder->client;
    }
    if (into.what == operation::token) {
        into.planned = how.token_faults.next(how.random);
    } else if (into.denied == 0 && into.what == operation::create_case) {
        into.planned = how.post_faults.next(how.random);
    } else if (into.denied == 0 && needs_token(into.what)) {
        into.planned = how.list_faults.next(how.random);
    }
    return into;
}

bool provider::cut_unread(exchange& of, std::string_view body, bool whole) {
    auto& scripts = world_.how.scripts;
    if (of.what == operation::create_case && of.denied == 0 && !scripts.empty()) {
        const auto reference = find_reference(body);
        if (reference.empty() && !whole) {
            return false;  // a script may forbid what the dice said
        }
        const auto written = scripts.peek(of.account, reference);
        if (written && written->kind->travels == delivery::cut_unread) {
            of.planned = *scripts.next(of.account, reference);
        } else if (written) {
            return false;
        }
    }
    if (of.planned.kind->travels != delivery::cut_unread) {
        return false;
    }
    ++world_.counts.faults_played[std::string(of.planned.kind->name)];
    return true;
}

reply provider::answer(const exchange& of, const request_reader& request) {
    switch (of.what) {
        case operation::token:
            return issue_token(of, request);
        case operation::create_case:
            return create_case(of, request);
        case operation::list_cases:
            return of.denied != 0 ? denial(of) : list_cases(of, request);
        case operation::read_case:
            return of.denied != 0 ? denial(of) : read_case(of);
        case operation::report_status:
            return report_status(of, request);
        case operation::wrong_method:
            return error_reply(405, "method not allowed");
        case operation::unknown:
            break;
    }
    ++world_.counts.elsewhere;
    return error_reply(404, "not found");
}

reply provider::denial(const exchange& of) const {
    return of.denied == 401 ? error_reply(401, "access forbidden, invalid token")
                            : error_reply(403, "the token is not of this account");
}

reply provider::issue_token(const exchange& of, const request_reader& request) {
    std::string credentials;
    const std::string_view basic = request.authorization;
    const bool decoded = basic.starts_with("Basic ") && decode_base64(basic.substr(6), credentials);
    const auto colon = credentials.find(':');
    if (!decoded || colon == std::string::npos) {
        return error_reply(401, "client credentials are missing");
    }
    boost::json::error_code ec;
    const auto parsed = boost::json::parse(request.body, ec);
    const auto* body = ec ? nullptr : parsed.if_object();
    const auto text = [&](boost::json::string_view name) {
        const auto* found = body == nullptr ? nullptr : body->if_contains(name);
        return found != nullptr && found->is_string() ? std::string_view(found->as_string())
                                                      : std::string_view();
    };
    if (!is_json(request.content_type) || body == nullptr) {
        return error_reply(400, "the body must be a JSON object");
    }
    if (text("grant_type") != "client_credentials") {
        return error_reply(400, "unsupported grant_type", "unsupported_grant_type");
    }
    if (text("audience").empty()) {
        return error_reply(400, "audience is required");
    }
    if (!text("audience").ends_with("/accounts/" + of.account)) {
        return error_reply(403, "the client has no grant for this audience");
    }
    const auto client = std::string_view(credentials).substr(0, colon);
    const auto secret = std::string_view(credentials).substr(colon + 1);
    const auto verdict = world_.tokens.check(of.account, client, secret);
    if (verdict != token_desk::verdict::good) {
        return verdict == token_desk::verdict::unknown_account
                   ? error_reply(404, "no such account")
                   : error_reply(401, "wrong client credentials", "invalid_client");
    }
    if (of.planned.kind->creates == effect::none) {
        return shaped({}, of.planned);
    }
    const auto life = world_.how.token_life_s;
    reply good;
    good.headers = "Cache-Control: no-store\r\n";
    good.body = "{";
    if (of.planned.kind->says != content::token_absent) {
        good.body += R"("access_token":")" +
                     world_.tokens.issue(of.account, client, life, wall_now_ms()) + "\",";
    }
    good.body += R"("token_type":"Bearer")";
    switch (of.planned.kind->says) {
        case content::token_expires_absent:
            break;
        case content::token_expires_string:
            good.body += R"(,"expires_in":"14400")";
            break;
        case content::token_expires:
            good.body += ",\"expires_in\":" + std::to_string(of.planned.value);
            break;
        default:
            good.body += ",\"expires_in\":" + std::to_string(life);
    }
    good.body += "}";
    return shaped(std::move(good), of.planned);
}

reply provider::create_case(const exchange& of, const request_reader& request) {
    const auto body = read_post_body(request.body);
    auto planned = of.planned;
    if (of.denied == 0) {
        if (auto written = world_.how.scripts.next(of.account, body.reference)) {
            planned = *written;
        }
    }
    const auto noted =
        world_.store.note_request(of.account, body.reference, request.body, planned.kind);
    auto answer = [&] {
        if (of.denied != 0) {
            return denial(of);
        }
        if (!is_json(request.content_type)) {
            return error_reply(400, "the content type must be application/json");
        }
        if (!body.problems.empty()) {
            return error_reply(400, "invalid request", "validation_failed", body.problems);
        }
        if (body.refused) {
            const std::vector<body_problem> why{
                {"case_for.payout_destination_id", "is refused by the provider"}};
            return error_reply(400, "the payout destination is refused",
                               "payout_destination_refused", why);
        }
        return apply(of, request, body, planned, noted);
    }();
    world_.store.note_answer(noted, answer.status);
    return answer;
}

// The request is good: lets it take effect as the fault allows and puts the answer together.
reply provider::apply(const exchange& of, const request_reader& request, const post_body& body,
                      const fault& planned, std::uint32_t noted) {
    const auto& how = world_.how;
    const auto* record = world_.store.find_reference(of.account, body.reference);
    if (how.duplicate != duplicates::accept && !body.reference.empty() && record != nullptr &&
        record->cases > 0) {
        return error_reply(how.duplicate == duplicates::refuse_400 ? 400 : 409,
                           "a case with this referenceId exists", "duplicate_reference");
    }
    const auto now = wall_now_ms();
    new_case from;
    from.account = of.account;
    from.client = of.client;
    from.reference = body.reference;
    from.body = request.body;
    from.echoed = body.echoed;
    from.auto_status = of.account[0] == 'T' ? body.auto_status : std::string_view();
    from.request = noted;

    reply good;
    good.status = how.post_status;
    if (planned.kind->creates == effect::once || planned.kind->creates == effect::twice) {
        const auto made = world_.store.create(from, how, now);
        if (planned.kind->creates == effect::twice) {
            world_.store.create(from, how, now);
        }
        world_.store.append_json(good.body, made, now);
    } else if (planned.kind->creates == effect::late) {
        good.late =
            late_case{of.account, of.client,         request.body,
                      noted,      world_.generation, std::max<std::int64_t>(planned.value, 0)};
    }
    return shaped(std::move(good), planned);
}

void provider::create_late(const late_case& late) {
    if (late.generation != world_.generation) {
        return;
    }
    const auto body = read_post_body(late.body);
    new_case from;
    from.account = late.account;
    from.client = late.client;
    from.reference = body.reference;
    from.body = late.body;
    from.echoed = body.echoed;
    from.auto_status = late.account[0] == 'T' ? body.auto_status : std::string_view();
    from.request = late.request;
    world_.store.create(from, world_.how, wall_now_ms());
}

// False: a parameter is not allowed.
bool provider::read_list_query(const request_reader& request, const exchange& of,
                               list_query& query) {
    const auto& how = world_.how;
    query.order = how.order;
    query.count_max = how.paging == list_paging::paged ? 10 : nothing;
    if (of.planned.kind->says == content::list_stale) {
        query.younger_than_ms = of.planned.value;
    }
    std::string text;
    if (how.paging == list_paging::ignore) {
        return true;
    }
    if (query_value(request.query(), "limit", text)) {
        const auto* end = text.data() + text.size();
        const auto [stop, ec] = std::from_chars(text.data(), end, query.count_max);
        if (ec != std::errc() || stop != end || query.count_max < 1 || query.count_max > 100) {
            return false;
        }
    }
    if (query_value(request.query(), "starting_after", text)) {
        query.after = world_.store.find(of.account, text);
        return query.after != nothing;
    }
    return true;
}

reply provider::list_cases(const exchange& of, const request_reader& request) {
    ++world_.counts.lists_served;
    if (of.planned.kind->creates == effect::none) {
        return shaped({}, of.planned);
    }
    list_query query;
    if (!read_list_query(request, of, query)) {
        return error_reply(400, "limit is 1 to 100, starting_after is the id of a case");
    }
    long_list part;
    part.now_ms = wall_now_ms();
    if (of.planned.kind->says != content::list_empty) {
        part.cases = world_.store.list(of.account, query, part.now_ms);
    }
    reply good;
    const bool plain = of.planned.kind->travels == delivery::whole &&
                       of.planned.kind->says != content::broken_json;
    if (plain && world_.how.list_chunked && part.cases.size() > whole_list_max) {
        good.list = std::move(part);
        return good;
    }
    good.body = world_.how.list_as_object ? "{\"cases\":[" : "[";
    for (const auto index : part.cases) {
        good.body += good.body.ends_with('[') ? "" : ",";
        world_.store.append_json(good.body, index, part.now_ms, world_.how.list_echoes_reference);
    }
    good.body += world_.how.list_as_object ? "]}" : "]";
    return shaped(std::move(good), of.planned);
}

reply provider::read_case(const exchange& of) {
    ++world_.counts.reads_served;
    const auto index = world_.store.find(of.account, of.case_id);
    if (index == nothing || !world_.how.read_one) {
        return error_reply(404, "no such case");
    }
    reply good;
    world_.store.append_json(good.body, index, wall_now_ms(), world_.how.list_echoes_reference);
    return shaped(std::move(good), of.planned);
}

// The KYC service would call this; tests use it, or the control port, to move a case on.
reply provider::report_status(const exchange& of, const request_reader& request) {
    std::string signature;
    if (!query_value(request.query(), "signature", signature) || signature.empty()) {
        return error_reply(400, "signature is required");
    }
    const auto index = world_.store.find(of.account, of.case_id);
    if (index == nothing) {
        return error_reply(404, "no such case");
    }
    boost::json::error_code ec;
    const auto parsed = boost::json::parse(request.body, ec);
    const auto* body = ec ? nullptr : parsed.if_object();
    const auto* status = body == nullptr ? nullptr : body->if_contains("case_status");
    if (status == nullptr || !status->is_string()) {
        return error_reply(400, "case_status is required");
    }
    world_.store.change_status(index, std::string_view(status->as_string()), wall_now_ms());
    reply good;
    good.content_type = "text/plain";
    good.body = "OK";
    return good;
}

reply provider::retry_later(const fault& planned) const {
    auto answer = error_reply(planned.kind->status, "try again later");
    answer.headers = "Retry-After: ";
    answer.headers += planned.kind->says == content::error_retry_date
                          ? http_date(wall_now_ms() + planned.value * 1000)
                          : std::to_string(planned.value);
    answer.headers += "\r\n";
    return answer;
}

// What the fault makes of a good answer.
reply provider::shaped(reply good, const fault& planned) {
    const auto& kind = *planned.kind;
    if (kind.name != "ok") {
        ++world_.counts.faults_played[std::string(kind.name)];
    }
    const auto status = kind.status != 0 ? kind.status : static_cast<unsigned>(planned.value);
    switch (kind.says) {
        case content::error: {
            std::vector<body_problem> problems;
            if (kind.name == "refuse") {
                problems.push_back({"case_request.organizationNumber", "is not known"});
            }
            return error_reply(status, "a planned failure", {}, problems);
        }
        case content::error_retry_seconds:
        case content::error_retry_date:
            return retry_later(planned);
        case content::html:
            good.status = status;
            good.content_type = "text/html";
            good.body = html_page;
            return good;
        case content::redirect:
            good = error_reply(status, "moved");
            good.headers = "Location: " + world_.elsewhere_url + "\r\n";
            return good;
        case content::no_id: {
            const auto at = good.body.rfind(R"(,"id":")");
            good.body.erase(at, good.body.find('"', at + 7) + 1 - at);
            return good;
        }
        case content::broken_json:
            good.body.resize(good.body.size() - std::min<std::size_t>(good.body.size(), 3));
            return good;
        default:
            break;
    }
    if (kind.status != 0) {
        good.status = kind.status;
    }
    good.travels = kind.travels;
    good.value = kind.creates == effect::late ? 0 : planned.value;
    return good;
}

}  // namespace onboardd::sandbox
