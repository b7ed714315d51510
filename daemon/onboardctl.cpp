// onboardctl: looks after onboardd.

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <utility>

#include "daemon/ctl/command_line.hpp"
#include "daemon/ctl/control_socket.hpp"
#include "onboardd/base/error.hpp"
#include "onboardd/config/load_config.hpp"

namespace onboardd::ctl {
namespace {

// As the daemon does: audit holds secrets, and what fsck makes is the owner's alone.
void harden_process() {
    ::umask(0077);
    ::prctl(PR_SET_DUMPABLE, 0);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    std::signal(SIGXFSZ, SIG_IGN);
}

result<config, std::vector<config_fault>> load(const command_line& options) {
    environment surroundings;
    if (const char* directory = std::getenv("CREDENTIALS_DIRECTORY")) {
        surroundings.credentials_directory = directory;
    }
    // systemd hands credentials to the daemon alone: only audit needs them.
    surroundings.files_needed =
        options.what == command::audit || !surroundings.credentials_directory.empty();
    return load_config(options.config_file, surroundings);
}

void tell_fault_as_json(const config_fault& fault, output& to) {
    json_line line;
    line.add("file", fault.file)
        .add_number("line", fault.line)
        .add_number("column", fault.column)
        .add("key", fault.key)
        .add("message", fault.message);
    to.line(line);
}

// Faults of the configuration are what `config check` is asked for; to all others they are trouble.
void tell_faults(const command_line& options, const std::vector<config_fault>& faults, output& to) {
    for (const auto& fault : faults) {
        if (to.json && options.what == command::config_check) {
            tell_fault_as_json(fault, to);
        } else {
            to.err << fault.to_string() << '\n';
        }
    }
}

int dispatch(const command_line& options, const config& settings, output& to) {
    switch (options.what) {
        case command::config_check:
            if (!to.json) {
                to.line(shown(options.config_file.native()) + ": good");
            }
            return done;
        case command::check:
            return check_files(settings, options.files, to);
        case command::submit:
            return submit_files(settings, options.submit, to);
        case command::import:
            return import_sheet(settings, options.import, to);
        case command::status:
            return show_status(settings, to);
        case command::watch:
            return watch(settings, options.watch, to);
        case command::list:
            return list_jobs(settings, options.list, to);
        case command::show:
            return show_job(settings, options.subject, to);
        case command::explain:
            return explain_jobs(settings, options.references, std::cin, to);
        case command::change:
            return change_jobs(settings, options.change, std::cin, to);
        case command::pause:
        case command::resume:
            return pause_account(settings, options.subject, options.what == command::pause, to);
        case command::report:
            return report_batch(settings, options.subject, to);
        case command::fsck:
            return fsck(settings, options.fsck, to);
        case command::audit:
            return audit(settings, options.accounts, to);
    }
    return failed;
}

// https://no-color.org: any value that is not empty.
bool wants_color() {
    const char* refused = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
    return (refused == nullptr || *refused == 0) && !dumb && ::isatty(STDOUT_FILENO) == 1;
}

std::size_t terminal_columns() {
    winsize size{};
    const bool known =
        ::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    return known ? size.ws_col : 0U;
}

int run(const command_line& options) {
    output to{std::cout, std::cerr, options.json, wants_color(), terminal_columns()};
    const auto settings = load(options);
    if (!settings) {
        tell_faults(options, settings.error(), to);
    }
    const int status = settings ? dispatch(options, *settings, to) : int{bad_config};
    to.out.flush();
    if (!to.out) {
        to.err << "onboardctl: standard output cannot be written\n";
        return failed;
    }
    return status;
}

int guarded_run(const command_line& options) {
    try {
        return run(options);
    } catch (const not_allowed& error) {
        std::cerr << "onboardctl: " << error.what() << '\n';
        return forbidden;
    } catch (const config_error& error) {
        std::cerr << "onboardctl: " << error.what() << '\n';
        return bad_config;
    } catch (const already_owned& error) {
        std::cerr << "onboardctl: " << error.what() << ": stop onboardd first\n";
        return busy;
    } catch (const std::exception& error) {
        std::cerr << "onboardctl: " << error.what() << '\n';
        return failed;
    }
}

}  // namespace
}  // namespace onboardd::ctl

int main(int argc, char** argv) {
    onboardd::ctl::harden_process();
    const auto options = onboardd::ctl::parse_command_line(argc, argv);
    if (const int* code = std::get_if<int>(&options)) {
        return *code;
    }
    return onboardd::ctl::guarded_run(std::get<onboardd::ctl::command_line>(options));
}
