// The first byte of an input chooses a ledger (the low two bits), or says that the rest is the file
// itself (bit 2). Else patches follow: where (0 and 1: the file, 2: its log, 3: cut the file off),
// three bytes of offset, a length, and as many bytes.

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <fstream>
#include <memory>
#include <string>

#include "daemon/ledger/sqlite_schema.hpp"
#include "onboardd/ledger/ledger.hpp"
#include "support/manual_clock.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"
#include "tests/fuzz/target.hpp"

namespace onboardd::fuzz {
namespace {

using std::filesystem::path;

constexpr const char* accounts[] = {"T00000001", "T00000002"};
constexpr std::size_t count_max = 50;

new_job a_job(int number) {
    new_job fresh;
    fresh.account = accounts[number % 2];
    fresh.reference = "job-" + std::to_string(number);
    fresh.batch = number % 3 == 0 ? "other" : "default";
    fresh.priority = static_cast<std::int8_t>(number % 3 - 1);
    fresh.request = R"({"case_request":{"referenceId":")" + fresh.reference + "\"}}";
    fresh.content.fill(static_cast<std::uint8_t>(number));
    fresh.fingerprint = {.organization_number = "910000000", .products = {"payout"}};
    return fresh;
}

// A ledger's files as bytes.
struct image {
    std::string file;
    std::string log;
};

// A place for one ledger at a time.
struct workshop {
    test::temporary_directory directory{test::memory_if_possible()};
    path file = directory.path() / "ledger.db";
    asio::io_context loop;
    test::manual_clock time;

    path beside(const char* suffix) const { return file.string() + suffix; }

    std::unique_ptr<ledger> open() {
        sqlite_options options;
        options.file = file;
        options.cache_bytes_max = 256 * 1024;
        options.reserve_bytes_max = 64 * 1024;  // to write it costs more than all else
        return open_sqlite_ledger(loop.get_executor(), time, options);
    }

    image take() const { return {test::read_file(file), test::read_file(beside("-wal"))}; }

    void put(const image& bytes) const {
        for (const char* suffix : {"-wal", "-shm", "-journal", ".new"}) {
            std::filesystem::remove(beside(suffix));
        }
        test::write_file(file, bytes.file);
        if (!bytes.log.empty()) {
            test::write_file(beside("-wal"), bytes.log);
        }
    }

    void execute(const char* sql) const {
        sqlite3* db = nullptr;
        sqlite3_open(file.c_str(), &db);
        const int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
        sqlite3_close(db);
        promise(code == SQLITE_OK, sql);
    }
};

workshop& shop() {
    static workshop instance;
    return instance;
}

job in_state(job row, job_state state, wall_time now) {
    row.state = state;
    row.attempts = 1;
    row.submitted_at = now;
    row.followed = state == job_state::created;
    if (is_final(state)) {
        row.finished_at = now;
        row.revision = 1;
        row.the_case.id = "uuid-" + row.reference;
    } else {
        row.error = job_error{.kind = error_kind::refused,
                              .http_status = 500,
                              .code = "c",
                              .message = "m",
                              .details = {},
                              .field = {}};
    }
    return row;
}

// A job in each state, half of the outcomes published.
asio::awaitable<void> fill(ledger& book, wall_time now) {
    std::vector<new_job> jobs;
    for (int i = 0; i < 12; ++i) {
        jobs.push_back(a_job(i));
    }
    (void)co_await book.accept(std::move(jobs));
    int number = 0;
    for (const auto state : all_job_states) {
        const auto fresh = a_job(number++);
        auto found = co_await book.find(fresh.account, fresh.reference);
        auto after = in_state(**found, state, now);
        (void)co_await book.record(std::move(after), job_state::queued, "{}");
    }
    auto unpublished = co_await book.unpublished(2);
    std::vector<std::pair<job_id, std::uint32_t>> outcomes;
    for (const auto& row : *unpublished) {
        outcomes.emplace_back(row.id, row.revision);
    }
    (void)co_await book.published(std::move(outcomes));
}

image make_image(bool small_pages, bool crashed, bool other_boot) {
    auto& at = shop();
    at.put({});
    std::filesystem::remove(at.file);
    at.open().reset();
    if (small_pages) {  // more of what a patch hits has a meaning
        at.execute(
            "PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM;"
            "PRAGMA journal_mode = WAL");
    }
    auto book = at.open();
    test::run(at.loop, fill(*book, at.time.wall_now()));
    if (crashed) {
        const auto left = at.take();
        book.reset();
        at.put(left);
    }
    book.reset();
    if (other_boot) {
        at.execute("UPDATE meta SET clean = 0, boot = 'another'");
    }
    return at.take();
}

const image& image_of(unsigned number) {
    static const std::array<image, 4> images = {
        make_image(true, false, false), make_image(false, false, false),
        make_image(true, true, false), make_image(true, true, true)};
    return images.at(number % images.size());
}

void patch(image& bytes, std::string_view& input) {
    const auto byte = [&input](std::size_t index) {
        return static_cast<std::size_t>(static_cast<unsigned char>(input[index]));
    };
    const auto where = byte(0) % 4;
    auto& changed = where == 2 ? bytes.log : bytes.file;
    const auto offset = byte(1) << 16U | byte(2) << 8U | byte(3);
    const auto content = input.substr(5, byte(4) % 64);
    input.remove_prefix(5 + content.size());
    if (changed.empty()) {
        return;
    }
    const auto start = offset % changed.size();
    if (where == 3) {
        changed.resize(start);
    } else {
        changed.replace(start, std::min(content.size(), changed.size() - start),
                        content.substr(0, changed.size() - start));
    }
}

image read_input(std::string_view bytes) {
    if (bytes.empty()) {
        return {};
    }
    const auto choice = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if ((choice & 4U) != 0) {
        return {std::string(bytes), {}};
    }
    auto made = image_of(choice);
    while (bytes.size() > 5) {
        patch(made, bytes);
    }
    return made;
}

bool is_of_another_program(std::string_view file) {
    const std::string_view magic("SQLite format 3\0", 16);
    if (file.size() < 100 || !file.starts_with(magic)) {
        return true;
    }
    std::int64_t application = 0;
    for (const char byte : file.substr(68, 4)) {
        application = application << 8U | static_cast<unsigned char>(byte);
    }
    return application != sqlite::application_id;
}

void check_untouched(const workshop& at, const image& before) {
    const auto after = at.take();
    promise(after.file == before.file && after.log == before.log,
            "a file that was refused has changed");
    for (const char* suffix : {"-shm", "-journal", ".new"}) {
        promise(!std::filesystem::exists(at.beside(suffix)), "a refused file got company");
    }
    promise(before.log.empty() == !std::filesystem::exists(at.beside("-wal")),
            "a refused file got a log");
}

// A call may fail, but only in the ways that the engine knows; one that looks at a single job may
// also find it damaged.
template <class T>
bool good(const result<T>& answer) {
    promise(answer.has_value() || answer.error() == errc::ledger_failed ||
                answer.error() == errc::stale_job,
            "a failure that nobody expects");
    return answer.has_value();
}

template <class T>
void look_at(const result<T>& answer) {
    if (answer.has_value() || answer.error() != errc::damaged_row) {
        (void)good(answer);
    }
}

// What is handed out for a step must wait for that step by its own state: else a damaged index
// could have a case opened twice.
void check_claim(const claimed_job& claim, std::string_view account, work_kind kind) {
    promise(work_of(claim.row) == kind, "a job that waits for another step");
    promise(claim.row.account == account, "a job of another account");
}

asio::awaitable<void> take_steps(ledger& book, std::string account, wall_time now) {
    for (const auto kind : {work_kind::submit, work_kind::look_up, work_kind::read}) {
        (void)good(co_await book.next_due(account, kind));
        auto claims = co_await book.claim(account, kind, count_max, now);
        if (!good(claims)) {
            co_return;
        }
        for (auto& claim : *claims) {
            check_claim(claim, account, kind);
            auto after = in_state(claim.row, job_state::created, now);
            (void)good(co_await book.record(std::move(after), claim.row.state, "{}"));
        }
    }
    (void)good(co_await book.witnesses(account, wall_time{}, count_max));
}

asio::awaitable<void> use(ledger& book, wall_time now) {
    for (const char* account : accounts) {
        co_await take_steps(book, account, now);
    }
    std::vector<new_job> jobs;
    jobs.push_back(a_job(1));
    jobs.push_back(a_job(100));
    (void)good(co_await book.accept(std::move(jobs)));
    auto due = co_await book.unpublished(count_max);
    if (good(due)) {
        std::vector<std::pair<job_id, std::uint32_t>> outcomes;
        for (const auto& row : *due) {
            outcomes.emplace_back(row.id, row.revision);
        }
        (void)good(co_await book.published(std::move(outcomes)));
    }
    auto batches = co_await book.finished_batches(count_max);
    if (good(batches)) {
        for (auto& batch : *batches) {
            (void)good(co_await book.summary(batch));
            (void)good(co_await book.reported(batch));
        }
    }
    (void)good(co_await book.totals());
    look_at(co_await book.find(accounts[1], "job-1"));
    look_at(co_await book.answer_of(1));
    for (job_id id = 1; id <= 4; ++id) {
        (void)good(co_await book.history(id));
    }
    (void)good(co_await book.erase_requests(now, count_max));
}

// Whether it was opened; if so, all that the engine asks of it was tried.
bool open_and_use(workshop& at) {
    std::unique_ptr<ledger> book;
    try {
        book = at.open();
    } catch (const config_error& refused) {
        promise(std::string_view(refused.what()).find("ledger.db") != std::string_view::npos,
                "a refusal that names no file");
        return false;
    }
    test::run(at.loop, use(*book, at.time.wall_now()));
    return true;
}

}  // namespace

void ledger_file(std::string_view bytes) {
    auto& at = shop();
    const auto before = read_input(bytes);
    at.put(before);
    const bool opened = open_and_use(at);
    if (is_of_another_program(before.file)) {
        promise(!opened, "a file that is no ledger is used");
        check_untouched(at, before);
    }
    if (opened) {
        open_and_use(at);  // and the next start finds what it can judge
    }
}

}  // namespace onboardd::fuzz
