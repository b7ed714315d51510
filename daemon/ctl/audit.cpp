// audit: for each account a token, its list of cases, and what of it the ledger does not know.

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <random>
#include <utility>

#include "daemon/app/wiring.hpp"
#include "daemon/ctl/account_audit.hpp"
#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/references.hpp"
#include "onboardd/auth/token.hpp"
#include "onboardd/base/task_group.hpp"

namespace onboardd::ctl {
namespace {

// A token that was asked for once: a tool does not outlive it.
asio::awaitable<result<access_token, std::string>> fetch_token(http::client& client,
                                                               http::request message,
                                                               milliseconds time_max) {
    http::exchange_options exchange;
    exchange.time_max = time_max;
    const auto answer = co_await client.send(std::move(message), std::move(exchange));
    if (!answer) {
        co_return "no token: " + answer.error().ec.message() +
            (answer.error().detail.empty() ? "" : " (" + answer.error().detail + ")");
    }
    if (answer->status != 200) {
        co_return "no token: HTTP status " + std::to_string(answer->status);
    }
    auto grant = parse_token(answer->body);
    if (!grant) {
        co_return "no token: " + grant.error().message();
    }
    access_token token;
    token.value = std::make_shared<const secret>(std::move(grant->access_token));
    co_return token;
}

std::string describe(const list_failure& failure) {
    return "the list cannot be read: " + (failure.http_status != 0
                                              ? "HTTP status " + std::to_string(failure.http_status)
                                              : failure.ec.message());
}

class auditor {
public:
    auditor(asio::io_context& loop, const config& settings, output& to)
        : options_(engine_options_of(settings)),
          to_(to),
          report_(to, findings_report::purpose::audit),
          time_(make_system_clock()),
          log_(make_logger(severity::error, log_format::text)),
          client_(
              http::make_client(loop.get_executor(), *time_, *log_, client_options_of(settings))),
          book_(open_reader(settings)),
          running_(loop.get_executor()) {}

    asio::awaitable<int> run() {
        running_.spawn(client_->run());
        std::exception_ptr failure;
        try {
            for (const auto& account : options_.accounts) {
                co_await examine(account);
            }
        } catch (...) {
            failure = std::current_exception();
        }
        running_.cancel();
        co_await running_.join();
        if (failure) {
            std::rethrow_exception(failure);
        }
        report_.sum_up();
        co_return failed_     ? exit_status::failed
        : report_.left() != 0 ? exit_status::found_some
                              : exit_status::done;
    }

private:
    asio::awaitable<void> examine(const account_options& account) {
        auto message = account.make_token_request();
        const auto token =
            co_await fetch_token(*client_, std::move(message), options_.request_time_max);
        if (!token) {
            fail(account.id, token.error());
            co_return;
        }
        account_audit audit(account.id, *book_, options_.rules.settle, time_->wall_now(),
                            [this](const finding& found) { report_.tell(found); });
        std::function<void(cdd_case)> show = [&audit](const cdd_case& found) { audit.see(found); };
        const auto list = co_await read(account.id, *token, std::move(show));
        if (!list) {
            fail(account.id, describe(list.error()));
            co_return;
        }
        audit.compare(*list);
        if (audit.any_repeated()) {
            std::function<void(cdd_case)> again = [&audit](const cdd_case& found) {
                audit.see_again(found);
            };
            const auto second = co_await read(account.id, *token, std::move(again));
            if (!second) {
                fail(account.id, describe(second.error()));
            }
            audit.tell_repeated();
        }
        tell_size(account.id, list->ids.size());
    }

    asio::awaitable<result<list_walk, list_failure>> read(std::string account, access_token token,
                                                          std::function<void(cdd_case)> show) {
        return walk_case_list(*client_, *time_, options_.provider, std::move(account),
                              std::move(token), options_.request_time_max, std::move(show));
    }

    void tell_size(const std::string& account, std::size_t cases) {
        if (!to_.json) {
            to_.line(shown(account) + ": " + std::to_string(cases) +
                     (cases == 1 ? " case compared" : " cases compared"));
        }
    }

    void fail(const std::string& account, const std::string& why) {
        failed_ = true;
        to_.err << "onboardctl: " << shown(account) << ": " << shown(why) << '\n';
    }

    engine_options options_;
    output& to_;
    findings_report report_;
    std::unique_ptr<clock> time_;
    std::unique_ptr<logger> log_;
    std::unique_ptr<http::client> client_;
    std::unique_ptr<ledger_reader> book_;
    task_group running_;
    bool failed_ = false;
};

// The configuration with the wanted accounts alone; nullopt: one of them is not in it.
std::optional<config> only(const config& settings, const std::vector<std::string>& accounts,
                           output& to) {
    auto chosen = settings;
    if (accounts.empty()) {
        return chosen;
    }
    chosen.accounts.clear();
    for (const auto& id : accounts) {
        const auto found = std::ranges::find(settings.accounts, id, &account_config::id);
        if (found == settings.accounts.end()) {
            to.err << "onboardctl: the configuration has no account " << shown(id) << '\n';
            return std::nullopt;
        }
        chosen.accounts.push_back(*found);
    }
    return chosen;
}

}  // namespace

int audit(const config& settings, const std::vector<std::string>& accounts, output& to) {
    const auto chosen = only(settings, accounts, to);
    if (!chosen) {
        return failed;
    }
    asio::io_context loop(1);
    auditor work(loop, *chosen, to);
    int status = failed;
    std::exception_ptr failure;
    asio::co_spawn(loop, work.run(), [&](std::exception_ptr ended, int code) {
        failure = std::move(ended);
        status = code;
    });
    loop.run();
    if (failure) {
        std::rethrow_exception(failure);
    }
    return status;
}

}  // namespace onboardd::ctl
