#pragma once

// Failure as a value. Expected failures travel in result<T>; their codes are onboardd::errc or come
// unchanged from Asio, Beast, OpenSSL and the operating system. Exceptions mean "should not
// happen".

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace onboardd {

using boost::system::error_code;

template <class T, class E = error_code>
using result = boost::system::result<T, E>;

enum class errc {
    timed_out = 1,       // a deadline of ours passed
    stale_job,           // the job is no longer in the state that the caller believed
    ledger_failed,       // the ledger refuses writes since one failed; what it holds is undecided
    ledger_full,         // there is no room on the ledger's disk: the call changed nothing and may
                         // be made again
    ledger_locked,       // another process owns it
    damaged_row,         // what the ledger holds does not have its checksum: it is not believed
    credential_refused,  // the provider refused the client credentials
    token_malformed,     // a token answer that cannot be used
    malformed_answer,    // an HTTP answer that breaks RFC 9110 or RFC 9112, or our bounds
    answer_too_large,    // header or body exceeds its bound
    too_many_interim,    // more 1xx answers than allowed
    send_deadline,       // the deadline for the last byte passed before it was sent
    stale_connection,    // a pooled connection was closed or written to by the peer before the last
                         // byte
    stopping,            // the program is stopping
    unsafe_request,      // a target or header value with bytes that must not reach the wire
};

const boost::system::error_category& error_category() noexcept;

inline error_code make_error_code(errc value) noexcept {
    return {static_cast<int>(value), error_category()};
}

// Thrown at start only: a configuration or an environment with which the program must not run.
// what() is complete and meant for the operator.
class config_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Thrown at start when a disk is full. Not the operator's configuration is wrong, and the next
// start may find room.
class no_room : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Thrown at start when another process owns the spool or the ledger (exit code 75).
class already_owned : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace onboardd

template <>
struct boost::system::is_error_code_enum<onboardd::errc> : std::true_type {};
