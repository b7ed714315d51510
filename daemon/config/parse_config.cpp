#include "daemon/config/parse_config.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/config/limits.hpp"
#include "daemon/config/place.hpp"
#include "daemon/config/section.hpp"
#include "daemon/config/yaml_json.hpp"
#include "daemon/config/yaml_text.hpp"

namespace onboardd {
namespace reading {
namespace {

constexpr choice_rule<severity, 4> level_rule{{{{"debug", severity::debug},
                                                {"info", severity::info},
                                                {"warning", severity::warning},
                                                {"error", severity::error}}}};
constexpr choice_rule<log_format, 4> format_rule{{{{"auto", log_format::automatic},
                                                   {"journal", log_format::journal},
                                                   {"text", log_format::text},
                                                   {"json", log_format::json}}}};
constexpr path_rule any_path{limits::path_bytes_max};

class config_reader {
public:
    config_reader(const environment& surroundings, reading_result& out)
        : surroundings_(surroundings), out_(out), config_(out.value) {}

    void read(const yaml_node& root);

private:
    // Reads the section `key` of `root` with `body`.
    template <class Body>
    void part(section& root, std::string_view key, Body body) {
        static const yaml_node absent;
        const auto* node = root.find(key);
        section inner(node != nullptr ? *node : absent, std::string(key), out_.faults);
        body(inner);
        inner.finish();
    }

    void read_provider(section& in);
    void read_accounts(section& root, const yaml_node& root_node);
    void read_account(const yaml_node& node, const std::string& path);
    void read_defaults(section& in, account_config& account);
    void read_spool(section& in);
    void read_retry(section& in);
    void read_schedule(section& in);
    void note_file(section& in, std::string_view key, file_kind kind,
                   const std::filesystem::path& path);
    void check_unique(const account_config& account, const yaml_node* id, const std::string& path);
    void check_directories(section& outcomes);

    const environment& surroundings_;
    reading_result& out_;
    config& config_;
    std::vector<std::pair<std::string, int>> ids_;  // with their lines
};

void config_reader::read(const yaml_node& root_node) {
    section root(root_node, "", out_.faults);
    part(root, "provider", [this](section& in) { read_provider(in); });
    read_accounts(root, root_node);
    part(root, "spool", [this](section& in) { read_spool(in); });
    part(root, "checks", [this](section& in) {
        in.read("country_codes", config_.checks.country_codes, boolean_rule());
        in.read("currencies", config_.checks.currencies, boolean_rule());
        in.read("organization_numbers", config_.checks.organization_numbers, boolean_rule());
        in.read("callback_urls", config_.checks.callback_urls, boolean_rule());
    });
    part(root, "outcomes", [this](section& in) {
        in.read("directory", config_.outcomes.directory, any_path);
        in.read("accepted_for", config_.outcomes.accepted_for, limits::accepted_for);
        check_directories(in);
    });
    part(root, "ledger", [this](section& in) {
        in.read("url", config_.ledger.url, read_ledger_url);
        in.read("keep_requests", config_.ledger.keep_requests, limits::keep_requests);
    });
    part(root, "retry", [this](section& in) { read_retry(in); });
    part(root, "reconcile", [this](section& in) {
        in.read("settle", config_.reconcile.settle, limits::reconcile_settle);
        in.read("resend_max", config_.reconcile.resend_max, limits::resend);
    });
    part(root, "follow", [this](section& in) {
        in.read("interval", config_.follow.interval, limits::follow_interval);
    });
    part(root, "admin", [this](section& in) {
        in.read("socket", config_.admin.socket, path_rule{limits::socket_bytes_max});
        in.read("http", config_.admin.http, read_http_address);
    });
    part(root, "log", [this](section& in) {
        in.read("level", config_.log.level, level_rule);
        in.read("format", config_.log.format, format_rule);
    });
    root.finish();
}

void config_reader::read_provider(section& in) {
    auto& provider = config_.provider;
    in.read("base_url", provider.base_url, read_base_url);
    in.read("ca_file", provider.ca_file, file_rule{surroundings_});
    if (provider.ca_file)
        note_file(in, "ca_file", file_kind::certificates, *provider.ca_file);
    in.read("connect_timeout", provider.connect_timeout, limits::connect_timeout);
    in.read("request_timeout", provider.request_timeout, limits::request_timeout);
    in.read("connections_max", provider.connections_max, limits::connections);
    in.read("response_bytes_max", provider.response_bytes_max, limits::response_bytes);
}

void config_reader::read_accounts(section& root, const yaml_node& root_node) {
    root.require({"accounts"});
    const auto* node = root.find("accounts");
    if (node == nullptr || root_node.kind != yaml_kind::mapping)
        return;
    bool good = node->kind == yaml_kind::sequence && !node->items.empty() &&
                node->items.size() <= limits::accounts_max;
    if (!good) {
        root.fault(node->where, "accounts",
                   "not a list of accounts; allowed: from 1 to " +
                       std::to_string(limits::accounts_max) + " of them, each behind a dash");
        return;
    }
    for (std::size_t i = 0; i < node->items.size(); ++i)
        read_account(node->items[i], "accounts[" + std::to_string(i) + ']');
}

void config_reader::read_account(const yaml_node& node, const std::string& path) {
    account_config account;
    section in(node, path, out_.faults);
    in.require({"id", "client_id", "client_secret_file"});
    in.read("id", account.id, read_account_id);
    check_unique(account, in.find("id"), path);
    in.read("client_id", account.client_id, read_client_id);
    in.read("client_secret_file", account.client_secret_file, file_rule{surroundings_});
    if (!account.client_secret_file.empty())
        note_file(in, "client_secret_file", file_kind::secret, account.client_secret_file);
    in.read("audience", account.audience, text_rule{limits::url_bytes_max});
    in.read("requests_per_second_max", account.requests_per_second_max,
            limits::requests_per_second);
    in.read("in_flight_max", account.in_flight_max, limits::in_flight);
    in.read("window", account.window, read_window);
    read_defaults(in, account);
    in.finish();
    config_.accounts.push_back(std::move(account));
}

void config_reader::check_unique(const account_config& account, const yaml_node* id,
                                 const std::string& path) {
    if (id == nullptr || account.id.empty())
        return;
    auto first = std::ranges::find(ids_, account.id, &std::pair<std::string, int>::first);
    if (first != ids_.end()) {
        out_.faults.add(id->where, path + ".id",
                        "the account " + account.id + " is given twice, first in line " +
                            std::to_string(first->second) + "; allowed: each account once");
    } else {
        ids_.emplace_back(account.id, id->where.line);
    }
}

void config_reader::read_defaults(section& in, account_config& account) {
    const auto* node = in.find("defaults");
    if (node == nullptr || node->kind == yaml_kind::null)
        return;
    if (auto text = json_object(*node, in.path_of("defaults"), out_.faults))
        account.defaults = std::move(*text);
    auto request = std::ranges::find(node->members, "case_request", &yaml_member::key);
    if (request == node->members.end())
        return;
    // Every job has its own: one for all of them would make each job a contradiction.
    for (const auto& member : request->value.members) {
        if (member.key == "referenceId") {
            in.fault(member.where, "defaults.case_request.referenceId",
                     "not a default; it is always the job's own reference");
        }
    }
}

void config_reader::read_spool(section& in) {
    auto& spool = config_.spool;
    in.read("directory", spool.directory, any_path);
    in.read("settle", spool.settle, limits::spool_settle);
    in.read("rescan", spool.rescan, limits::spool_rescan);
    in.read("file_bytes_max", spool.file_bytes_max, limits::file_bytes);
}

// Outcomes within incoming/ would be taken for jobs.
void config_reader::check_directories(section& outcomes) {
    const auto* node = outcomes.find("directory");
    auto incoming = (config_.spool.directory / "incoming").lexically_normal();
    auto directory = config_.outcomes.directory.lexically_normal();
    auto differs = std::ranges::mismatch(incoming, directory);
    if (node != nullptr && differs.in1 == incoming.end()) {
        outcomes.fault(node->where, "directory",
                       "within incoming/ of the spool; allowed: any directory outside it");
    }
}

void config_reader::read_retry(section& in) {
    read_schedule(in);
    in.read("max_age", config_.retry.max_age, limits::retry_max_age);
    in.read("budget_percent", config_.retry.budget_percent, limits::budget_percent);
}

void config_reader::read_schedule(section& in) {
    const auto* node = in.find("schedule");
    if (node == nullptr)
        return;
    if (node->kind != yaml_kind::sequence || node->items.empty() ||
        node->items.size() > limits::schedule_max) {
        in.fault(node->where, "schedule",
                 "not a list of durations; allowed: from 1 to " +
                     std::to_string(limits::schedule_max) + " of them, as in [1s, 5s]");
        return;
    }
    std::vector<milliseconds> schedule;
    for (std::size_t i = 0; i < node->items.size(); ++i) {
        const auto& item = node->items[i];
        bool scalar = item.kind == yaml_kind::plain || item.kind == yaml_kind::quoted;
        auto read = scalar ? limits::retry_delay(item)
                           : reading_of<milliseconds>::bad("no duration; allowed: one, as in 30s");
        if (read.value) {
            schedule.push_back(*read.value);
        } else if (item.kind != yaml_kind::refused) {
            in.fault(item.where, "schedule[" + std::to_string(i) + ']', read.wrong);
        }
    }
    config_.retry.schedule = std::move(schedule);
}

void config_reader::note_file(section& in, std::string_view key, file_kind kind,
                              const std::filesystem::path& path) {
    if (const auto* node = in.find(key))
        out_.files.push_back({kind, path, node->where, in.path_of(key)});
}

}  // namespace

reading_result read_config(std::string_view yaml, const environment& surroundings) {
    reading_result out;
    if (yaml.starts_with("\xEF\xBB\xBF"))
        yaml.remove_prefix(3);
    yaml_node root;
    if (!check_text(yaml, out.faults) || !read_yaml(yaml, root, out.faults))
        return out;
    config_reader(surroundings, out).read(root);
    return out;
}

}  // namespace reading

result<config, std::vector<config_fault>> parse_config(std::string_view yaml,
                                                       std::string_view file_name,
                                                       const environment& surroundings) {
    auto read = reading::read_config(yaml, surroundings);
    if (read.faults.empty())
        return std::move(read.value);
    return std::move(read.faults).in_order(file_name);
}

}  // namespace onboardd
