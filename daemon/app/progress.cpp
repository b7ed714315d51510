#include "daemon/app/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace onboardd {
namespace {

constexpr milliseconds redraw_interval{100};
constexpr milliseconds line_interval{5'000};
constexpr std::size_t terminal_bar_width = 30;

std::string in_words(std::chrono::seconds time) {
    const auto seconds = time.count();
    if (seconds < 90) {
        return std::to_string(seconds) + "s";
    }
    const auto minutes = (seconds + 30) / 60;
    return minutes < 90 ? std::to_string(minutes) + "m" : std::to_string((minutes + 30) / 60) + "h";
}

void write_all(int descriptor, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
        const auto written = ::write(descriptor, text.data() + done, text.size() - done);
        if (written <= 0) {
            return;  // nobody reads the display any more: no reason to stop the work
        }
        done += static_cast<std::size_t>(written);
    }
}

}  // namespace

progress_display::progress_display(int descriptor, steady_time now)
    : descriptor_(descriptor),
      terminal_(::isatty(descriptor) == 1),
      started_(now),
      next_(now + line_interval) {
    if (terminal_) {
        next_ = now;
    }
}

std::string progress_display::describe(const engine_status& status, milliseconds elapsed,
                                       std::size_t bar_width) {
    const auto done = status.ended();
    const auto all = done + status.open();
    const double share = all == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(all);
    const double seconds = std::max(0.001, std::chrono::duration<double>(elapsed).count());
    const double rate = static_cast<double>(done) / seconds;
    std::string text = std::to_string(static_cast<int>(share * 100)) + "%";
    text.insert(0, 4 - std::min<std::size_t>(4, text.size()), ' ');
    if (bar_width > 0) {
        const auto filled = static_cast<std::size_t>(share * static_cast<double>(bar_width));
        text += " [" + std::string(filled, '#') + std::string(bar_width - filled, '.') + "]";
    }
    text += " " + std::to_string(done) + " of " + std::to_string(all) + " jobs";
    text += ", " + std::to_string(static_cast<std::uint64_t>(std::lround(rate))) + "/s";
    if (done > 0 && done < all) {
        const auto left = static_cast<double>(all - done) / rate;
        text +=
            ", " + in_words(std::chrono::seconds(static_cast<std::int64_t>(left) + 1)) + " left";
    }
    for (const auto& why : status.paused) {
        text += ", paused: " + why;
    }
    for (const auto& why : status.short_of_room) {
        text += ", nothing new is taken in: " + why;
    }
    return text;
}

void progress_display::update(const engine_status& status, steady_time now) {
    if (now >= next_) {
        draw(status, now);
        next_ = now + (terminal_ ? redraw_interval : line_interval);
    }
}

void progress_display::draw(const engine_status& status, steady_time now) {
    const auto elapsed = std::chrono::duration_cast<milliseconds>(now - started_);
    if (terminal_) {
        write_all(descriptor_, "\r" + describe(status, elapsed, terminal_bar_width) + "\x1b[K");
    } else {
        write_all(descriptor_, describe(status, elapsed, 0) + "\n");
    }
}

void progress_display::finish(const engine_status& status, steady_time now) {
    draw(status, now);
    if (terminal_) {
        write_all(descriptor_, "\n");
    }
}

std::string describe_status(const engine_status& status) {
    std::string text =
        std::to_string(status.open()) + " open, " + std::to_string(status.in_flight) + " in flight";
    for (const auto state : all_job_states) {
        if (status.of(state) != 0 &&
            (is_final(state) || state == job_state::held || state == job_state::unknown)) {
            text += ", " + std::to_string(status.of(state)) + " " + std::string(to_string(state));
        }
    }
    for (const auto& why : status.paused) {
        text += "; paused: " + why;
    }
    for (const auto& why : status.short_of_room) {
        text += "; nothing new is taken in: " + why;
    }
    if (status.left_files != 0) {
        text += "; " + std::to_string(status.left_files) + " files left in the spool";
    }
    return text;
}

}  // namespace onboardd
