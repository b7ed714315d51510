#include <boost/json/serialize.hpp>

#include "daemon/admin/json_members.hpp"
#include "onboardd/admin/reading.hpp"

namespace onboardd::admin {
namespace {

json::value time_or_null(const std::optional<wall_time>& time) {
    return time ? json::value(time->time_since_epoch().count()) : json::value(nullptr);
}

json::object of_case(const case_facts& known) {
    return json::object{{"id", known.id},
                        {"case_id", known.case_id},
                        {"contract_url", known.contract_url},
                        {"case_status", known.case_status},
                        {"created_at", known.created_at}};
}

json::value of_error(const std::optional<job_error>& error) {
    if (!error) {
        return nullptr;
    }
    return json::object{{"kind", to_string(error->kind)},
                        {"http_status", error->http_status},
                        {"code", error->code},
                        {"message", error->message},
                        {"details", error->details},
                        {"field", error->field}};
}

json::object of_job(const job& row) {
    json::object out;
    out["id"] = row.id;
    out["account"] = row.account;
    out["reference"] = row.reference;
    out["batch"] = row.batch;
    out["state"] = to_string(row.state);
    out["priority"] = row.priority;
    out["followed"] = row.followed;
    out["received_at"] = time_or_null(row.received_at);
    out["not_before"] = time_or_null(row.not_before);
    out["expires_at"] = time_or_null(row.expires_at);
    out["due_at"] = time_or_null(row.due_at);
    out["submitted_at"] = time_or_null(row.submitted_at);
    out["lost_at"] = time_or_null(row.lost_at);
    out["finished_at"] = time_or_null(row.finished_at);
    out["attempts"] = row.attempts;
    out["retries"] = row.retries;
    out["resends"] = row.resends;
    out["absent_since"] = time_or_null(row.absent_since);
    out["case"] = of_case(row.the_case);
    out["error"] = of_error(row.error);
    out["revision"] = row.revision;
    return out;
}

json::array of_jobs(const std::vector<job>& rows) {
    json::array out;
    for (const auto& row : rows) {
        out.push_back(of_job(row));
    }
    return out;
}

json::object of_history(const job_history& past) {
    json::array steps;
    for (const auto& step : past.steps) {
        steps.push_back(json::object{{"at", time_or_null(step.at)},
                                     {"from", to_string(step.from)},
                                     {"to", to_string(step.to)},
                                     {"attempt", step.attempt},
                                     {"what", step.what ? to_string(*step.what) : ""},
                                     {"uid", step.uid},
                                     {"words", step.words}});
    }
    return {{"omitted", past.omitted}, {"steps", std::move(steps)}};
}

json::array of_texts(const std::vector<std::string>& texts) {
    json::array out;
    for (const auto& text : texts) {
        out.emplace_back(text);
    }
    return out;
}

std::vector<std::string> texts_in(members& from, const char* name) {
    std::vector<std::string> found;
    for (const auto& one : from.array(name)) {
        const auto* text = one.if_string();
        if (text == nullptr) {
            from.fail(name);
            return {};
        }
        found.emplace_back(*text);
    }
    return found;
}

void read_case(members& from, case_facts& known) {
    known.id = from.text("id");
    known.case_id = from.text("case_id");
    known.contract_url = from.text("contract_url");
    known.case_status = from.text("case_status");
    known.created_at = from.text("created_at");
}

void read_error(members& from, job_error& error) {
    const auto kind = one_named(from.text("kind"), error_kind::cancelled,
                                [](error_kind one) { return to_string(one); });
    if (!kind) {
        from.fail("kind");
        return;
    }
    error.kind = *kind;
    error.http_status = static_cast<int>(from.number("http_status"));
    error.code = from.text("code");
    error.message = from.text("message");
    error.details = from.text("details");
    error.field = from.text("field");
}

void read_times(members& from, job& row) {
    row.received_at = from.time("received_at").value_or(wall_time());
    row.not_before = from.time("not_before");
    row.expires_at = from.time("expires_at");
    row.due_at = from.time("due_at").value_or(wall_time());
    row.submitted_at = from.time("submitted_at");
    row.lost_at = from.time("lost_at");
    row.finished_at = from.time("finished_at");
    row.absent_since = from.time("absent_since");
}

void read_job(members& from, job& row) {
    row.id = from.number("id");
    row.account = from.text("account");
    row.reference = from.text("reference");
    row.batch = from.text("batch");
    row.state = from.needed_state("state");
    row.priority = static_cast<std::int8_t>(from.signed_number("priority"));
    row.followed = from.flag("followed");
    read_times(from, row);
    row.attempts = static_cast<std::uint32_t>(from.number("attempts"));
    row.retries = static_cast<std::uint32_t>(from.number("retries"));
    row.resends = static_cast<std::uint32_t>(from.number("resends"));
    row.revision = static_cast<std::uint32_t>(from.number("revision"));
    if (const auto* known = from.object("case")) {
        read_within(from, "case", *known, [&](members& each) { read_case(each, row.the_case); });
    }
    if (const auto* error = from.object("error")) {
        row.error.emplace();
        read_within(from, "error", *error, [&](members& each) { read_error(each, *row.error); });
    }
}

// nullopt: of a command that a later version knows.
void read_step(members& from, std::optional<job_step>& read) {
    auto& step = read.emplace();
    step.at = from.time("at").value_or(wall_time());
    step.from = from.needed_state("from");
    step.to = from.needed_state("to");
    step.attempt = static_cast<std::uint32_t>(from.number("attempt"));
    const auto word = from.text("what");
    step.what = parse_operation(word);
    step.uid = static_cast<std::uint32_t>(from.number("uid"));
    step.words = from.text("words");
    if (!step.what && !word.empty()) {
        read.reset();
    }
}

void read_history(members& from, job_history& past) {
    past.omitted = static_cast<std::uint64_t>(from.number("omitted"));
    for (auto& step : all_in<std::optional<job_step>>(from, "steps", read_step)) {
        if (step) {
            past.steps.push_back(std::move(*step));
        }
    }
}

void read_tally(members& from, tally& sum) {
    sum.account = from.text("account");
    sum.state = from.needed_state("state");
    sum.reason = from.text("reason");
    sum.jobs = static_cast<std::uint64_t>(from.number("jobs"));
    sum.attempts = static_cast<std::uint64_t>(from.number("attempts"));
}

// What `read` makes of the object in `text`; the member `needed` must be there.
template <class T, class Read>
parsed<T> parse_object(std::string_view text, const char* needed, Read read) {
    // Some of these could be made from a string themselves.
    const auto wrong = [](std::string why) {
        return parsed<T>(boost::system::in_place_error, std::move(why));
    };
    const auto object = object_in(text);
    if (!object) {
        return wrong(object.error());
    }
    members from(*object);
    if (object->if_contains(needed) == nullptr) {
        from.fail(needed);
    }
    T value;
    read(from, value);
    return from.fault().empty() ? parsed<T>(boost::system::in_place_value, std::move(value))
                                : wrong(from.fault());
}

}  // namespace

std::string to_json(const find_order& order) {
    return json::serialize(
        json::object{{"references", of_texts(order.references)}, {"histories", order.histories}});
}

std::string to_json(const list_order& order) {
    return json::serialize(json::object{{"after", order.after}});
}

std::string to_json(const batch_order& order) {
    return json::serialize(json::object{{"batch", order.batch}});
}

std::string to_json(const std::vector<found_jobs>& found) {
    json::array all;
    for (const auto& one : found) {
        json::object out;
        json::array pasts;
        for (const auto& past : one.pasts) {
            pasts.push_back(of_history(past));
        }
        out["jobs"] = of_jobs(one.rows);
        out["histories"] = std::move(pasts);
        out["damaged"] = of_texts(one.damaged);
        all.push_back(std::move(out));
    }
    json::object out;
    out["found"] = std::move(all);
    return json::serialize(out);
}

std::string to_json(const job_page& page) {
    json::array damaged;
    for (const auto id : page.damaged) {
        damaged.emplace_back(id);
    }
    json::object out;
    out["jobs"] = of_jobs(page.rows);
    out["damaged"] = std::move(damaged);
    out["last"] = page.last;
    out["end"] = page.end;
    return json::serialize(out);
}

std::string to_json(const batch_summary& batch) {
    json::array tallies;
    for (const auto& sum : batch.tallies) {
        tallies.push_back(json::object{{"account", sum.account},
                                       {"state", to_string(sum.state)},
                                       {"reason", sum.reason},
                                       {"jobs", sum.jobs},
                                       {"attempts", sum.attempts}});
    }
    json::object out;
    out["batch"] = batch.batch;
    out["first_received_at"] = time_or_null(batch.first_received_at);
    out["last_finished_at"] = time_or_null(batch.last_finished_at);
    out["tallies"] = std::move(tallies);
    return json::serialize(out);
}

parsed<find_order> parse_find_order(std::string_view text) {
    return parse_object<find_order>(text, "references", [](members& from, find_order& order) {
        order.references = texts_in(from, "references");
        order.histories = from.flag("histories");
        if (order.references.size() > found_references_max) {
            from.fail("references");
        }
    });
}

parsed<list_order> parse_list_order(std::string_view text) {
    return parse_object<list_order>(text, "after", [](members& from, list_order& order) {
        order.after = from.number("after");
    });
}

parsed<batch_order> parse_batch_order(std::string_view text) {
    return parse_object<batch_order>(
        text, "batch", [](members& from, batch_order& order) { order.batch = from.text("batch"); });
}

parsed<std::vector<found_jobs>> parse_found(std::string_view text) {
    using all_found = std::vector<found_jobs>;
    return parse_object<all_found>(text, "found", [](members& from, all_found& all) {
        all = all_in<found_jobs>(from, "found", [](members& each, found_jobs& one) {
            one.rows = all_in<job>(each, "jobs", read_job);
            one.pasts = all_in<job_history>(each, "histories", read_history);
            one.pasts.resize(one.rows.size());
            one.damaged = texts_in(each, "damaged");
        });
    });
}

parsed<job_page> parse_page(std::string_view text) {
    return parse_object<job_page>(text, "end", [](members& from, job_page& page) {
        page.rows = all_in<job>(from, "jobs", read_job);
        for (const auto& id : from.array("damaged")) {
            if (!id.is_int64()) {
                from.fail("damaged");
                return;
            }
            page.damaged.push_back(id.get_int64());
        }
        page.last = from.number("last");
        page.end = from.flag("end");
    });
}

parsed<batch_summary> parse_batch(std::string_view text) {
    return parse_object<batch_summary>(text, "tallies", [](members& from, batch_summary& batch) {
        batch.batch = from.text("batch");
        batch.first_received_at = from.time("first_received_at");
        batch.last_finished_at = from.time("last_finished_at");
        batch.tallies = all_in<tally>(from, "tallies", read_tally);
    });
}

}  // namespace onboardd::admin
