#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "onboardd/ledger/ledger.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

namespace onboardd {

// How a failed comparison shows a job.
inline void PrintTo(const job& row, std::ostream* out) {
    *out << row.account << '/' << row.reference << ' ' << to_string(row.state) << " id=" << row.id
         << " due_at=" << format_rfc3339(row.due_at) << " attempts=" << row.attempts
         << " revision=" << row.revision << " case=" << row.the_case.id
         << " reason=" << reason_of(row);
}

}  // namespace onboardd

namespace onboardd::test {

// A job as the spool would hand it in: its request and content follow from `seed`.
new_job a_job(const std::string& reference, int seed = 1);

job_error an_error(error_kind kind, int http_status, const std::string& message);

// The value of a call that must succeed.
template <class T>
T must(result<T> answer) {
    if (answer.has_error()) {
        throw std::runtime_error("the call failed: " + answer.error().message());
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*answer);
    }
}

// A ledger, the loop and the clock that it uses.
class ledger_fixture {
public:
    virtual ~ledger_fixture() = default;

    // Runs a coroutine to its end on the loop.
    void run(const std::function<asio::awaitable<void>()>& body);

    // Each call of the ledger, run to its end by itself; must succeed.
    std::vector<admission> accept(std::vector<new_job> jobs);
    job accept_one(new_job fresh);
    std::vector<claimed_job> claim(work_kind kind = work_kind::submit, std::size_t count_max = 100,
                                   const std::string& account = "T00000001");
    job found(const std::string& reference, const std::string& account = "T00000001");
    result<void> record(const job& after, job_state from, const std::string& answer = {});
    error_code erase();  // what has ended by now; may fail
    std::vector<job> unpublished(std::size_t count_max = 1000);
    void publish_all();

    // Takes a claimed or queued job to `created`, finished now.
    job create(job row);

    asio::io_context loop;
    manual_clock time;
    std::unique_ptr<ledger> book;
};

class sqlite_fixture : public ledger_fixture {
public:
    void open();
    void close() { book.reset(); }
    void reopen();
    std::filesystem::path file() const { return directory.path() / "ledger.db"; }

    // Runs SQL behind the ledger's back.
    void meddle(const std::string& sql) { meddle(file(), sql); }
    static void meddle(const std::filesystem::path& where, const std::string& sql);

    temporary_directory directory;
    sqlite_options options;
};

}  // namespace onboardd::test
