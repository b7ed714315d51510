#pragma once

// Reading JSON that came over the control socket, whose other end may be of another version or
// somebody else.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
    job_state needed_state(const char* name);
    std::optional<wall_time> time(const char* name);  // milliseconds since 1970, or null
    const json::array& array(const char* name);
    const json::object* object(const char* name);  // null, there too: none

    void fail(const char* name);
    [[nodiscard]] const std::string& fault() const { return fault_; }

private:
    const json::object& of_;
    std::string fault_;
};

// An object within an object: what is wrong in it is wrong with `name`.
template <class Read>
void read_within(members& from, const char* name, const json::object& of, Read read) {
    members each(of);
    read(each);
    if (!each.fault().empty()) {
        from.fail(name);
    }
}

// The objects of an array, one by one.
template <class T, class Read>
std::vector<T> all_in(members& from, const char* name, Read read) {
    std::vector<T> found;
    for (const auto& one : from.array(name)) {
        const auto* object = one.if_object();
        if (object == nullptr) {
            from.fail(name);
            return {};
        }
        auto& added = found.emplace_back();
        read_within(from, name, *object, [&](members& each) { read(each, added); });
    }
    return found;
}

// The value of an enumeration from 1 to `last` whose name is `word`.
template <class Enum, class Name>
std::optional<Enum> one_named(std::string_view word, Enum last, Name name) {
    for (int i = 1; i <= static_cast<int>(last); ++i) {
        if (name(static_cast<Enum>(i)) == word) {
            return static_cast<Enum>(i);
        }
    }
    return std::nullopt;
}

}  // namespace onboardd::admin
