// onboardd: job files in, one CDD case each with the provider, outcome files out.

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <new>
#include <string_view>
#include <system_error>
#include <utility>

#include "daemon/app/app.hpp"
#include "onboardd/base/error.hpp"
#include "onboardd/config/load_config.hpp"

namespace onboardd {
namespace {

// To go on without memory would be to go on with a step half done. This is the same end as by
// SIGKILL instead, after which the next start finds all that was accepted.
[[noreturn]] void end_without_memory() {
    constexpr std::string_view words =
        "onboardd: out of memory; the next start goes on from here\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, words.data(), words.size());
    ::_exit(exit_failed);
}

// Nothing that we make is for everybody, and for the group only what says so: the ledger does not,
// outcomes and reasons do. Secrets reach no core dump; a full disk or a closed pipe is an error
// code, not the end. A SIGHUP that comes before run_daemon() can take it waits for that.
void harden_process() {
    ::umask(0027);
    ::prctl(PR_SET_DUMPABLE, 0);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    sigset_t until_started;
    ::sigemptyset(&until_started);
    ::sigaddset(&until_started, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &until_started, nullptr);
    std::set_new_handler(end_without_memory);
}

// systemd sets the variable for the commands of ExecReload= too, but has no credentials for them;
// and an operator who checks a file has neither. A check does without, then.
environment find_surroundings(const command_line& options) {
    environment surroundings;
    if (const char* directory = std::getenv("CREDENTIALS_DIRECTORY")) {
        surroundings.credentials_directory = directory;
    }
    if (options.check_config) {
        surroundings.credentials_needed = false;
        std::error_code unreadable;
        if (!std::filesystem::is_directory(surroundings.credentials_directory, unreadable)) {
            surroundings.credentials_directory.clear();
        }
    }
    return surroundings;
}

std::optional<config> load_or_explain(const command_line& options) {
    const auto surroundings = find_surroundings(options);
    auto loaded = load_config(options.config_file, surroundings);
    if (loaded) {
        return std::move(*loaded);
    }
    for (const auto& fault : loaded.error()) {
        std::cerr << fault.to_string() << '\n';
    }
    return std::nullopt;
}

int run(const command_line& options) {
    auto settings = load_or_explain(options);
    if (!settings) {
        return exit_bad_config;
    }
    if (options.check_config) {
        std::cout << options.config_file.string() << ": good\n";
        return exit_done;
    }
    return run_daemon(std::move(*settings), options,
                      [&options] { return load_or_explain(options); });
}

int guarded_run(const command_line& options) {
    try {
        return run(options);
    } catch (const config_error& error) {
        std::cerr << "onboardd: " << error.what() << '\n';
        return exit_bad_config;
    } catch (const already_owned& error) {
        std::cerr << "onboardd: " << error.what() << '\n';
        return exit_already_owned;
    } catch (const std::exception& error) {
        std::cerr << "onboardd: " << error.what() << '\n';
        return exit_failed;
    }
}

}  // namespace
}  // namespace onboardd

int main(int argc, char** argv) {
    onboardd::harden_process();
    const auto options = onboardd::parse_command_line(argc, argv);
    if (const int* code = std::get_if<int>(&options)) {
        return *code;
    }
    return onboardd::guarded_run(std::get<onboardd::command_line>(options));
}
