#include "simulate/simulation.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <optional>
#include <utility>

#include "onboardd/engine/engine.hpp"
#include "simulate/oracle.hpp"

namespace onboardd::simulate {
namespace {

constexpr milliseconds send_window{10'000};
constexpr milliseconds stop_grace{20'000};
constexpr milliseconds end_max = std::chrono::hours(24);  // after the chaos everything ends within
constexpr milliseconds unwinding_max{60'000};             // a cancelled engine has ended by then
constexpr std::uint64_t steps_max = 50'000;               // of the loop, in one virtual second

// Events of the engine go into the trace.
class trace_log final : public logger {
public:
    explicit trace_log(world& around) : world_(around) {}

    void write(severity level, std::string_view event, std::string_view,
               std::span<const log_field>) override {
        if (enabled(level)) {
            world_.note(event);
        }
    }
    bool enabled(severity level) const override { return level >= severity::info; }

private:
    world& world_;
};

class simulation {
public:
    simulation(const scenario& plan, std::string* trace)
        : world_(plan, trace),
          log_(world_),
          store_(world_, send_window),
          provider_(world_),
          incoming_(world_),
          outcomes_(world_),
          oracle_(world_, store_, provider_, incoming_, outcomes_) {}

    verdict run() {
        provider_.plan_troubles();
        plan_drops();
        plan_machine();
        while (!over_ && live()) {
            pause();
        }
        oracle_.judge();
        return sum_up();
    }

private:
    // ---- what will happen

    new_job make_job(int number) {
        const bool second_account = world_.plan.accounts == 2 && number % 3 == 0;
        new_job made;
        made.account = second_account ? "T10000002" : "T10000001";
        made.reference = "r" + std::to_string(number);
        made.batch = number % 2 == 0 ? "even" : "odd";
        made.priority = static_cast<std::int8_t>(number % 3);
        describe(made, "9" + std::to_string(10'000'000 + number));
        if (number % 13 == 5) {
            made.not_before = world_.time.wall_now() + world_.time_between(0ms, 30min);
        }
        if (number % 11 == 7) {
            made.expires_at = world_.time.wall_now() + world_.time_between(1min, 2h);
        }
        return made;
    }

    static void describe(new_job& one, const std::string& organization) {
        one.fingerprint = {organization, {"payout"}};
        one.request = R"({"products":["payout"],"case_request":{"organizationNumber":")" +
                      organization + R"(","referenceId":")" + one.reference + "\"}}";
        one.content.fill(0);
        std::ranges::copy(organization, one.content.begin());
    }

    void plan_drops() {
        std::vector<new_job> file;
        for (int number = 0; number < world_.plan.jobs; ++number) {
            file.push_back(make_job(number));
            oracle_.dropped(file.back());
            if (world_.number(0, 9) == 0) {
                drop_again(file.back());
            }
            if (world_.number(0, 2) == 0 || number + 1 == world_.plan.jobs) {
                drop_later(std::exchange(file, {}), 0ms);
            }
        }
    }

    // The same job again, or another one under its reference: later, so that it is the second.
    void drop_again(new_job one) {
        if (world_.number(0, 2) == 0) {
            describe(one, "900000000");
        }
        drop_later({one}, world_.plan.drop_time + 1s);
    }

    void drop_later(std::vector<new_job> file, milliseconds at_least) {
        const auto at = at_least + world_.time_between(0ms, world_.plan.drop_time);
        world_.after(at, [this, file = std::move(file)] { incoming_.drop(file); });
        last_drop_ = std::max(last_drop_, world_.now() + at);
    }

    void plan_machine() {
        const auto& plan = world_.plan;
        for (int i = 0; i < plan.crashes; ++i) {
            // At a moment and then some steps of the loop: at any await, that is.
            world_.after(world_.time_between(0ms, plan.chaos),
                         [this] { crash_in_ = world_.number(1, 400); });
        }
        for (int i = 0; i < plan.stops; ++i) {
            world_.after(world_.time_between(0ms, plan.chaos), [this] { stop(); });
        }
        for (int i = 0; i < plan.full_disks; ++i) {
            world_.after(world_.time_between(0ms, plan.chaos), [this] {
                world_.note("full_disk");
                store_.fill(world_.time_between(1s, 5min));
            });
        }
        for (int i = 0; i < plan.wall_jumps; ++i) {
            const auto by = world_.time_between(-2h, 2h);
            world_.after(world_.time_between(0ms, plan.chaos), [this, by] {
                world_.note("wall_jump", {}, by.count());
                world_.machine.jump_wall(by);
            });
        }
        for (int i = 0; i < plan.operator_acts; ++i) {
            world_.after(world_.time_between(0ms, plan.chaos), [this] { act(); });
        }
        world_.after(plan.chaos, [this] {
            world_.note("calm");
            crash_in_ = 0;
            world_.calm_down();
            calm_at_ = world_.now();
            look_for_the_end();
        });
    }

    // ---- the operator

    // One command, about one job or all of a kind, whatever comes of it.
    void act() {
        const auto what = all_operations[world_.number(0, 3)];
        job_selection among;
        if (world_.number(0, 3) == 0) {
            among.state = all_job_states[world_.number(0, 10)];
        } else {
            const auto one = make_job(world_.number(0, world_.plan.jobs - 1));
            among.identities.emplace_back(one.account, one.reference);
        }
        switch (world_.number(0, 9)) {
            case 0:
                command(set_pause(true));
                break;
            case 1:
                command(set_pause(false));
                break;
            default:
                command(operate(what, std::move(among)));
                break;
        }
    }

    // In the end nothing waits for the operator any more.
    void let_all_go_on() {
        job_selection held;
        held.state = job_state::held;
        command(operate(operation::release, std::move(held)));
        command(set_pause(false));
    }

    // The engine outlives the commands that it was given.
    void command(asio::awaitable<void> given) {
        if (!engine_ || ended_ || world_.dead()) {
            return;
        }
        ++commands_;
        asio::co_spawn(world_.loop, std::move(given),
                       [this](const std::exception_ptr&) { --commands_; });
    }

    asio::awaitable<void> operate(operation what, job_selection among) {
        world_.note("operator", to_string(what));
        operated part;
        do {
            auto copy = among;
            auto done = co_await engine_->operate(what, std::move(copy), part.last, {.uid = 0});
            if (!done) {
                co_return;
            }
            part = std::move(*done);
        } while (!part.end);
    }

    asio::awaitable<void> set_pause(bool paused) {
        world_.note("operator", paused ? "pause" : "resume");
        for (const auto* id : {"T10000001", "T10000002"}) {
            auto change = paused ? engine_->pause(id, {.uid = 0}) : engine_->resume(id, {.uid = 0});
            (void)co_await std::move(change);
        }
    }

    void end_commands() {
        while (commands_ > 0) {
            world_.loop.restart();
            world_.loop.poll();
            if (commands_ > 0 && !world_.advance()) {
                oracle_.violated("an operator's command never ends");
                return;
            }
        }
    }

    // The end: all is done, and nothing is on its way any more.
    void look_for_the_end() {
        let_all_go_on();
        const auto quiet = world_.plan.late_max + world_.plan.list_lag_max;
        const bool late = world_.now() - calm_at_ > end_max;
        const bool settled = world_.now() - calm_at_ > quiet && world_.now() > last_drop_;
        if (late || (settled && oracle_.all_done())) {
            if (late) {
                oracle_.violated("not everything ended within a day of calm");
            }
            over_ = true;
            stop();
            return;
        }
        world_.after(1min, [this] { look_for_the_end(); });
    }

    // ---- the process

    engine_options options_of_life() const {
        engine_options options;
        options.provider = {"provider.example", 443, "/v1"};
        options.rules = world_.plan.rules;
        options.send_window = send_window;
        for (const char* id : {"T10000001", "T10000002"}) {
            account_options account;
            account.id = id;
            account.in_flight_max = world_.plan.in_flight_max;
            account.requests_per_second_max = world_.plan.requests_per_second_max;
            account.make_token_request = [path = "/v1/accounts/" + account.id + "/auth/token"] {
                http::request message;
                message.verb = http::method::post;
                message.target = path;
                return message;
            };
            options.accounts.push_back(std::move(account));
            if (world_.plan.accounts == 1) {
                break;
            }
        }
        return options;
    }

    void stop() {
        if (engine_) {
            world_.note("stop");
            engine_->stop();
            world_.after(stop_grace, [this, life = lives_] {
                if (engine_ && life == lives_) {
                    cancel_.emit(asio::cancellation_type::terminal);
                }
            });
        }
    }

    // Runs one process to its end, whichever that is. False: it does not end.
    bool live() {
        ++lives_;
        world_.note("start", {}, static_cast<std::int64_t>(lives_));
        random_.seed(world_.random());
        const engine_parts parts{world_.loop.get_executor(),
                                 world_.time,
                                 log_,
                                 random_,
                                 store_,
                                 provider_,
                                 incoming_,
                                 outcomes_.sink()};
        engine_ = std::make_unique<engine>(parts, options_of_life());
        ended_ = false;
        asio::co_spawn(
            world_.loop, engine_->run(),
            asio::bind_cancellation_slot(cancel_.slot(), [this](const std::exception_ptr& failure) {
                ended_ = true;
                note_end(failure);
            }));
        crash_in_ = 0;
        while (!ended_ && violations_bearable()) {
            if (step() || ended_) {
                continue;
            }
            if (!world_.advance()) {
                oracle_.violated("the process waits for something that never comes");
                break;
            }
            if (world_.dead() && world_.now() - died_ > unwinding_max) {
                oracle_.violated("the process does not end when it is cancelled");
                break;
            }
        }
        in_order_ = !world_.dead() && !store_.failed();
        if (!ended_) {
            static_cast<void>(engine_.release());  // its tasks still refer to it
            return false;
        }
        end_commands();
        if (world_.machine.waiters() != 0) {
            oracle_.violated("somebody still waits after the engine has ended");
        }
        engine_.reset();
        return true;
    }

    void note_end(const std::exception_ptr& failure) {
        try {
            if (failure) {
                std::rethrow_exception(failure);
            }
            world_.note("ended");
        } catch (const boost::system::system_error& error) {
            world_.note("ended", error.code() == asio::error::operation_aborted ? "cancelled"
                                                                                : error.what());
        } catch (const std::runtime_error& error) {
            world_.note("ended", error.what());
            if (!store_.failed() && !world_.dead()) {
                oracle_.violated(std::string("the engine failed: ") + error.what());
            }
        }
    }

    // One handler of the loop; false if there was none.
    bool step() {
        world_.loop.restart();
        if (world_.loop.poll_one() == 0) {
            return false;
        }
        ++steps_;
        count_step();
        if (crash_in_ > 0 && --crash_in_ == 0) {
            world_.note("crash");
            world_.kill();
            died_ = world_.now();
            cancel_.emit(asio::cancellation_type::terminal);
        }
        return true;
    }

    void count_step() {
        if (world_.now() - second_ >= 1s) {
            second_ = world_.now();
            steps_in_second_ = 0;
        }
        if (++steps_in_second_ == steps_max) {
            oracle_.violated("a busy loop");
        }
    }

    bool violations_bearable() const {
        return oracle_.violations().size() < 10 && steps_in_second_ < steps_max;
    }

    // The machine is without a process for a while, and then ready for the next one.
    void pause() {
        bool up = false;
        const auto down =
            over_ ? 0ms : world_.time_between(0ms, world_.number(0, 3) == 0 ? 1h : 5s);
        world_.after(down, [&up] { up = true; });
        while (!up) {
            world_.loop.restart();
            world_.loop.poll();
            world_.advance();
        }
        world_.revive();
        world_.time.restart();
        incoming_.restart();
        bool ready = false;
        asio::co_spawn(world_.loop, store_.restart(in_order_),
                       [&ready](const std::exception_ptr&) { ready = true; });
        while (!ready) {
            world_.loop.restart();
            world_.loop.poll();
        }
    }

    verdict sum_up() const {
        verdict sum;
        sum.violations = oracle_.violations();
        sum.trace = world_.trace_hash();
        sum.elapsed = world_.machine.elapsed();
        sum.steps = steps_;
        sum.jobs = store_.rows().size();
        sum.posts = provider_.record().posts.size();
        sum.ambiguous = provider_.record().ambiguous;
        sum.lives = lives_;
        sum.told_duplicates = oracle_.told_duplicates;
        sum.silent_duplicates = oracle_.silent_duplicates;
        sum.left_to_audit = oracle_.left_to_audit;
        return sum;
    }

    world world_;
    trace_log log_;
    sim_ledger store_;
    sim_provider provider_;
    sim_spool incoming_;
    sim_outcomes outcomes_;
    oracle oracle_;
    asio::cancellation_signal cancel_;
    std::unique_ptr<engine> engine_;
    random_source random_;  // the engine's
    bool ended_ = false;
    steady_time calm_at_{};
    steady_time died_{};
    steady_time last_drop_{};
    steady_time second_{};
    std::uint64_t steps_in_second_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t lives_ = 0;
    int commands_ = 0;  // of the operator, that have not ended
    int crash_in_ = 0;
    bool in_order_ = true;
    bool over_ = false;
};

}  // namespace

verdict simulate(const scenario& plan, std::string* trace) {
    planted_now = plan.planted;
    return simulation(plan, trace).run();
}

}  // namespace onboardd::simulate
