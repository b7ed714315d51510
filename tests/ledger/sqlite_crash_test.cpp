// kill -9 at any moment: whatever was acknowledged before is there afterwards.

#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <csignal>
#include <map>
#include <random>

#include "ledger/ledger_fixture.hpp"

namespace onboardd::test {
namespace {

enum class progress : std::uint32_t { accepted, submitting, created, published };

struct acknowledgement {
    std::uint32_t round = 0;
    std::uint32_t number = 0;
    progress reached = progress::accepted;

    std::string reference() const {
        return "k" + std::to_string(round) + "-" + std::to_string(number);
    }
};

// The process that is killed: takes jobs through their life, and tells the pipe what the ledger has
// acknowledged.
class victim : public ledger_fixture {
public:
    victim(const std::filesystem::path& file, std::uint32_t round, int pipe)
        : round_(round), pipe_(pipe) {
        sqlite_options options;
        options.file = file;
        book = open_sqlite_ledger(loop.get_executor(), time, options);
    }

    [[noreturn]] void work_until_killed() {
        for (;;) {
            run([this]() { return accept_some(); });
            for (int i = 0; i < 8; ++i) {
                asio::co_spawn(loop, take_one(), [](const std::exception_ptr& failure) {
                    if (failure) {
                        _exit(2);
                    }
                });
            }
            loop.restart();
            loop.run();
        }
    }

private:
    void tell(std::uint32_t number, progress reached) {
        const acknowledgement told{round_, number, reached};
        if (::write(pipe_, &told, sizeof told) != sizeof told) {
            _exit(3);
        }
    }

    asio::awaitable<void> accept_some() {
        std::vector<new_job> jobs;
        const auto first = next_;
        for (; next_ < first + 8; ++next_) {
            jobs.push_back(a_job(acknowledgement{round_, next_}.reference()));
        }
        must(co_await book->accept(std::move(jobs)));
        for (auto number = first; number < next_; ++number) {
            tell(number, progress::accepted);
        }
    }

    asio::awaitable<void> take_one() {
        auto claims =
            must(co_await book->claim("T00000001", work_kind::submit, 1, time.wall_now()));
        if (claims.empty()) {
            co_return;
        }
        auto row = std::move(claims[0].row);
        const bool ours = row.reference.starts_with("k" + std::to_string(round_) + "-");
        const auto number = static_cast<std::uint32_t>(
            std::stoul(row.reference.substr(row.reference.find('-') + 1)));
        const auto told = [&](progress reached) {
            if (ours) {
                tell(number, reached);
            }
        };
        row.state = job_state::submitting;
        row.attempts = 1;
        must(co_await book->record(row, job_state::queued));
        told(progress::submitting);
        row.state = job_state::created;
        row.revision = 1;
        row.finished_at = time.wall_now();
        must(co_await book->record(row, job_state::submitting, "answer"));
        told(progress::created);
        std::vector<std::pair<job_id, std::uint32_t>> outcome{{row.id, 1}};
        must(co_await book->published(std::move(outcome)));
        told(progress::published);
    }

    std::uint32_t round_;
    int pipe_;
    std::uint32_t next_ = 0;
};

class SqliteCrashTest : public sqlite_fixture, public testing::Test {
protected:
    // Starts the victim, kills it after `count` acknowledgements, and returns all that it had sent.
    std::vector<acknowledgement> kill_after(std::size_t count, std::uint32_t round) {
        int ends[2];
        if (pipe(ends) != 0) {
            throw std::runtime_error("no pipe");
        }
        const auto child = fork();
        if (child == 0) {
            ::close(ends[0]);
            victim doomed(file(), round, ends[1]);
            doomed.work_until_killed();
        }
        ::close(ends[1]);
        std::vector<acknowledgement> told;
        acknowledgement next;
        while (told.size() < count && ::read(ends[0], &next, sizeof next) == sizeof next) {
            told.push_back(next);
        }
        kill(child, SIGKILL);
        while (::read(ends[0], &next, sizeof next) == sizeof next) {
            told.push_back(next);
        }
        ::close(ends[0]);
        int status = 0;
        waitpid(child, &status, 0);
        EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
        return told;
    }

    void expect(const acknowledgement& told, const std::map<job_id, job>& to_publish) {
        const auto row = found(told.reference());
        EXPECT_NE(row.state, job_state::submitting);
        if (told.reached >= progress::submitting) {
            EXPECT_TRUE(row.state == job_state::unknown || row.state == job_state::created);
            EXPECT_EQ(row.attempts, 1u);
        }
        if (told.reached >= progress::created) {
            EXPECT_EQ(row.state, job_state::created);
        }
        if (told.reached >= progress::published) {
            EXPECT_FALSE(to_publish.contains(row.id));
        } else if (row.state == job_state::created && !to_publish.contains(row.id)) {
            EXPECT_EQ(told.reached, progress::created)
                << "published, and killed before it could tell";
        }
    }
};

TEST_F(SqliteCrashTest, NothingAcknowledgedIsLostByFiftyKills) {
    std::mt19937 random(7);
    std::map<std::string, acknowledgement> furthest;
    for (std::uint32_t round = 0; round < 50; ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        const auto told = kill_after(1 + random() % 120, round);
        for (const auto& one : told) {
            auto& known = furthest.try_emplace(one.reference(), one).first->second;
            known.reached = std::max(known.reached, one.reached);
        }
        open();
        std::map<job_id, job> to_publish;
        for (auto& row : unpublished(1'000'000)) {
            to_publish.emplace(row.id, row);
        }
        for (const auto& one : told) {
            expect(furthest.at(one.reference()), to_publish);
        }
        close();
    }
    open();
    std::uint64_t jobs = 0;
    run([&]() -> asio::awaitable<void> {
        for (const auto& sum : must(co_await book->totals())) {
            jobs += sum.jobs;
        }
    });
    EXPECT_GE(jobs, furthest.size());
}

}  // namespace
}  // namespace onboardd::test
