# Completion of onboardctl for bash.

# The accounts (id) or batches (name) that `onboardctl status` tells of, if this user may ask.
_onboardctl_known() {
    local i
    local -a config=()
    for ((i = 1; i < COMP_CWORD - 1; i++)); do
        [[ ${COMP_WORDS[i]} != --config ]] || config=(--config "${COMP_WORDS[i + 1]}")
    done
    "${COMP_WORDS[0]}" "${config[@]}" status --json 2>/dev/null |
        grep -o "{\"$1\": \"[^\"]*" | cut -d '"' -f 4
}

_onboardctl() {
    local current previous word command='' options
    local states='queued submitting unknown deferred accepted created rejected expired conflict held
        cancelled'
    local common='--config --json --help'
    current=${COMP_WORDS[COMP_CWORD]}
    previous=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()

    case $previous in
        --config | --map)
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
            ;;
        --state)
            mapfile -t COMPREPLY < <(compgen -W "$states" -- "$current")
            return
            ;;
        --account)
            mapfile -t COMPREPLY < <(compgen -W "$(_onboardctl_known id)" -- "$current")
            return
            ;;
        --batch)
            mapfile -t COMPREPLY < <(compgen -W "$(_onboardctl_known name)" -- "$current")
            return
            ;;
        --limit | --interval | --looks) return ;;
    esac

    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
            -*) ;;
            check | submit | import | status | watch | list | show | explain | report | hold | \
                release | retry | cancel | pause | resume | fsck | audit | config)
                command=$word
                break
                ;;
        esac
    done

    case $command in
        '')
            options="check submit import status watch list show explain report hold release retry
                cancel pause resume fsck audit config --version $common"
            ;;
        check | status | show | explain | report | pause | resume | audit) options=$common ;;
        submit) options="--batch $common" ;;
        import) options="--map --batch --dry-run --skip-bad $common" ;;
        watch) options="--interval --looks $common" ;;
        list) options="--state --account --batch --limit $common" ;;
        hold | release | retry | cancel) options="ALL --state --account --batch $common" ;;
        fsck) options="--repair --accept-restored $common" ;;
        config) options="check $common" ;;
    esac
    if [[ $current != -* ]]; then
        case $command in
            pause | resume | audit) options+=" $(_onboardctl_known id)" ;;
            report) options+=" $(_onboardctl_known name)" ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")

    case $command in
        check | submit | import)
            local -a files
            mapfile -t files < <(compgen -f -- "$current")
            [[ $current == -* ]] || COMPREPLY+=("${files[@]}")
            ;;
    esac
}

complete -o filenames -F _onboardctl onboardctl
