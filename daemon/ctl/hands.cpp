#include "daemon/ctl/hands.hpp"

#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <utility>

#include "daemon/app/wiring.hpp"
#include "daemon/ctl/control_socket.hpp"
#include "daemon/ctl/output.hpp"
#include "daemon/ctl/references.hpp"

namespace onboardd::ctl {
namespace {

constexpr std::size_t changes_max = 256;  // in one commit

void log_operator(const std::string& command, const std::string& about) {
    ::openlog("onboardctl", LOG_PID, LOG_DAEMON);
    ::syslog(LOG_INFO, "operator uid=%u command=%s %s", static_cast<unsigned>(::getuid()),
             command.c_str(), shown(about).c_str());
}

class by_daemon final : public hands {
public:
    explicit by_daemon(std::unique_ptr<control_socket> socket) : socket_(std::move(socket)) {}

    admin::operated_view operate(const admin::operating_order& order) override {
        return understood(
            admin::parse_operated(good_answer(*socket_, admin::jobs_path, to_json(order))));
    }

    pause_change set_pause(const admin::pause_order& order) override {
        return understood(
            admin::parse_pause_change(good_answer(*socket_, admin::accounts_path, to_json(order))));
    }

    bool without_daemon() const override { return false; }

private:
    std::unique_ptr<control_socket> socket_;
};

// Owns the ledger as the daemon does, for as long as this lives.
class by_ledger final : public hands {
public:
    explicit by_ledger(const config& settings)
        : settings_(settings),
          time_(make_system_clock()),
          book_(open_sqlite_ledger(loop_.get_executor(), *time_, marked_options_of(settings))) {}

    admin::operated_view operate(const admin::operating_order& order) override {
        auto among = order.among;
        return admin::view_of(run(book_->operate(order.what, std::move(among), order.after,
                                                 changes_max, time_->wall_now(), ::getuid())));
    }

    pause_change set_pause(const admin::pause_order& order) override {
        if (!std::ranges::any_of(settings_.accounts, [&](const account_config& account) {
                return account.id == order.account;
            })) {
            return pause_change::no_such_account;
        }
        const auto known = run(book_->pauses());
        if (order.paused == std::ranges::any_of(known, [&](const operator_pause& pause) {
                return pause.account == order.account;
            })) {
            return pause_change::unchanged;
        }
        std::optional<operator_pause> pause;
        if (order.paused) {
            pause = operator_pause{order.account, time_->wall_now(), ::getuid()};
        }
        run(book_->set_pause(order.account, std::move(pause)));
        return pause_change::changed;
    }

    bool without_daemon() const override { return true; }

private:
    template <class T>
    T run(asio::awaitable<result<T>> call) {
        result<T> answer = error_code();
        std::exception_ptr failure;
        loop_.restart();
        asio::co_spawn(loop_, std::move(call), [&](std::exception_ptr ended, result<T> value) {
            failure = std::move(ended);
            answer = std::move(value);
        });
        loop_.run();
        if (failure) {
            std::rethrow_exception(failure);
        }
        if (answer.has_error()) {
            const auto words = book_->failure();
            throw std::runtime_error("the ledger did not take it: " +
                                     (words.empty() ? answer.error().message() : words));
        }
        if constexpr (!std::is_void_v<T>) {
            return std::move(*answer);
        }
    }

    const config& settings_;
    asio::io_context loop_{1};
    std::unique_ptr<clock> time_;
    std::unique_ptr<ledger> book_;
};

// Leaves word of each change in the system's log. journald notes there by itself who wrote it; the
// daemon's own log cannot tell when systemd shows it other users as nobody (PrivateUsers=).
class by_the_log final : public hands {
public:
    explicit by_the_log(std::unique_ptr<hands> others) : others_(std::move(others)) {}

    admin::operated_view operate(const admin::operating_order& order) override {
        auto done = others_->operate(order);
        const std::string command(to_string(order.what));
        if (!order.among.identities.empty()) {
            for (const auto& one : done.changed) {
                log_operator(command, "job=" + one.account + "/" + one.reference +
                                          " from=" + std::string(to_string(one.from)) +
                                          " to=" + std::string(to_string(one.to)));
            }
        } else if (!done.changed.empty()) {
            log_operator(command, "batch=" + order.among.batch + " account=" + order.among.account +
                                      " jobs=" + std::to_string(done.changed.size()));
        }
        return done;
    }

    pause_change set_pause(const admin::pause_order& order) override {
        const auto done = others_->set_pause(order);
        if (done == pause_change::changed) {
            log_operator(order.paused ? "pause" : "resume", "account=" + order.account);
        }
        return done;
    }

    bool without_daemon() const override { return others_->without_daemon(); }

private:
    std::unique_ptr<hands> others_;
};

std::unique_ptr<hands> open_plain_hands(const config& settings) {
    if (auto socket = open_control_socket(settings.admin.socket)) {
        return std::make_unique<by_daemon>(std::move(socket));
    }
    open_reader(settings);  // a ledger that is not there is not made for this
    try {
        return std::make_unique<by_ledger>(settings);
    } catch (const already_owned& owner) {
        throw already_owned(std::string(owner.what()) + ", and does not listen at " +
                            shown(settings.admin.socket.native()));
    }
}

}  // namespace

std::unique_ptr<hands> open_hands(const config& settings) {
    return std::make_unique<by_the_log>(open_plain_hands(settings));
}

}  // namespace onboardd::ctl
