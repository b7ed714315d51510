#!/bin/sh
# run.sh [--runs N] [TARGET...]: builds the fuzz targets for libFuzzer (clang, address and undefined
# behaviour sanitizers) and runs each, or those named, for N inputs (10,000,000 by default), one
# after the other. Starts from the seeds and from what earlier runs found worth keeping, in
# build/fuzz/corpus/. An input that breaks a promise ends its target; it is kept in
# build/fuzz/findings/TARGET/: copy it to tests/fuzz/findings/TARGET/, where every run of the tests
# meets it again, and correct the code. The last lines are the figures.
# ONBOARDD_JOBS: how many compilers at once, 2 by default. ONBOARDD_FUZZ_SECONDS: the longest that a
# target may take, 0 (the default) is no limit.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
runs=10000000
while [ $# -gt 0 ]; do
    case $1 in
        --runs) runs=$2; shift 2 ;;
        --runs=*) runs=${1#--runs=}; shift ;;
        -*) echo "usage: run.sh [--runs N] [TARGET...]" >&2; exit 2 ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || set -- job_file configuration http_answer case_list retry_after ledger_log ledger_file

sh tests/install-packages.sh fuzz
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$root}" CCACHE_NOHASHDIR=1
cmake --preset fuzz >/dev/null
cmake --build build/fuzz -j "${ONBOARDD_JOBS:-2}"

# In memory where that can be had: the ledger's target writes files.
memory=$(mktemp -d -p /dev/shm onboardd-fuzz-XXXXXX 2>/dev/null || mktemp -d)
trap 'rm -rf "$memory"' EXIT
export TMPDIR="$memory"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

# length TARGET: the longest input; the same as in target.hpp.
length() {
    case $1 in retry_after) echo 64 ;; *) echo 4096 ;; esac
}

status=0
summary=
for target in "$@"; do
    corpus=build/fuzz/corpus/$target
    seeds=build/fuzz/seeds/$target
    findings=build/fuzz/findings/$target
    log=build/fuzz/$target.log
    mkdir -p "$corpus" "$findings"
    build/fuzz/bin/fuzz_write_seeds "$target" "$seeds"
    echo "== $target: $runs runs, see $log"
    verdict=good
    nice setarch "$(uname -m)" -R "build/fuzz/bin/fuzz_$target" -runs="$runs" \
        -max_total_time="${ONBOARDD_FUZZ_SECONDS:-0}" -max_len="$(length "$target")" -timeout=20 \
        -rss_limit_mb=2048 -dict="tests/fuzz/dictionaries/$target.dict" \
        -artifact_prefix="$findings/" -print_final_stats=1 "$corpus" "$seeds" >"$log" 2>&1 || {
        verdict="ended with status $?"
        [ -z "$(ls "$findings")" ] || verdict=FINDING
        status=1
        tail -n 40 "$log"
    }
    done=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    reached=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    summary="$summary$target: $verdict, ${done:-?} runs, ${speed:-?}/s, ${reached:-?} edges reached
"
done
printf '\n%s' "$summary"
exit "$status"
