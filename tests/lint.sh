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
# Headers are looked at through the sources that include them; sources that are not built, not at all.
for file in "$@"; do
    ! grep -qF "\"file\": \"$root/$file\"" "$database" || printf '%s\0' "$file"
done | xargs -0 -r -n 1 -P "${ONBOARDD_JOBS:-2}" clang-tidy --quiet -p build/ci \
    --warnings-as-errors='*' || status=1

[ "$status" -eq 0 ] && echo "good" || echo "see above"
exit "$status"
