#include "onboardd/base/clock.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <mutex>

#include "onboardd/base/steadied_wall.hpp"

namespace onboardd {
namespace {

using namespace std::chrono;

class system_clock_source final : public clock {
public:
    steady_time now() const override { return steady_clock::now(); }

    wall_time wall_now() const override {
        const std::lock_guard lock(mutex_);
        return wall_.look(machine_wall(), boot_clock::now());
    }

    wall_time wall_trusted_since() const override {
        const std::lock_guard lock(mutex_);
        return wall_.trusted_since();
    }

    milliseconds wall_jump() const override {
        const std::lock_guard lock(mutex_);
        return wall_.jump();
    }

    boot_time boot_now() const override { return boot_clock::now(); }

    asio::awaitable<void> wait_until(steady_time deadline) override {
        asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
        co_await timer.async_wait(asio::use_awaitable);
    }

private:
    static wall_time machine_wall() { return floor<milliseconds>(system_clock::now()); }

    mutable std::mutex mutex_;
    mutable steadied_wall wall_{machine_wall(), boot_clock::now()};
};

// RFC 3339 has years of four digits.
constexpr wall_time first_moment = sys_days{year{0} / January / 1};
constexpr wall_time last_moment = sys_days{year{10000} / January / 1} - milliseconds(1);

void put_digits(char* at, int count, unsigned value) {
    for (; count > 0; --count) {
        at[count - 1] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
}

// Takes a text apart from its front. After the first thing that is not as expected, good() stays
// false.
class reader {
public:
    explicit reader(std::string_view text) : rest_(text) {}

    bool good() const { return good_; }
    bool at_end() const { return rest_.empty(); }

    // A number of exactly `digits` digits between `least` and `most`.
    int number(std::size_t digits, int least, int most) {
        int value = 0;
        for (; digits > 0; --digits) {
            good_ = good_ && next_is_digit();
            value = good_ ? value * 10 + take() - '0' : 0;
        }
        good_ = good_ && value >= least && value <= most;
        return value;
    }

    bool next_is_digit() const { return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; }

    // One of the characters in `allowed`; 0 if it is another.
    char one_of(std::string_view allowed) {
        good_ = good_ && !rest_.empty() && allowed.find(rest_[0]) != std::string_view::npos;
        return good_ ? take() : '\0';
    }

    bool next_is(char expected) const { return !rest_.empty() && rest_[0] == expected; }

    char take() {
        const char first = rest_[0];
        rest_.remove_prefix(1);
        return first;
    }

private:
    std::string_view rest_;
    bool good_ = true;
};

sys_days read_date(reader& from, bool& exists) {
    const auto y = year{from.number(4, 0, 9999)};
    from.one_of("-");
    const auto m = month{static_cast<unsigned>(from.number(2, 1, 12))};
    from.one_of("-");
    const auto d = day{static_cast<unsigned>(from.number(2, 1, 31))};
    exists = (y / m / d).ok();
    return y / m / d;
}

// Any number of digits, cut after milliseconds.
milliseconds read_fraction(reader& from) {
    if (!from.next_is('.')) {
        return milliseconds(0);
    }
    from.take();
    int value = from.number(1, 0, 9) * 100;
    for (int weight = 10; from.next_is_digit(); weight /= 10) {
        value += (from.take() - '0') * weight;
    }
    return milliseconds(value);
}

milliseconds read_time_of_day(reader& from) {
    const hours h(from.number(2, 0, 23));
    from.one_of(":");
    const minutes m(from.number(2, 0, 59));
    from.one_of(":");
    const seconds s(from.number(2, 0, 60));
    const auto fraction = read_fraction(from);
    // This clock has no leap seconds; the last moment before one is the nearest that it has.
    return h + m + (s == seconds(60) ? seconds(59) + milliseconds(999) : s + fraction);
}

// Minutes east of Greenwich; -00:00 means that the place is not known, the time is UTC all the
// same.
minutes read_offset(reader& from) {
    const char sign = from.one_of("Zz+-");
    if (sign != '+' && sign != '-') {
        return minutes(0);
    }
    const hours h(from.number(2, 0, 23));
    from.one_of(":");
    const minutes m(from.number(2, 0, 59));
    return sign == '+' ? h + m : -(h + m);
}

}  // namespace

boot_clock::time_point boot_clock::now() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);  // cannot fail: Linux has had it since 2.6.39
    return time_point(seconds(now.tv_sec) + nanoseconds(now.tv_nsec));
}

std::unique_ptr<clock> make_system_clock() {
    return std::make_unique<system_clock_source>();
}

std::string format_rfc3339(wall_time time) {
    time = std::clamp(time, first_moment, last_moment);
    const auto midnight = floor<days>(time);
    const year_month_day date(midnight);
    const auto of_day = static_cast<unsigned>((time - midnight).count());
    std::string out = "0000-00-00T00:00:00.000Z";
    put_digits(&out[0], 4, static_cast<unsigned>(static_cast<int>(date.year())));
    put_digits(&out[5], 2, static_cast<unsigned>(date.month()));
    put_digits(&out[8], 2, static_cast<unsigned>(date.day()));
    put_digits(&out[11], 2, of_day / 3'600'000);
    put_digits(&out[14], 2, of_day / 60'000 % 60);
    put_digits(&out[17], 2, of_day / 1000 % 60);
    put_digits(&out[20], 3, of_day % 1000);
    if (of_day % 1000 == 0) {
        out.erase(19, 4);
    }
    return out;
}

std::optional<wall_time> parse_rfc3339(std::string_view text) {
    reader from(text);
    bool exists = false;
    const auto date = read_date(from, exists);
    from.one_of("Tt");
    const auto of_day = read_time_of_day(from);
    const auto offset = read_offset(from);
    if (!from.good() || !from.at_end() || !exists) {
        return std::nullopt;
    }
    return date + of_day - offset;
}

}  // namespace onboardd
