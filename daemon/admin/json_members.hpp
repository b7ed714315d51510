#pragma once

// Reading JSON that came over the control socket, whose other end may be of another version or
// somebody else.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "onboardd/base/clock.hpp"
#include "onboardd/base/error.hpp"
#include "onboardd/ledger/job.hpp"

namespace onboardd::admin {

namespace json = boost::json;

template <class T>
using parsed = result<T, std::string>;

// Strings may hold any bytes: names of batches are names of files. The error is a sentence.
parsed<json::object> object_in(std::string_view text);

// Members are read one by one; the first that is not as it must be is remembered. One that is
// missing is empty, 0 or false.
class members {
public:
    explicit members(const json::object& of) : of_(of) {}

    std::string text(const char* name);
    std::int64_t number(const char* name);  // not negative
    std::int64_t signed_number(const char* name);
    bool flag(const char* name);
    std::optional<job_state> state(const char* name);
    std::optional<wall_time> time(const char* name);  // milliseconds since 1970, or null
    const json::array& array(const char* name);
    const json::object* object(const char* name);  // null, there too: none

    void fail(const char* name);
    [[nodiscard]] const std::string& fault() const { return fault_; }

private:
    const json::object& of_;
    std::string fault_;
};

}  // namespace onboardd::admin
