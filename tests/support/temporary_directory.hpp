#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace onboardd::test {

// A fresh directory that goes with the object, with all that is in it.
// For what syncs often and tests no disk, unless TMPDIR says where.
inline std::filesystem::path memory_if_possible() {
    const std::filesystem::path memory = "/dev/shm";
    const bool chosen = std::getenv("TMPDIR") != nullptr;
    return !chosen && ::access(memory.c_str(), W_OK) == 0 ? memory
                                                          : std::filesystem::temp_directory_path();
}

class temporary_directory {
public:
    explicit temporary_directory(
        const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
        auto name = (parent / "onboardd-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("cannot make a temporary directory");
        }
        path_ = name;
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_file(const std::filesystem::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
}

}  // namespace onboardd::test
