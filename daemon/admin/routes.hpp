#pragma once

// Which handler answers what, and what is answered without one. Plain decisions: no connection is
// known here.

#include <map>
#include <string>
#include <string_view>

#include "onboardd/admin/server.hpp"

namespace onboardd::admin {

class routes {
public:
    void add(verb method, std::string path, handler answer);

    // Null: nobody answers that; `allowed` then says which methods the path has, as in the field
    // Allow (empty: there is no such path).
    [[nodiscard]] const handler* find(verb method, std::string_view path,
                                      std::string& allowed) const;

private:
    struct entry {
        handler get;
        handler post;
    };
    [[nodiscard]] const entry* match(std::string_view path) const;

    std::map<std::string, entry, std::less<>> entries_;
};

// Whether a Host field names this machine: localhost, a loopback address, with any port or none.
// Others come from a page that had its own name point here (DNS rebinding), or from a proxy that
// hands its caller's field on.
bool names_this_machine(std::string_view host);

}  // namespace onboardd::admin
