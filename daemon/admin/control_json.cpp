#include <algorithm>
#include <boost/json/serialize.hpp>
#include <optional>

#include "daemon/admin/json_members.hpp"
#include "onboardd/admin/control.hpp"

namespace onboardd::admin {
namespace {

json::array pairs(const std::vector<std::pair<std::string, std::string>>& identities) {
    json::array out;
    for (const auto& [account, reference] : identities) {
        out.push_back(json::array{account, reference});
    }
    return out;
}

std::vector<std::pair<std::string, std::string>> pairs_in(members& from, const char* name) {
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& one : from.array(name)) {
        const auto* pair = one.if_array();
        if (pair == nullptr || pair->size() != 2 || !pair->at(0).is_string() ||
            !pair->at(1).is_string()) {
            from.fail(name);
            return {};
        }
        found.emplace_back(pair->at(0).get_string(), pair->at(1).get_string());
    }
    return found;
}

std::string_view name_of_change(pause_change change) {
    switch (change) {
        case pause_change::changed:
            return "changed";
        case pause_change::unchanged:
            return "unchanged";
        case pause_change::no_such_account:
            return "no_such_account";
    }
    return "invalid";
}

void read_change(members& from, job_change& change) {
    change.account = from.text("account");
    change.reference = from.text("reference");
    change.from = from.needed_state("from");
    change.to = from.needed_state("to");
}

void read_refusal(members& from, refused_job& job) {
    job.account = from.text("account");
    job.reference = from.text("reference");
    job.state = from.needed_state("state");
    const auto why =
        one_named(from.text("why"), refusal::damaged, [](refusal one) { return name_of(one); });
    if (!why) {
        from.fail("why");
    }
    job.why = why.value_or(refusal::damaged);
}

bool leaves_all_open(const job_selection& among) {
    return among.identities.empty() && among.account.empty() && among.batch.empty() && !among.state;
}

}  // namespace

operated_view view_of(const operated& done) {
    operated_view view;
    for (const auto& one : done.changed) {
        view.changed.push_back({one.after.account, one.after.reference, one.from, one.after.state});
    }
    view.refused = done.refused;
    view.missing = done.missing;
    view.unchanged = done.unchanged;
    view.last = done.last;
    view.end = done.end;
    return view;
}

std::string to_json(const operating_order& order) {
    json::object out;
    out["command"] = to_string(order.what);
    out["jobs"] = pairs(order.among.identities);
    out["account"] = order.among.account;
    out["batch"] = order.among.batch;
    out["state"] = order.among.state ? to_string(*order.among.state) : "";
    out["all"] = order.all;
    out["after"] = order.after;
    return json::serialize(out);
}

std::string to_json(const operated_view& done) {
    json::array changed;
    for (const auto& one : done.changed) {
        changed.push_back(json::object{{"account", one.account},
                                       {"reference", one.reference},
                                       {"from", to_string(one.from)},
                                       {"to", to_string(one.to)}});
    }
    json::array refused;
    for (const auto& one : done.refused) {
        refused.push_back(json::object{{"account", one.account},
                                       {"reference", one.reference},
                                       {"state", to_string(one.state)},
                                       {"why", name_of(one.why)}});
    }
    json::object out;
    out["changed"] = std::move(changed);
    out["refused"] = std::move(refused);
    out["missing"] = pairs(done.missing);
    out["unchanged"] = done.unchanged;
    out["last"] = done.last;
    out["end"] = done.end;
    return json::serialize(out);
}

std::string to_json(const pause_order& order) {
    return json::serialize(json::object{{"account", order.account}, {"paused", order.paused}});
}

std::string to_json(pause_change change) {
    return json::serialize(json::object{{"change", name_of_change(change)}});
}

result<operating_order, std::string> parse_operating_order(std::string_view text) {
    const auto object = object_in(text);
    if (!object) {
        return object.error();
    }
    members from(*object);
    operating_order order;
    const auto what = parse_operation(from.text("command"));
    if (!what) {
        return std::string("there is no such command");
    }
    order.what = *what;
    order.among.identities = pairs_in(from, "jobs");
    order.among.account = from.text("account");
    order.among.batch = from.text("batch");
    order.among.state = from.state("state");
    order.all = from.flag("all");
    order.after = from.number("after");
    if (!from.fault().empty()) {
        return from.fault();
    }
    if (order.among.identities.size() > named_jobs_max) {
        return "more than " + std::to_string(named_jobs_max) + " jobs are named";
    }
    if (leaves_all_open(order.among) && !order.all) {
        return std::string("no job is named, and not all are meant");
    }
    return order;
}

result<operated_view, std::string> parse_operated(std::string_view text) {
    const auto object = object_in(text);
    if (!object) {
        return object.error();
    }
    members from(*object);
    operated_view done;
    done.changed = all_in<job_change>(from, "changed", read_change);
    done.refused = all_in<refused_job>(from, "refused", read_refusal);
    done.missing = pairs_in(from, "missing");
    done.unchanged = static_cast<std::uint64_t>(from.number("unchanged"));
    done.last = from.number("last");
    done.end = from.flag("end");
    for (const auto* name : {"changed", "refused", "missing", "last", "end"}) {
        if (object->if_contains(name) == nullptr) {
            from.fail(name);
        }
    }
    if (!from.fault().empty()) {
        return from.fault();
    }
    return done;
}

result<pause_order, std::string> parse_pause_order(std::string_view text) {
    // An order could be made from a string itself.
    const auto wrong = [](std::string why) {
        return parsed<pause_order>(boost::system::in_place_error, std::move(why));
    };
    const auto object = object_in(text);
    if (!object) {
        return wrong(object.error());
    }
    members from(*object);
    pause_order order;
    order.account = from.text("account");
    order.paused = from.flag("paused");
    if (!from.fault().empty()) {
        return wrong(from.fault());
    }
    if (order.account.empty() || object->if_contains("paused") == nullptr) {
        return wrong("an account and whether it is paused must be given");
    }
    return order;
}

result<pause_change, std::string> parse_pause_change(std::string_view text) {
    const auto object = object_in(text);
    if (!object) {
        return object.error();
    }
    members from(*object);
    const auto word = from.text("change");
    for (const auto change :
         {pause_change::changed, pause_change::unchanged, pause_change::no_such_account}) {
        if (word == name_of_change(change)) {
            return change;
        }
    }
    return std::string("there is no such change");
}

}  // namespace onboardd::admin
