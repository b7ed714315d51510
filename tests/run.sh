#!/bin/sh
# run.sh [PRESET...]: installs what is missing, builds each preset with its tests, and runs them.
#
#   ci     every test, with the address and undefined behaviour sanitizers; warnings are errors
#   tsan   the thread sanitizer; of the system tests, those that show most and take least
#
# The first is the default; dev and release work too and run everything. All presets are tried even
# if one fails; the last line counts the tests of all of them.
# ONBOARDD_JOBS: how many compilers, or tests, at once; as many as there are processors by default.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
[ $# -gt 0 ] || set -- ci
jobs=${ONBOARDD_JOBS:-$(nproc)}

# A fresh clone may use what another one has compiled.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$root}" CCACHE_NOHASHDIR=1
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}"

# The sanitizers of GCC 12 do not start where the kernel places memory at too random addresses.
steadily() {
    if setarch "$(uname -m)" -R true 2>/dev/null; then
        setarch "$(uname -m)" -R "$@"
    else
        "$@"
    fi
}

build() {
    cmake --preset "$1" -D ONBOARDD_TESTS=ON && steadily cmake --build "build/$1" -j "$jobs"
}

# run_tests FILE: those of $preset; the results go to FILE.
run_tests() {
    set -- --preset "$preset" --parallel "$jobs" --no-tests=error --timeout 600 --output-junit "$1"
    # Faults, kills and the hand-off are long, and what runs on several threads is the same in them.
    [ "$preset" != tsan ] || set -- "$@" --exclude-regex '^system\.(faults|kill|handoff)\.'
    steadily ctest "$@"
}

# number NAME FILE: an attribute of the suite in ctest's results, for example tests="12".
number() {
    sed -n "s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p" "$2" | head -n 1
}

sh tests/install-packages.sh test

passed=0
failed=0
skipped=0
summary=
for preset in "$@"; do
    began=$(date +%s)
    results=$root/build/$preset/results.xml
    rm -f "$results"
    echo "== $preset: building"
    if ! build "$preset"; then
        failed=$((failed + 1))
        summary="$summary$preset: does not build
"
        continue
    fi
    built=$(date +%s)
    echo "== $preset: testing"
    verdict=good
    run_tests "$results" || verdict=FAILED
    if [ -s "$results" ]; then
        bad=$(number failures "$results")
        out=$(($(number disabled "$results") + $(number skipped "$results")))
        passed=$((passed + $(number tests "$results") - bad - out))
        failed=$((failed + bad))
        skipped=$((skipped + out))
    fi
    # ctest may fail without a failed test, for example when there is none.
    [ "$verdict" = good ] || [ "$failed" -gt 0 ] || failed=1
    ended=$(date +%s)
    summary="$summary$preset: $verdict, built in $((built - began)) s, tested in $((ended - built)) s
"
done

printf '\n%s' "$summary"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
