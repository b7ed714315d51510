#!/bin/sh
# lint.sh [FILE...]: the format of all sources (or those named), then clang-tidy on them, with what
# the ci preset compiles. Run by hand before a change is sent; not part of CI. ONBOARDD_JOBS: how
# many at once, 2 by default.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
sh tests/install-packages.sh lint
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046  # no name of ours has a space in it
    set -- $(git ls-files 'daemon/*.[ch]pp' 'include/*.[ch]pp' 'tests/*.[ch]pp')
fi
status=0

echo "== format"
clang-format --dry-run -Werror "$@" || status=1

echo "== clang-tidy"
database=build/ci/compile_commands.json
[ -f "$database" ] || cmake --preset ci
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Headers are looked at through the sources that include them; sources that are not built, not at all.
# shellcheck disable=SC2016  # for the inner shell
for file in "$@"; do
    ! grep -qF "\"file\": \"$root/$file\"" "$database" || printf '%s\0' "$file"
done | xargs -0 -r -n 1 -P "${ONBOARDD_JOBS:-2}" sh -c '
    found=$(clang-tidy --quiet -p build/ci --warnings-as-errors="*" "$0" 2>&1) ||
        printf "%s\n" "$0:" "$found"
' | sed -u '/^[0-9].* generated\.$/d' | tee "$log"
if [ -s "$log" ]; then
    status=1
    # What a header has was said for each source that includes it.
    echo "== each once"
    grep -E ': (error|warning): ' "$log" | sed "s#^$root/##; s#,-warnings-as-errors]#]#" | sort -u
fi

[ "$status" -eq 0 ] && echo "good" || echo "see above"
exit "$status"
