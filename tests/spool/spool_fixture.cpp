#include "tests/spool/spool_fixture.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace onboardd::test {

void recording_log::write(severity level, std::string_view event, std::string_view message,
                          std::span<const log_field> fields) {
    entry made{level, std::string(event), std::string(message)};
    for (const auto& field : fields) {
        made.text.append(" ").append(field.name).append("=").append(field.value);
    }
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::move(made));
}

std::size_t recording_log::count(std::string_view event) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        entries_.begin(), entries_.end(), [&](const auto& each) { return each.event == event; }));
}

std::vector<recording_log::entry> recording_log::entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
}

SpoolTest::SpoolTest() {
    std::string path = (std::filesystem::temp_directory_path() / "onboardd-spool-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) {
        throw std::runtime_error("no temporary directory");
    }
    options.directory = path;
    std::filesystem::create_directory(options.directory / "incoming");
}

SpoolTest::~SpoolTest() {
    files.reset();
    workers.join();
    std::filesystem::remove_all(options.directory);
}

void SpoolTest::open() {
    files.reset();
    account_config account;
    account.id = "T12345678";
    account.defaults = R"({"products":["payout"],"case_request":{}})";
    files = open_spool(loop.get_executor(), workers, time, log, make_job_reader({account}, {}),
                       options);
}

std::string SpoolTest::job(std::string_view body) {
    return R"({"case":)" + std::string(body) + "}";
}

void SpoolTest::put(const std::string& name, std::string_view text, milliseconds age) {
    std::filesystem::create_directories(incoming(name).parent_path());
    std::ofstream file(incoming(name), std::ios::binary);
    file << text;
    file.close();
    if (!file) {
        throw std::runtime_error("cannot write " + name);
    }
    set_age(name, age);
}

void SpoolTest::set_age(const std::string& name, milliseconds age) {
    const auto at = (time.wall_now() - age).time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
    timespec modified{};
    modified.tv_sec = seconds.count();
    modified.tv_nsec = std::chrono::nanoseconds(at - seconds).count();
    const timespec both[] = {modified, modified};
    if (::utimensat(AT_FDCWD, incoming(name).c_str(), both, AT_SYMLINK_NOFOLLOW) != 0) {
        throw std::runtime_error("utimensat");
    }
}

std::vector<std::string> SpoolTest::names(const std::string& directory) const {
    std::vector<std::string> list;
    for (const auto& entry : std::filesystem::directory_iterator(options.directory / directory)) {
        list.push_back(entry.path().filename().string());
    }
    std::sort(list.begin(), list.end());
    return list;
}

std::string SpoolTest::text_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

boost::json::value SpoolTest::reason(const std::string& name) const {
    return boost::json::parse(boost::json::string_view(text_of(rejected(name))));
}

std::string SpoolTest::first_message(const std::string& name) const {
    return std::string(reason(name).at("faults").at(0).at("message").as_string());
}

result<portion> SpoolTest::take() {
    result<portion> taken = portion{};
    auto body = [&]() -> asio::awaitable<void> { taken = co_await files->take(); };
    run(loop, body());
    return taken;
}

std::vector<portion> SpoolTest::take_all() {
    std::vector<portion> all;
    for (;;) {
        auto taken = take();
        if (taken.has_error()) {
            throw boost::system::system_error(taken.error());
        }
        if (taken->jobs.empty() && taken->refused == 0) {
            return all;
        }
        all.push_back(std::move(*taken));
    }
}

result<void> SpoolTest::finish(portion done, admission verdict) {
    result<void> outcome;
    auto body = [&]() -> asio::awaitable<void> {
        std::vector<admission> verdicts(done.jobs.size(), verdict);
        outcome = co_await files->finish(std::move(done), std::move(verdicts));
    };
    run(loop, body());
    return outcome;
}

std::vector<std::string> SpoolTest::accept_all() {
    std::vector<std::string> references;
    for (auto& taken : take_all()) {
        for (const auto& each : taken.jobs) {
            references.push_back(each.reference);
        }
        EXPECT_TRUE(finish(std::move(taken)).has_value());
    }
    std::sort(references.begin(), references.end());
    return references;
}

}  // namespace onboardd::test
