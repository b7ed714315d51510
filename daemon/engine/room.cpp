#include "daemon/engine/room.hpp"

#include <cerrno>
#include <utility>

namespace onboardd {
namespace {

constexpr milliseconds look_interval{1'000};
constexpr milliseconds result_grace{10'000};  // how long a result waits for room after stop()

// What waiting for room, or for a better disk, can cure.
bool is_trouble_of_the_disk(const error_code& ec) {
    namespace errc = boost::system::errc;
    return ec == errc::no_space_on_device || ec == errc::io_error ||
           ec == errc::read_only_file_system ||
           ec == error_code(EDQUOT, boost::system::system_category());
}

std::string joined(const std::vector<std::string>& sentences) {
    std::string all;
    for (const auto& one : sentences) {
        all += (all.empty() ? "" : "; ") + one;
    }
    return all;
}

}  // namespace

room::room(engine_context& context)
    : context_(context), full_(context.parts.executor), looked_(context.parts.executor) {}

asio::awaitable<void> room::run() {
    for (;;) {
        co_await full_.wait();
        while (ledger_full_) {
            co_await context_.parts.time.wait_for(look_interval);
            const auto found = co_await context_.parts.store.make_room();
            if (!found) {
                context_.fail(found.error());  // there is still none, or it failed
            } else {
                ledger_full_ = false;
                context_.parts.log.info("ledger_has_room",
                                        "there is room on the ledger's disk again");
                tell();
                context_.wake_accounts();
            }
            looked_.notify_all();
        }
    }
}

void room::stop() {
    stopped_at_ = context_.parts.time.now();
    looked_.notify_all();
}

asio::awaitable<bool> room::wait_to_take_in() {
    for (;;) {
        co_await look_at_disks();
        const bool enough = context_.status.short_of_room.empty();
        if (enough || stopped_at_) {
            co_return enough;
        }
        co_await context_.parts.time.wait_for(look_interval);
    }
}

asio::awaitable<void> room::look_at_disks() {
    if (context_.parts.find_shortages) {
        disk_shortages_ = co_await context_.parts.find_shortages(!disk_shortages_.empty());
    }
    if (context_.parts.store.full()) {
        ledger_is_full();
    }
    tell();
}

void room::tell() {
    auto found = disk_shortages_;
    if (ledger_full_) {
        found.emplace_back("the ledger's disk is full");
    }
    if (outcome_failure_) {
        found.push_back("outcomes cannot be written: " + outcome_failure_.message());
    }
    auto& told = context_.status.short_of_room;
    if (told.empty() && !found.empty()) {
        context_.parts.log.error("intake_waits", "nothing new is taken in until there is room",
                                 {{"reason", joined(found)}});
    } else if (!told.empty() && found.empty()) {
        context_.parts.log.info("intake_goes_on", "there is room for new jobs again");
    }
    told = std::move(found);
}

void room::ledger_is_full() {
    if (std::exchange(ledger_full_, true)) {
        return;
    }
    context_.parts.log.error(
        "ledger_full",
        "there is no room on the ledger's disk; nothing new is taken in or sent until there is");
    full_.set();
    tell();
}

asio::awaitable<bool> room::wait_for_ledger() {
    while (ledger_full_) {
        if (stopped_at_ && context_.parts.time.now() >= *stopped_at_ + result_grace) {
            co_return false;
        }
        co_await looked_.wait();
    }
    co_return true;
}

void room::outcome_failed(const error_code& reason) {
    context_.status.outcomes_owed = true;
    if (is_trouble_of_the_disk(reason)) {
        outcome_failure_ = reason;
        tell();
    }
}

void room::outcomes_work() {
    context_.status.outcomes_owed = false;
    outcome_failure_ = {};
    tell();
}

}  // namespace onboardd
