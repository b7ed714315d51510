# Completion of onboardctl for fish.

set -l commands check submit import status watch list show explain report hold release retry cancel \
    pause resume fsck audit config
set -l states queued submitting unknown deferred accepted created rejected expired conflict held \
    cancelled

complete -c onboardctl -f
complete -c onboardctl -l config -r -F -d 'the configuration'
complete -c onboardctl -l json -d 'one JSON object a line'
complete -c onboardctl -l help -d 'what there is'
complete -c onboardctl -n "not __fish_seen_subcommand_from $commands" -l version -d 'which version this is'

function __onboardctl_command -a name text
    complete -c onboardctl -n "not __fish_seen_subcommand_from $argv[3..]" -a $name -d $text
end
__onboardctl_command check 'name what is wrong in job files' $commands
__onboardctl_command submit 'check job files and hand them off' $commands
__onboardctl_command import 'make a batch of jobs from a CSV sheet' $commands
__onboardctl_command status 'how things stand' $commands
__onboardctl_command watch 'the same, live' $commands
__onboardctl_command list 'the jobs of the ledger' $commands
__onboardctl_command show 'one job' $commands
__onboardctl_command explain 'why a job is where it is' $commands
__onboardctl_command report 'the report of a batch' $commands
__onboardctl_command hold 'keep jobs from being sent' $commands
__onboardctl_command release 'let held jobs go on' $commands
__onboardctl_command retry 'take the next step at once' $commands
__onboardctl_command cancel 'end jobs that were not submitted' $commands
__onboardctl_command pause 'let an account make no request' $commands
__onboardctl_command resume 'let a paused account go on' $commands
__onboardctl_command fsck 'check ledger, outcomes and spool' $commands
__onboardctl_command audit 'compare the list of cases with the ledger' $commands
__onboardctl_command config 'about the configuration' $commands
functions -e __onboardctl_command

# The accounts (id) or batches (name) that `onboardctl status` tells of, if this user may ask.
function __onboardctl_known -a what
    set -l words (commandline -opc)
    set -l at (contains -i -- --config $words)
    set -l config
    test -n "$at"; and set config --config $words[(math $at + 1)]
    onboardctl $config status --json 2>/dev/null | grep -o "{\"$what\": \"[^\"]*" | cut -d '"' -f 4
end

complete -c onboardctl -n '__fish_seen_subcommand_from check submit import' -F
complete -c onboardctl -n '__fish_seen_subcommand_from pause resume audit' -a '(__onboardctl_known id)' -d account
complete -c onboardctl -n '__fish_seen_subcommand_from report' -a '(__onboardctl_known name)' -d batch
complete -c onboardctl -n '__fish_seen_subcommand_from submit import' -l batch -x -a '(__onboardctl_known name)' -d 'its name'
complete -c onboardctl -n '__fish_seen_subcommand_from import' -l map -r -F -d 'where the columns go'
complete -c onboardctl -n '__fish_seen_subcommand_from import' -l dry-run -d 'hand nothing off'
complete -c onboardctl -n '__fish_seen_subcommand_from import' -l skip-bad -d 'hand off what is good'
complete -c onboardctl -n '__fish_seen_subcommand_from watch' -l interval -x -d 'seconds between two looks'
complete -c onboardctl -n '__fish_seen_subcommand_from watch' -l looks -x -d 'end after so many'
complete -c onboardctl -n '__fish_seen_subcommand_from list hold release retry cancel' -l state -x -a "$states" -d 'only these'
complete -c onboardctl -n '__fish_seen_subcommand_from list hold release retry cancel' -l account -x -a '(__onboardctl_known id)' -d 'only its jobs'
complete -c onboardctl -n '__fish_seen_subcommand_from list hold release retry cancel' -l batch -x -a '(__onboardctl_known name)' -d 'only its jobs'
complete -c onboardctl -n '__fish_seen_subcommand_from list' -l limit -x -d 'at most so many'
complete -c onboardctl -n '__fish_seen_subcommand_from hold release retry cancel' -a ALL -d 'every job that fits'
complete -c onboardctl -n '__fish_seen_subcommand_from fsck' -l repair -d 'repair what can be repaired'
complete -c onboardctl -n '__fish_seen_subcommand_from fsck' -l accept-restored -d 'take a ledger that was put back'
complete -c onboardctl -n '__fish_seen_subcommand_from config' -a check -d 'print every fault of it'
