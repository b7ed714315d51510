#include "daemon/http/pool.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>

#include "onboardd/base/task_group.hpp"

namespace onboardd::http {
namespace {

steady_time machine_now() {
    return std::chrono::steady_clock::now();
}

failure not_sent(const error_code& ec, phase step) {
    return failure{ec, progress::not_sent, step, {}};
}

}  // namespace

void unlist::operator()(link* ended) const noexcept {
    auto& links = owner->links_;
    const auto at = std::find(links.begin(), links.end(), ended);
    *at = links.back();
    links.pop_back();
    delete ended;
}

pool::pool(const asio::any_io_executor& executor, clock& time, logger& log,
           const client_options& options)
    : executor_(executor),
      time_(time),
      log_(log),
      options_(options),
      tls_(options.tls, options.host),
      addresses_(executor, time, log, options.host, options.port, options.resolve_every),
      slots_(executor, options.connections_max),
      watch_(executor) {}

pool::~pool() {
    idle_.clear();
    assert(links_.empty());  // a connection must not outlive its client
}

asio::awaitable<void> pool::run() {
    struct stop_at_end {
        pool& owner;
        ~stop_at_end() { owner.stop(); }
    };
    const stop_at_end guard{*this};
    task_group tasks(executor_);
    tasks.spawn(addresses_.run());
    tasks.spawn(watch_deadlines());
    co_await tasks.join();
}

void pool::stop() {
    stopped_ = true;
    idle_.clear();
    for (auto* busy : links_) {
        busy->abort(errc::stopping);
    }
    addresses_.close();
    slots_.close();
}

asio::awaitable<result<pool::lease, failure>> pool::acquire() {
    auto place = slots_.try_acquire();
    if (!place) {
        auto waited = co_await slots_.acquire();
        place.swap(waited);
    }
    if (!place) {
        co_return not_sent(errc::stopping, phase::connect);
    }
    if (auto idle = take_idle()) {
        lease lent{std::move(place), std::move(idle)};
        co_return lent;
    }
    auto opened = co_await open();
    if (opened.has_error()) {
        co_return opened.error();
    }
    lease lent{std::move(place), std::move(*opened)};
    co_return lent;
}

// Newest first, so that a pool larger than the load shrinks by itself. A stale one is dropped, and
// its like with it.
pool::link_ptr pool::take_idle() {
    while (!idle_.empty()) {
        auto newest = std::move(idle_.back());
        idle_.pop_back();
        if (time_.now() - newest->idle_since <= options_.idle_max && newest->is_fresh()) {
            newest->deadline = steady_time::max();
            return newest;
        }
    }
    return {};
}

void pool::put_back(link_ptr used) {
    if (stopped_ || used->aborted) {
        return;
    }
    used->idle_since = time_.now();
    set_deadline(*used, machine_now() + options_.idle_max);
    idle_.push_back(std::move(used));
}

asio::awaitable<result<pool::link_ptr, failure>> pool::open() {
    if (!addresses_.answered()) {  // not joined with the next by &&: GCC 12 traps there under the
                                   // sanitizers
        const bool in_time =
            co_await addresses_.wait_for_answer(time_.now() + options_.connect_timeout);
        if (!in_time) {
            co_return not_sent(errc::timed_out, phase::resolve);
        }
    }
    if (stopped_) {
        co_return not_sent(errc::stopping, phase::resolve);
    }
    if (addresses_.endpoints().empty()) {
        addresses_.refresh();
        co_return not_sent(addresses_.error(), phase::resolve);
    }
    co_return co_await open_any(addresses_.endpoints());
}

// Each address gets its share of the time that is left, so that a silent one in front does not use
// up all of it.
asio::awaitable<result<pool::link_ptr, failure>> pool::open_any(std::vector<endpoint> endpoints) {
    const auto end = machine_now() + options_.connect_timeout;
    auto failed = not_sent(errc::timed_out, phase::connect);
    for (std::size_t i = 0; i < endpoints.size() && !stopped_; ++i) {
        auto opened = make_link();
        const auto now = machine_now();
        set_deadline(*opened, now + (end - now) / static_cast<int>(endpoints.size() - i));
        auto failure_here = co_await opened->open(tls_, endpoints[i]);
        opened->deadline = steady_time::max();
        if (!failure_here) {
            addresses_.prefer(endpoints[i]);
            log_opened(*opened, endpoints[i]);
            measure_opened(*opened);
            co_return opened;
        }
        failed = std::move(*failure_here);
    }
    addresses_.refresh();
    if (options_.seen != nullptr) {
        options_.seen->connect_failures.add();
    }
    co_return failed;
}

void pool::measure_opened(const link& opened) {
    if (options_.seen != nullptr) {
        options_.seen->connect_time.observe(opened.connected_at - opened.opened_at);
        options_.seen->tls_time.observe(machine_now() - opened.connected_at);
    }
}

pool::link_ptr pool::make_link() {
    link_ptr made(new link(executor_, std::max(link::in_bytes_min, options_.header_bytes_max)),
                  unlist{this});
    links_.push_back(made.get());
    return made;
}

void pool::log_opened(link& opened, const endpoint& peer) {
    if (log_.enabled(severity::debug)) {
        const auto* ssl = opened.tls().native();
        log_.debug("connection_opened", "Connected to the provider.",
                   {{"address", peer.address().to_string()},
                    {"version", SSL_get_version(ssl)},
                    {"cipher", SSL_get_cipher_name(ssl)},
                    {"resumed", SSL_session_reused(ssl) != 0 ? "yes" : "no"}});
    }
}

void pool::set_deadline(link& busy, steady_time deadline) {
    busy.deadline = deadline;
    if (deadline < watch_next_) {
        watch_next_ = deadline;
        watch_.cancel();
    }
}

// Deadlines that were met are not taken out one by one: the next pass, seconds later, finds them
// gone. While there are links it comes at least once in `idle_max`, so that no link that is put
// back has to wake it for its own deadline.
asio::awaitable<void> pool::watch_deadlines() {
    while (true) {
        const auto now = machine_now();
        watch_next_ = links_.empty() ? steady_time::max() : now + options_.idle_max;
        for (auto* each : links_) {
            if (each->deadline <= now) {
                each->abort(errc::timed_out);
            }
            watch_next_ = std::min(watch_next_, each->deadline);
        }
        std::erase_if(idle_, [](const link_ptr& idle) { return bool(idle->aborted); });
        watch_.expires_at(watch_next_);
        co_await watch_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

}  // namespace onboardd::http
