#include "onboardd/http/client.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cassert>

#include "daemon/http/exchange.hpp"
#include "daemon/http/pool.hpp"
#include "daemon/http/request_head.hpp"

namespace onboardd::http {
namespace {

// How long an exchange that begins now is waited for.
class time_limits {
public:
    explicit time_limits(const exchange_options& options)
        : began_(std::chrono::steady_clock::now()),
          end_(began_ + options.time_max),
          pace_(options.pace) {}

    // Whether the deadline depends on what has come.
    [[nodiscard]] bool moves() const { return pace_.has_value(); }

    // As things are now, after so many bytes of the answer.
    [[nodiscard]] steady_time deadline(std::uint64_t received) const {
        if (!pace_) {
            return end_;
        }
        auto at = std::min(end_, std::chrono::steady_clock::now() + pace_->silence_max);
        if (const auto rate = pace_->bytes_per_second_min; rate != 0) {
            at = std::min(at, began_ + pace_->silence_max + std::chrono::seconds(received / rate));
        }
        return at;
    }

private:
    steady_time began_;
    steady_time end_;
    std::optional<answer_pace> pace_;
};

class pooled_client final : public client {
public:
    pooled_client(const asio::any_io_executor& executor, clock& time, logger& log,
                  client_options options)
        : options_(std::move(options)),
          time_(time),
          fixed_(fixed_fields(options_.host, options_.port, options_.user_agent)),
          pool_(executor, time, log, options_) {}

    asio::awaitable<void> run() override { return pool_.run(); }
    asio::awaitable<result<std::unique_ptr<connection>, failure>> connect() override;

private:
    friend class lent_connection;

    client_options options_;
    clock& time_;
    std::string fixed_;
    pool pool_;
};

class lent_connection final : public connection {
public:
    lent_connection(pooled_client& client, pool::lease lease)
        : client_(client), lease_(std::move(lease)) {}

    ~lent_connection() override {
        if (clean_) {
            client_.pool_.put_back(std::move(lease_.held));
        }
    }

    asio::awaitable<result<response, failure>> send(request message,
                                                    exchange_options options) override;

private:
    pooled_client& client_;
    pool::lease lease_;
    bool used_ = false;
    bool clean_ = true;
};

asio::awaitable<result<std::unique_ptr<connection>, failure>> pooled_client::connect() {
    auto lease = co_await pool_.acquire();
    if (lease.has_error()) {
        co_return lease.error();
    }
    std::unique_ptr<connection> lent = std::make_unique<lent_connection>(*this, std::move(*lease));
    co_return lent;
}

asio::awaitable<result<response, failure>> lent_connection::send(request message,
                                                                 exchange_options options) {
    using need = exchange::need;
    assert(!used_);
    used_ = true;
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
        throw boost::system::system_error(asio::error::operation_aborted);
    }
    auto& link = *lease_.held;
    const answer_limits limits{client_.options_.header_bytes_max, client_.options_.interim_max};
    const time_limits patience(options);
    client_.pool_.set_deadline(link, patience.deadline(0));
    clean_ = false;
    exchange work(link.tls(), link.in, link.out, client_.time_, limits, client_.fixed_,
                  std::move(message), std::move(options));
    for (auto next = work.advance(); next != need::done; next = work.advance()) {
        error_code ec = link.aborted;
        if (next == need::turn) {
            co_await asio::post(asio::use_awaitable);
        } else if (!ec) {
            if (patience.moves()) {
                client_.pool_.set_deadline(link, patience.deadline(work.received()));
            }
            ec = co_await link.ready(next == need::readable ? io::want_read : io::want_write);
        }
        if (ec) {
            work.interrupt(ec);
        }
    }
    link.deadline = steady_time::max();
    clean_ = work.leaves_connection_clean();
    co_return work.take();
}

void check(const client_options& options) {
    const auto& host = options.host;
    if (!is_safe_value(host) || host.find_first_of(" /?#@[]%\\") != std::string::npos) {
        throw config_error("the provider's host is neither a name nor an address");
    }
    if (!is_safe_value(options.user_agent)) {
        throw config_error("the user agent holds characters that cannot be sent");
    }
    if (options.connections_max == 0) {
        throw config_error("the number of connections must be at least 1");
    }
}

}  // namespace

asio::awaitable<result<response, failure>> client::send(request message, exchange_options options) {
    auto lent = co_await connect();
    if (lent.has_error()) {
        co_return lent.error();
    }
    auto answer = co_await (*lent)->send(std::move(message), std::move(options));
    co_return answer;
}

std::unique_ptr<client> make_client(const asio::any_io_executor& executor, clock& time, logger& log,
                                    client_options options) {
    check(options);
    return std::make_unique<pooled_client>(executor, time, log, std::move(options));
}

}  // namespace onboardd::http
