#compdef onboardctl
# Completion of onboardctl for zsh.

# The accounts (id) or batches (name) that `onboardctl status` tells of, if this user may ask.
_onboardctl_known() {
    local -a names
    local file=${opt_args[--config]:-$config_before}
    names=(${(f)"$(onboardctl ${file:+--config} ${file:+${(Q)file}} status --json 2>/dev/null |
        grep -o "{\"$1\": \"[^\"]*" | cut -d '"' -f 4)"})
    compadd -a names
}

_onboardctl() {
    local -a commands states common
    local state line config_before
    local -A opt_args
    commands=(
        'check:read job files as the daemon would, and name what is wrong'
        'submit:check job files and hand them off'
        'import:make a batch of jobs from a CSV sheet'
        'status:how things stand'
        'watch:the same, live'
        'list:the jobs of the ledger'
        'show:one job'
        'explain:why a job is where it is, and what happens next'
        'report:the report of a batch'
        'hold:keep jobs from being sent'
        'release:let held jobs go on'
        'retry:take the next step at once'
        'cancel:end jobs that were not submitted'
        'pause:let an account make no request'
        'resume:let a paused account go on'
        'fsck:check ledger, outcomes and spool'
        'audit:compare the list of cases with the ledger'
        'config:about the configuration'
    )
    states=(queued submitting unknown deferred accepted created rejected expired conflict held
        cancelled)
    common=(
        '--config[the configuration]:file:_files'
        '--json[one JSON object a line]'
        '--help[what there is]'
    )

    _arguments -C $common '--version[which version this is]' '1:command:->command' '*::argument:->argument'
    config_before=${opt_args[--config]}
    case $state in
        command) _describe command commands ;;
        argument)
            case $words[1] in
                check) _arguments $common '*:job file:_files' ;;
                submit) _arguments $common '--batch[its name]:batch: _onboardctl_known name' '*:job file:_files' ;;
                import)
                    _arguments $common '--map[where the columns go]:file:_files' \
                        '--batch[its name]:batch: _onboardctl_known name' '--dry-run[hand nothing off]' \
                        '--skip-bad[hand off what is good]' '1:sheet:_files'
                    ;;
                status) _arguments $common ;;
                watch)
                    _arguments $common '--interval[between two looks]:seconds:' \
                        '--looks[end after so many]:number:'
                    ;;
                list)
                    _arguments $common "--state[only these]:state:($states)" \
                        '--account[only its jobs]:account: _onboardctl_known id' \
                        '--batch[only its jobs]:batch: _onboardctl_known name' \
                        '--limit[at most so many]:number:'
                    ;;
                show | explain) _arguments $common '*:reference:' ;;
                report) _arguments $common '1:batch: _onboardctl_known name' ;;
                hold | release | retry | cancel)
                    _arguments $common "--state[only these]:state:($states)" \
                        '--account[only its jobs]:account: _onboardctl_known id' \
                        '--batch[only its jobs]:batch: _onboardctl_known name' \
                        '*:reference:(ALL)'
                    ;;
                pause | resume) _arguments $common '1:account: _onboardctl_known id' ;;
                fsck)
                    _arguments $common '--repair[repair what can be repaired]' \
                        '--accept-restored[take a ledger that was put back]'
                    ;;
                audit) _arguments $common '*:account: _onboardctl_known id' ;;
                config) _arguments $common '1:what:(check)' ;;
            esac
            ;;
    esac
}

_onboardctl "$@"
