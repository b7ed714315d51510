#include "simulate/world.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace onboardd::simulate {

world::world(scenario drawn, std::string* trace)
    : plan(std::move(drawn)), random(plan.seed * 2 + 1), trace_(trace) {}

void world::after(milliseconds delay, std::function<void()> action) {
    coming_.emplace(now() + delay, std::move(action));
}

asio::awaitable<void> world::work_for(milliseconds duration) {
    if (dead_) {
        co_return;
    }
    asio::steady_timer timer(loop, steady_time::max());
    const auto entry = working_.emplace(now() + duration, &timer);
    co_await timer.async_wait(asio::bind_cancellation_slot(asio::cancellation_slot(),
                                                           asio::as_tuple(asio::use_awaitable)));
    working_.erase(entry);
}

bool world::advance() {
    auto next = machine.next().value_or(steady_time::max());
    next = std::min(next, coming_.empty() ? steady_time::max() : coming_.begin()->first);
    next = std::min(next, working_.empty() ? steady_time::max() : working_.begin()->first);
    if (next == steady_time::max()) {
        return false;
    }
    machine.advance(std::max(milliseconds(0), std::chrono::ceil<milliseconds>(next - now())));
    while (!coming_.empty() && coming_.begin()->first <= now()) {
        const auto action = std::move(coming_.begin()->second);
        coming_.erase(coming_.begin());
        action();
    }
    for (auto work = working_.begin(); work != working_.end() && work->first <= now(); ++work) {
        work->second->cancel();
    }
    return true;
}

void world::kill() {
    dead_ = true;
    for (const auto& [at, timer] : working_) {
        timer->cancel();
    }
}

void world::refuse_the_dead() const {
    if (dead_) {
        throw boost::system::system_error(asio::error::operation_aborted);
    }
}

int world::number(int least, int most) {
    return least + static_cast<int>(random() % static_cast<std::uint64_t>(most - least + 1));
}

double world::real() {
    return static_cast<double>(random() >> 11U) * 0x1p-53;
}

bool world::fault(double share) {
    return !calm_ && share > 0 && real() < share;
}

milliseconds world::time_between(milliseconds least, milliseconds most) {
    const auto span = std::max<std::int64_t>(0, (most - least).count());
    return least + milliseconds(static_cast<std::int64_t>(real() * static_cast<double>(span)));
}

void world::note(std::string_view what, std::string_view about, std::int64_t value) {
    const auto elapsed = machine.elapsed().count();
    if (trace_ != nullptr) {
        auto& out = *trace_;
        out +=
            std::to_string(elapsed / 1000) + '.' + std::to_string(1000 + elapsed % 1000).substr(1);
        out += ' ';
        out += what;
        out += ' ';
        out += about;
        out += ' ' + std::to_string(value) + '\n';
    }
    mix(what);
    mix(about);
    mix({reinterpret_cast<const char*>(&value), sizeof value});
    mix({reinterpret_cast<const char*>(&elapsed), sizeof elapsed});
}

void world::mix(std::string_view text) {
    for (const char byte : text) {
        hash_ = (hash_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
    }
}

}  // namespace onboardd::simulate
