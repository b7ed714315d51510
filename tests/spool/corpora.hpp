#pragma once

#include <cstdlib>
#include <filesystem>

namespace onboardd::test {

// Bad input that nobody here wrote: the folder that ONBOARDD_CORPORA names, or ../shared/corpora
// beside the sources.
inline std::filesystem::path corpora() {
    if (const char* named = std::getenv("ONBOARDD_CORPORA"); named != nullptr) {
        return named;
    }
    return std::filesystem::path(ONBOARDD_SOURCE_DIR).parent_path() / "shared" / "corpora";
}

}  // namespace onboardd::test
