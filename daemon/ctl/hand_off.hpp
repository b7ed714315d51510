#pragma once

// Handing files to the spool as it wants them: a temporary name that onboardd ignores, synced,
// renamed without replacing anything, the directory synced. Failures are std::system_error.

#include <string>
#include <string_view>

#include "onboardd/base/unique_fd.hpp"
#include "onboardd/config/config.hpp"

namespace onboardd::ctl {

[[noreturn]] void fail_with(int code, const std::string& about);

// Digits that nobody else has.
std::string random_name();

// All that `from` gives until its end. `name`: of what is copied, for the failure.
void copy_bytes(int from, int to, const std::string& name);

// incoming/, or the batch's directory in it, which is made where it is missing.
unique_fd open_incoming(const config& settings, const std::string& batch);
void sync_incoming(int directory);

// A file that is in place under a temporary name; it goes with this object unless it was handed
// off.
class written_file {
public:
    written_file(int directory, std::string name);
    written_file(const written_file&) = delete;
    written_file& operator=(const written_file&) = delete;
    ~written_file();

    // Bytes as they come, behind those that are there: standard input has no size.
    void copy(int from);
    void write(std::string_view bytes);
    void sync();

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] const std::string& name() const { return name_; }
    void rename_to_be(std::string name) { name_ = std::move(name); }

    void hand_off();

private:
    int directory_;
    std::string name_;
    std::string temporary_;
    unique_fd fd_;
};

}  // namespace onboardd::ctl
