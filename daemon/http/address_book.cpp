#include "daemon/http/address_book.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "onboardd/base/until.hpp"

namespace onboardd::http {
namespace {

constexpr std::size_t endpoints_max = 8;
constexpr milliseconds pause_min{1'000};

}  // namespace

address_book::address_book(const asio::any_io_executor& executor, clock& time, logger& log,
                           std::string host, std::uint16_t port, milliseconds resolve_every)
    : time_(time),
      log_(log),
      host_(std::move(host)),
      port_(port),
      resolve_every_(std::max(resolve_every, pause_min)),
      resolver_(executor),
      answer_(executor, steady_time::max()),
      refresh_(executor) {
    error_code ec;
    const auto address = asio::ip::make_address(host_, ec);
    if (!ec) {
        numeric_ = true;
        answered_ = true;
        endpoints_.emplace_back(address, port_);
    }
}

asio::awaitable<void> address_book::run() {
    const auto service = std::to_string(port_);
    const auto flags =
        asio::ip::resolver_base::numeric_service | asio::ip::resolver_base::address_configured;
    while (!numeric_) {
        auto [ec, answers] = co_await resolver_.async_resolve(host_, service, flags,
                                                              asio::as_tuple(asio::use_awaitable));
        std::vector<endpoint> found;
        for (auto at = answers.begin(); at != answers.end() && found.size() < endpoints_max; ++at) {
            found.push_back(at->endpoint());
        }
        take(ec, std::move(found));
        co_await time_.wait_for(pause_min);
        co_await refresh_.wait_until(time_, time_.now() + resolve_every_ - pause_min);
    }
}

// A failed look-up leaves the addresses as they are: old ones are better than none.
void address_book::take(const error_code& ec, std::vector<endpoint> found) {
    const bool failed = ec || found.empty();
    if (failed && !error_) {
        log_.warning(
            "resolve_failed",
            "The provider's name cannot be resolved; the last known addresses stay in use.",
            {{"host", host_},
             {"error", ec.message()},
             {"addresses", std::to_string(endpoints_.size())}});
    } else if (!failed && error_) {
        log_.info("resolve_recovered", "The provider's name can be resolved again.",
                  {{"host", host_}});
    }
    error_ = ec ? ec : failed ? error_code(asio::error::host_not_found) : error_code();
    if (!failed) {
        const auto best = endpoints_.empty() ? endpoint() : endpoints_.front();
        endpoints_ = std::move(found);
        prefer(best);
    } else {
        refresh_.set();  // ask again after the shortest pause
    }
    answered_ = true;
    answer_.cancel();
}

void address_book::prefer(const endpoint& good) {
    const auto at = std::find(endpoints_.begin(), endpoints_.end(), good);
    if (at != endpoints_.end()) {
        std::rotate(endpoints_.begin(), at, at + 1);
    }
}

asio::awaitable<bool> address_book::wait_for_answer(steady_time deadline) {
    co_return co_await until(time_, deadline, wait_answered());
}

asio::awaitable<void> address_book::wait_answered() {
    while (!answered_) {
        co_await answer_.async_wait(asio::as_tuple(asio::use_awaitable));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) {
            throw boost::system::system_error(asio::error::operation_aborted);
        }
    }
}

void address_book::close() {
    if (!answered_) {
        answered_ = true;
        error_ = errc::stopping;
        answer_.cancel();
    }
}

}  // namespace onboardd::http
