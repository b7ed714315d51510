#pragma once

#include <cstdlib>
#include <string>
#include <vector>

namespace onboardd::test {

// Variables of the environment, gone when it ends. No other thread may look at any meanwhile.
class environment {
public:
    environment() = default;
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;
    // NOLINTBEGIN(concurrency-mt-unsafe): see above
    ~environment() {
        for (const auto& name : names_) {
            ::unsetenv(name.c_str());
        }
    }

    void set(const std::string& name, const std::string& value) {
        names_.push_back(name);
        ::setenv(name.c_str(), value.c_str(), 1);
    }
    static void unset(const char* name) { ::unsetenv(name); }
    // NOLINTEND(concurrency-mt-unsafe)

private:
    std::vector<std::string> names_;
};

}  // namespace onboardd::test
