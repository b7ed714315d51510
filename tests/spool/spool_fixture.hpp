#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "onboardd/spool/spool.hpp"
#include "support/manual_clock.hpp"
#include "support/run.hpp"

namespace onboardd::test {

// Keeps the names of events.
class recording_log final : public logger {
public:
    struct entry {
        severity level;
        std::string event;
        std::string text;  // message and fields
    };

    void write(severity level, std::string_view event, std::string_view message,
               std::span<const log_field> fields) override;
    bool enabled(severity) const override { return true; }

    std::size_t count(std::string_view event) const;
    std::vector<entry> entries() const;

private:
    mutable std::mutex mutex_;
    std::vector<entry> entries_;
};

// A spool in a temporary directory. Files that put() makes are older than `settle`, by the manual
// clock.
class SpoolTest : public testing::Test {
protected:
    SpoolTest();
    ~SpoolTest() override;

    void open();

    // A job's text, valid unless `body` is not.
    static std::string job(std::string_view body = R"({"case_for":{}})");

    std::filesystem::path incoming(const std::string& name) const {
        return options.directory / "incoming" / name;
    }
    std::filesystem::path rejected(const std::string& name) const {
        return options.directory / "rejected" / name;
    }

    // Writes a file beneath incoming/, `age` old.
    void put(const std::string& name, std::string_view text,
             milliseconds age = std::chrono::hours(1));
    void set_age(const std::string& name, milliseconds age);

    std::vector<std::string> names(const std::string& directory) const;
    static std::string text_of(const std::filesystem::path& path);
    boost::json::value reason(const std::string& name) const;
    std::string first_message(const std::string& name) const;

    // Steps of the spool, each run to its end.
    result<portion> take();
    std::vector<portion> take_all();  // until the empty portion
    result<void> finish(portion done, admission verdict = admission::accepted);
    std::vector<std::string> accept_all();  // takes and finishes everything; the references, sorted

    spool_options options;
    asio::io_context loop;
    asio::thread_pool workers{2};
    manual_clock time;
    recording_log log;
    std::unique_ptr<spool> files;
};

}  // namespace onboardd::test
