#!/bin/sh
# run.sh [--loop] [OPTION...] [COUNT...]: how fast onboardd is and what a job costs, measured on the
# programs as they are: the sandbox on one processor, the daemon on another. COUNT: jobs of a run,
# 1000 10000 100000 by default. measure.py --help tells the other options. Takes half an hour on
# an idle machine with two processors, and means nothing on a busy one. Not part of CI.
#
#   --loop                     as root: on an ext4 with a journal, made for this in a file
#   ONBOARDD_BENCH_DIRECTORY   chooses the file system otherwise; TMPDIR or /tmp by default
#   ONBOARDD_BUILD_DIR         measures what is in its bin/ instead of building the release preset
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
parent=${ONBOARDD_BENCH_DIRECTORY:-${TMPDIR:-/tmp}}
loop=
if [ "${1:-}" = --loop ]; then
    loop=yes
    shift
fi

if [ -n "${ONBOARDD_BUILD_DIR:-}" ]; then
    programs=$(cd "$ONBOARDD_BUILD_DIR/bin" && pwd)
else
    cd "$root"
    sh tests/install-packages.sh bench
    cmake --preset release -DONBOARDD_TESTS=ON >/dev/null
    cmake --build build/release --target onboardd onboardd-sandbox onboardd-generate
    programs=$root/build/release/bin
fi

directory=$(mktemp -d "$parent/onboardd-bench.XXXXXX")
clean_up() {
    status=$?
    trap - EXIT
    if [ -n "$loop" ] && mountpoint -q "$directory/disk"; then
        umount "$directory/disk"
    fi
    rm -rf "$directory"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -n "$loop" ]; then
    # All inode tables are written now, not by the kernel while we measure.
    truncate -s 12G "$directory/disk.img"
    mkfs.ext4 -q -F -N 3000000 -E lazy_itable_init=0,lazy_journal_init=0 "$directory/disk.img"
    mkdir "$directory/disk"
    mount -o loop,noatime "$directory/disk.img" "$directory/disk"
    python3 "$root/tests/bench/measure.py" --programs "$programs" --directory "$directory/disk" "$@"
else
    python3 "$root/tests/bench/measure.py" --programs "$programs" --directory "$directory" "$@"
fi
