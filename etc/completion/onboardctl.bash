# Completion of onboardctl for bash.

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
        --account | --batch | --limit | --interval | --looks) return ;;
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
