#pragma once

// A counted right to hold a connection, lent first in, first out.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <list>
#include <utility>

namespace onboardd::http {

namespace asio = boost::asio;

class slots;

// One lent right; its destructor hands it to the next waiter. Empty: none.
class slot {
public:
    slot() = default;
    explicit slot(slots* owner) noexcept : owner_(owner) {}
    slot(slot&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    slot& operator=(slot&&) = delete;
    ~slot();

    void swap(slot& other) noexcept { std::swap(owner_, other.owner_); }
    explicit operator bool() const noexcept { return owner_ != nullptr; }

private:
    friend class slots;
    slots* owner_ = nullptr;
};

class slots {
public:
    slots(asio::any_io_executor executor, std::uint32_t count)
        : executor_(std::move(executor)), free_(count) {}

    // A slot if one is free and nobody waits, else an empty one.
    slot try_acquire() noexcept;

    // Waits for its turn. Empty if the slots were closed; cancellation throws operation_aborted.
    asio::awaitable<slot> acquire();

    // Sends all waiters away, now and from now on.
    void close();

    [[nodiscard]] std::size_t waiting() const noexcept { return waiters_.size(); }

private:
    friend class slot;
    struct waiter;
    void release() noexcept;

    asio::any_io_executor executor_;
    std::list<waiter*> waiters_;
    std::uint32_t free_;
    bool closed_ = false;
};

inline slot::~slot() {
    if (owner_ != nullptr) {
        owner_->release();
    }
}

}  // namespace onboardd::http
