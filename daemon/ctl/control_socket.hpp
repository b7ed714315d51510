#pragma once

// Speaking with the daemon: HTTP/1.1 over its control socket. Calls block, for as long as the
// patience lasts.

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/error.hpp"

namespace onboardd::ctl {

// The socket is there, and this user may not use it.
class not_allowed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct control_answer {
    unsigned status = 0;
    std::string body;
};

class control_socket {
public:
    virtual ~control_socket() = default;

    // Throws std::runtime_error with a sentence for the operator if the daemon does not answer (any
    // more): whether it has done what was asked is not known then.
    virtual control_answer get(std::string_view path) = 0;
    virtual control_answer post(std::string_view path, std::string body) = 0;
};

// The body of the answer to a POST. Throws std::runtime_error with the daemon's own sentence if it
// refused, and as above.
std::string good_answer(control_socket& socket, std::string_view path, std::string body);

// What was read of an answer; throws std::runtime_error if it could not be.
template <class T>
T understood(result<T, std::string> answer) {
    if (!answer) {
        throw std::runtime_error("onboardd's answer cannot be read: " + answer.error());
    }
    return std::move(*answer);
}

// How long a daemon that hangs or is stopped is waited for, each time it is asked.
inline constexpr milliseconds control_patience = std::chrono::seconds(30);

// Null: nobody listens there, so no daemon runs, or one without a control socket. Throws
// not_allowed, or std::runtime_error if it cannot be reached for another reason.
std::unique_ptr<control_socket> open_control_socket(const std::filesystem::path& path,
                                                    milliseconds patience = control_patience);

}  // namespace onboardd::ctl
