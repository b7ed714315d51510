#include "onboardd/admin/reading.hpp"

#include <set>
#include <utility>

namespace onboardd::admin {
namespace {

response unreadable(const error_code& why) {
    return plain(503, "the ledger cannot be read: " + why.message());
}

// The accounts that a reference without one may belong to.
asio::awaitable<result<std::vector<std::string>>> accounts_of(ledger& store) {
    const auto totals = co_await store.totals();
    if (totals.has_error()) {
        co_return totals.error();
    }
    std::set<std::string> names;
    for (const auto& sum : *totals) {
        names.insert(sum.account);
    }
    co_return std::vector<std::string>(names.begin(), names.end());
}

asio::awaitable<result<found_jobs>> find_one(ledger& store, std::vector<std::string> accounts,
                                             std::string reference, bool histories) {
    found_jobs found;
    for (const auto& account : accounts) {
        const auto row = co_await store.find(account, reference);
        if (row.has_error() && row.error() != errc::damaged_row) {
            co_return row.error();
        }
        if (row.has_error()) {
            found.damaged.push_back(std::string(account).append("/").append(reference));
        } else if (*row) {
            job_history past;
            if (histories) {
                auto kept = co_await store.history((*row)->id);
                if (kept.has_error()) {
                    co_return kept.error();
                }
                past = std::move(*kept);
            }
            found.rows.push_back(**row);
            found.pasts.push_back(std::move(past));
        }
    }
    co_return found;
}

asio::awaitable<response> find(ledger& store, request asked) {
    const auto order = parse_find_order(asked.body);
    if (!order) {
        co_return plain(400, order.error());
    }
    const auto all = co_await accounts_of(store);
    if (all.has_error()) {
        co_return unreadable(all.error());
    }
    std::vector<found_jobs> found;
    for (const auto& wanted : order->references) {
        auto [account, reference] = split_reference(wanted);
        auto among = account.empty() ? *all : std::vector<std::string>(1, account);
        auto jobs =
            co_await find_one(store, std::move(among), std::move(reference), order->histories);
        if (jobs.has_error()) {
            co_return unreadable(jobs.error());
        }
        found.push_back(std::move(*jobs));
    }
    co_return json_answer(to_json(found));
}

asio::awaitable<response> list(ledger& store, request asked) {
    const auto order = parse_list_order(asked.body);
    if (!order) {
        co_return plain(400, order.error());
    }
    const auto page = co_await store.jobs(order->after, listed_jobs_max);
    co_return page ? json_answer(to_json(*page)) : unreadable(page.error());
}

asio::awaitable<response> batch(ledger& store, request asked) {
    const auto order = parse_batch_order(asked.body);
    if (!order) {
        co_return plain(400, order.error());
    }
    const auto found = co_await store.look_at_batch(order->batch);
    co_return found ? json_answer(to_json(*found)) : unreadable(found.error());
}

}  // namespace

std::pair<std::string, std::string> split_reference(const std::string& reference) {
    const auto slash = reference.find('/');
    if (slash == std::string::npos) {
        return {std::string(), reference};
    }
    return {reference.substr(0, slash), reference.substr(slash + 1)};
}

void add_reading(server& window, ledger& store) {
    window.on(verb::post, find_path,
              [&store](request asked) { return find(store, std::move(asked)); });
    window.on(verb::post, list_path,
              [&store](request asked) { return list(store, std::move(asked)); });
    window.on(verb::post, batch_path,
              [&store](request asked) { return batch(store, std::move(asked)); });
}

}  // namespace onboardd::admin
