// watch: the status, again and again.

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <system_error>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/status.hpp"

namespace onboardd::ctl {
namespace {

constexpr const char* enter_screen =
    "\x1b[?1049h\x1b[?25l\x1b[?7l";  // its own screen, no cursor, long lines are cut, not broken
constexpr const char* leave_screen = "\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr const char* to_the_top = "\x1b[H";
constexpr const char* clear_line = "\x1b[K";
constexpr const char* clear_below = "\x1b[J";

constexpr milliseconds patience{2'000};  // a key is not seen meanwhile

volatile std::sig_atomic_t end_wanted = 0;
volatile std::sig_atomic_t pause_wanted = 0;

void want_end(int) {
    end_wanted = 1;
}

void want_pause(int) {
    pause_wanted = 1;
}

void on(int signal, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;  // without SA_RESTART: a wait for a key ends
    ::sigaction(signal, &action, nullptr);
}

// The terminal, ours until this goes: each key at once and unseen. It is given back as it was also
// when a signal ends the program.
class own_screen {
public:
    explicit own_screen(output& to) : to_(to) {
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
            on(signal, want_end);
        }
        on(SIGTSTP, want_pause);
        take();
    }
    own_screen(const own_screen&) = delete;
    own_screen& operator=(const own_screen&) = delete;
    ~own_screen() { give_back(); }

    // Until the shell lets the program go on (^Z, fg).
    void pause_if_wanted() {
        if (pause_wanted != 0) {
            pause_wanted = 0;
            give_back();
            ::raise(SIGSTOP);
            take();
        }
    }

    // 0: not known. Looked at anew each time, since it may change.
    static std::size_t columns() { return size().ws_col; }

    // Lines that do not fit are left out, so that nothing scrolls.
    void draw(const std::vector<std::string>& lines) {
        const auto high = size().ws_row;
        const std::size_t rows = high > 1 ? high - 1U : lines.size();
        to_.out << to_the_top;
        for (std::size_t i = 0; i < lines.size() && i < rows; ++i) {
            to_.out << lines[i] << clear_line << '\n';
        }
        to_.out << clear_below << std::flush;
    }

private:
    void take() {
        ::tcgetattr(STDIN_FILENO, &before_);
        auto raw = before_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        to_.out << enter_screen;
    }

    void give_back() {
        to_.out << leave_screen << std::flush;
        ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }

    static winsize size() {
        winsize known{};
        return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &known) == 0 ? known : winsize{};
    }

    output& to_;
    termios before_{};
};

// Waits for so long; false: a key or a signal wants the end.
bool goes_on_after(milliseconds interval) {
    pollfd key{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&key, 1, static_cast<int>(interval.count()));
    if (end_wanted != 0) {
        return false;
    }
    char pressed = 0;
    const bool ended = ready > 0 && ::read(STDIN_FILENO, &pressed, 1) <= 0;
    return !ended && pressed != 'q' && pressed != 'Q';
}

// What to show when the daemon or the ledger cannot be asked just now: a restart is no reason to
// end.
std::vector<std::string> lines_now(const config& settings, pace& speed, const palette& paint,
                                   std::size_t columns) {
    try {
        const auto view = look(settings, patience);
        speed.see(view.now.value_or(wall_time()), ended_in(view.jobs));
        return in_lines(view, &speed, paint, columns);
    } catch (const std::runtime_error& error) {
        return {paint.bad(shown(error.what()))};
    }
}

int watch_on_screen(const config& settings, const watch_options& options, output& to) {
    look(settings);  // what cannot work at all is told on the terminal as it was
    pace speed;
    own_screen screen(to);
    for (std::uint64_t looks = 1;; ++looks) {
        auto lines = lines_now(settings, speed, palette(to.color), own_screen::columns());
        lines.emplace_back();
        lines.emplace_back("q ends this");
        screen.draw(lines);
        if (looks == options.looks || !goes_on_after(options.interval)) {
            return done;
        }
        screen.pause_if_wanted();
    }
}

int watch_in_lines(const config& settings, const watch_options& options, output& to) {
    pace speed;
    for (std::uint64_t looks = 1;; ++looks) {
        const auto view = look(settings);
        speed.see(view.now.value_or(wall_time()), ended_in(view.jobs));
        if (to.json) {
            to.line(as_json(view, &speed));
        } else {
            to.out << (looks == 1 ? "" : "\n");
            for (const auto& line : in_lines(view, &speed, palette(false), 0)) {
                to.line(line);
            }
        }
        to.out.flush();
        if (looks == options.looks || !to.out) {
            return done;
        }
        ::poll(nullptr, 0, static_cast<int>(options.interval.count()));
    }
}

}  // namespace

int watch(const config& settings, const watch_options& options, output& to) {
    const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
    return terminal && !to.json ? watch_on_screen(settings, options, to)
                                : watch_in_lines(settings, options, to);
}

}  // namespace onboardd::ctl
