#include "daemon/ctl/command_line.hpp"

#include <CLI/CLI.hpp>

#include "daemon/app/usage_fault.hpp"

namespace onboardd::ctl {
namespace {

constexpr const char* exit_codes_text =
    "Exit codes: 0 done, and nothing is wrong; 1 failed, or fsck leaves damage, or there is no "
    "such job, batch or account; 2 usage; 3 audit found something, check and submit met what is no "
    "job, or the state of a job that was named does not let it be held, released, retried or "
    "cancelled; 75 the daemon runs (fsck); 77 this user may not speak with the daemon, not read "
    "the ledger, or not "
    "hand jobs in; 78 bad configuration, or no ledger.";

constexpr const char* references_text =
    "REFERENCE or ACCOUNT/REFERENCE; - for one a line on standard input; ALL for every job that "
    "fits the options";

constexpr const char* fsck_text =
    "One line for each damage: what it is, what it means, and what --repair would do. A ledger "
    "that is damaged is built anew from what is sound, and the old one kept beside it.\n"
    "Exit codes: 0 no damage, or all of it repaired; 1 damage is left; 75 the daemon runs.";

constexpr const char* import_text =
    "Names each fault as SHEET:LINE:COLUMN. An example of a map is in share/onboardd/.\n"
    "Exit codes: 0 handed off; 3 some line is bad: nothing was handed off, or with --skip-bad the "
    "rest.";

constexpr const char* audit_text =
    "Names each reference with two cases or more (case_repeated), each case without a job "
    "(case_without_job), each case of a job that should have none (case_not_expected), each job "
    "whose case is not listed (case_not_listed) or is another one (case_differs). Changes "
    "nothing.\nExit codes: 0 nothing found; 3 something found; 1 a list could not be read.";

std::string all_states() {
    std::string words;
    for (const auto state : all_job_states) {
        words.append(words.empty() ? "" : ", ").append(to_string(state));
    }
    return words;
}

std::string from_one(const std::string& text) {
    const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
    const bool good = digits && text.find_first_not_of('0') != std::string::npos;
    return good ? std::string() : std::string("a whole number from 1 is needed");
}

CLI::Option* add_state(CLI::App& command, std::optional<job_state>& into) {
    return command
        .add_option_function<std::string>(
            "--state",
            [&into](const std::string& text) {
                into = parse_job_state(text);
                if (!into) {
                    throw CLI::ValidationError(
                        "--state", "there is no state " + text + "; allowed are " + all_states());
                }
            },
            "only those in this state")
        ->type_name("STATE");
}

void add_list(CLI::App& program, command_line& options) {
    auto* list = program.add_subcommand("list", "the jobs of the ledger, in order of arrival");
    add_state(*list, options.list.state);
    list->add_option("--account", options.list.account, "only those of this account")
        ->type_name("ACCOUNT");
    list->add_option("--batch", options.list.batch, "only those of this batch")->type_name("BATCH");
    list->add_option("--limit", options.list.count_max, "at most so many")
        ->type_name("N")
        ->check(from_one);
    list->callback([&options] { options.what = command::list; });
}

void add_overview(CLI::App& program, command_line& options) {
    auto* status = program.add_subcommand(
        "status", "how things stand: jobs, pace, accounts with their tokens, limits and pauses");
    status->callback([&options] { options.what = command::status; });
    auto* watch = program.add_subcommand("watch", "the same, live; ends with q");
    watch
        ->add_option_function<double>(
            "--interval",
            [&options](double seconds) {
                options.watch.interval = milliseconds(static_cast<std::int64_t>(seconds * 1'000));
            },
            "seconds between two looks (1)")
        ->type_name("SECONDS")
        ->check(between(0.1, 3'600.0, "allowed is 0.1 to 3600"));
    watch->add_option("--looks", options.watch.looks, "ends after so many")
        ->type_name("N")
        ->check(from_one);
    watch->callback([&options] { options.what = command::watch; });
}

void add_change(CLI::App& program, command_line& options, operation what, const char* about) {
    auto* change = program.add_subcommand(std::string(to_string(what)), about);
    change->add_option("REF", options.change.references, references_text);
    add_state(*change, options.change.state);
    change->add_option("--account", options.change.account, "only those of this account")
        ->type_name("ACCOUNT");
    change->add_option("--batch", options.change.batch, "only those of this batch")
        ->type_name("BATCH");
    change->callback([&options, what] {
        options.what = command::change;
        options.change.what = what;
    });
}

void add_changes(CLI::App& program, command_line& options) {
    add_change(program, options, operation::hold, "keeps queued and deferred jobs from being sent");
    add_change(program, options, operation::release,
               "lets held jobs go on, and looks jobs in conflict up again");
    add_change(program, options, operation::retry,
               "takes the next step at once; jobs that ended without a case start again");
    add_change(program, options, operation::cancel, "ends jobs that were not submitted");
    auto* pause = program.add_subcommand(
        "pause", "lets an account make no request until it is resumed, also after a restart");
    pause->add_option("ACCOUNT", options.subject, "its id")->required();
    pause->callback([&options] { options.what = command::pause; });
    auto* resume = program.add_subcommand("resume", "lets a paused account go on");
    resume->add_option("ACCOUNT", options.subject, "its id")->required();
    resume->callback([&options] { options.what = command::resume; });
}

void add_readers(CLI::App& program, command_line& options) {
    add_overview(program, options);
    add_list(program, options);
    auto* show = program.add_subcommand("show", "one job");
    show->add_option("REF", options.subject, "REFERENCE or ACCOUNT/REFERENCE")->required();
    show->callback([&options] { options.what = command::show; });
    auto* explain = program.add_subcommand(
        "explain", "why a job is where it is, what happens next, and what would change that");
    explain
        ->add_option("REF", options.references,
                     "REFERENCE or ACCOUNT/REFERENCE; - for one a line on standard input")
        ->required();
    explain->callback([&options] { options.what = command::explain; });
    auto* report = program.add_subcommand("report", "the report of a batch as it stands now");
    report->add_option("BATCH", options.subject, "its name")->required();
    report->callback([&options] { options.what = command::report; });
}

void add_import(CLI::App& program, command_line& options) {
    auto* sheet = program.add_subcommand(
        "import", "makes a batch of jobs from a CSV sheet: all of it, or nothing if a line is bad");
    sheet->footer(import_text);
    sheet->add_option("SHEET", options.import.sheet, "CSV, UTF-8, its first line names the columns")
        ->required();
    sheet->add_option("--map", options.import.map, "where the columns go in a job")
        ->type_name("FILE")
        ->required();
    sheet->add_option("--batch", options.import.batch, "the batch's name (the sheet's)")
        ->type_name("BATCH");
    sheet->add_flag("--dry-run", options.import.dry_run, "checks, and hands nothing off");
    sheet->add_flag("--skip-bad", options.import.skip_bad, "hands off what is good");
    sheet->callback([&options] { options.what = command::import; });
}

void add_files(CLI::App& program, command_line& options) {
    auto* check = program.add_subcommand(
        "check", "reads job files as the daemon would, and names what is wrong");
    check->add_option("FILE", options.files, "NAME.json, NAME.jsonl, or - for standard input")
        ->required();
    check->callback([&options] { options.what = command::check; });
    auto* submit = program.add_subcommand(
        "submit", "checks job files and hands them off: all of them, or none if one is faulty");
    submit
        ->add_option("FILE", options.submit.files, "NAME.json, NAME.jsonl, or - for standard input")
        ->required();
    submit->add_option("--batch", options.submit.batch, "the batch's name")->type_name("BATCH");
    submit->callback([&options] { options.what = command::submit; });
    add_import(program, options);
    auto* config = program.add_subcommand("config", "about the configuration");
    config->require_subcommand(1);
    auto* config_check = config->add_subcommand("check", "prints every fault of it");
    config_check->callback([&options] { options.what = command::config_check; });
}

void add_checks(CLI::App& program, command_line& options) {
    auto* fsck = program.add_subcommand(
        "fsck", "checks ledger, outcomes and spool against each other; the daemon must not run");
    fsck->footer(fsck_text);
    fsck->add_flag("--repair", options.fsck.repair, "repairs what can be repaired");
    fsck->add_flag("--accept-restored", options.fsck.accept_restored,
                   "takes a ledger that is older than the outcomes, or another one: every open job "
                   "is looked up with the provider before anything is sent");
    fsck->callback([&options] { options.what = command::fsck; });
    auto* audit =
        program.add_subcommand("audit", "compares the provider's list of cases with the ledger");
    audit->footer(audit_text);
    audit->add_option("ACCOUNT", options.accounts, "only these; all where none is given");
    audit->callback([&options] { options.what = command::audit; });
}

}  // namespace

std::variant<command_line, int> parse_command_line(int argc, const char* const* argv) {
    command_line options;
    CLI::App program("The operator's tool of onboardd.", "onboardctl");
    keep_help_narrow(program);
    program.set_version_flag("--version", "onboardctl " ONBOARDD_VERSION);
    program.add_option("--config", options.config_file, "the daemon's configuration")
        ->type_name("FILE")
        ->capture_default_str();
    program.add_flag("--json", options.json, "one JSON object a line");
    program.require_subcommand(1);
    program.fallthrough();  // --config and --json may stand behind the command too
    program.footer(exit_codes_text);
    add_readers(program, options);
    add_changes(program, options);
    add_files(program, options);
    add_checks(program, options);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return tell_why_parsing_ended(program, error, usage);
    }
    return options;
}

}  // namespace onboardd::ctl
