#include "ledger/ledger_fixture.hpp"

#include <sqlite3.h>

namespace onboardd::test {

new_job a_job(const std::string& reference, int seed) {
    new_job fresh;
    fresh.account = "T00000001";
    fresh.reference = reference;
    fresh.batch = "default";
    fresh.request = R"({"case_request":{"referenceId":")" + reference + R"("},"seed":)" +
                    std::to_string(seed) + "}";
    fresh.content.fill(static_cast<std::uint8_t>(seed));
    fresh.fingerprint = {.organization_number = std::to_string(910000000 + seed),
                         .products = {"cards", "payout"}};
    return fresh;
}

job_error an_error(error_kind kind, int http_status, const std::string& message) {
    job_error error;
    error.kind = kind;
    error.http_status = http_status;
    error.message = message;
    return error;
}

void ledger_fixture::run(const std::function<asio::awaitable<void>()>& body) {
    test::run(loop, body());
}

std::vector<admission> ledger_fixture::accept(std::vector<new_job> jobs) {
    std::vector<admission> verdicts;
    run([&]() -> asio::awaitable<void> {
        verdicts = must(co_await book->accept(std::move(jobs)));
    });
    return verdicts;
}

job ledger_fixture::accept_one(new_job fresh) {
    const auto account = fresh.account;
    const auto reference = fresh.reference;
    std::vector<new_job> jobs;
    jobs.push_back(std::move(fresh));
    EXPECT_EQ(accept(std::move(jobs)).at(0), admission::accepted);
    return found(reference, account);
}

std::vector<claimed_job> ledger_fixture::claim(work_kind kind, std::size_t count_max,
                                               const std::string& account) {
    std::vector<claimed_job> claims;
    run([&]() -> asio::awaitable<void> {
        claims = must(co_await book->claim(account, kind, count_max, time.wall_now()));
    });
    return claims;
}

job ledger_fixture::found(const std::string& reference, const std::string& account) {
    std::optional<job> row;
    run([&]() -> asio::awaitable<void> { row = must(co_await book->find(account, reference)); });
    return row.value();
}

result<void> ledger_fixture::record(const job& after, job_state from, const std::string& answer) {
    result<void> verdict;
    run([&]() -> asio::awaitable<void> { verdict = co_await book->record(after, from, answer); });
    return verdict;
}

error_code ledger_fixture::erase() {
    error_code failed;
    run([&]() -> asio::awaitable<void> {
        auto erased = co_await book->erase_requests(time.wall_now() + milliseconds(1), 100);
        failed = erased.has_error() ? erased.error() : error_code();
    });
    return failed;
}

std::vector<job> ledger_fixture::unpublished(std::size_t count_max) {
    std::vector<job> rows;
    run([&]() -> asio::awaitable<void> { rows = must(co_await book->unpublished(count_max)); });
    return rows;
}

void ledger_fixture::publish_all() {
    std::vector<std::pair<job_id, std::uint32_t>> outcomes;
    for (const auto& row : unpublished()) {
        outcomes.emplace_back(row.id, row.revision);
    }
    run([&]() -> asio::awaitable<void> { must(co_await book->published(std::move(outcomes))); });
}

job ledger_fixture::create(job row) {
    const auto from = row.state;
    row.state = job_state::created;
    row.submitted_at = time.wall_now();
    row.finished_at = time.wall_now();
    row.attempts += 1;
    row.revision += 1;
    row.the_case.id = "uuid-" + row.reference;
    row.the_case.contract_url = "https://example.com/" + row.reference;
    must(record(row, from, R"({"id":"uuid-)" + row.reference + "\"}"));
    return row;
}

void sqlite_fixture::open() {
    options.file = file();
    book = open_sqlite_ledger(loop.get_executor(), time, options);
}

void sqlite_fixture::meddle(const std::filesystem::path& where, const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(where.c_str(), &db), SQLITE_OK);
    char* words = nullptr;
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &words), SQLITE_OK) << words;
    sqlite3_free(words);
    sqlite3_close(db);
}

void sqlite_fixture::reopen() {
    close();
    open();
}

}  // namespace onboardd::test
