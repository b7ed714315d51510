#!/bin/sh
# run.sh [--fs ext4|xfs|btrfs] [--images N] [OPTION...]: power cuts at block level, under the real
# daemon. README.md tells how it works, --help the other options. As root: it mounts. Not part of CI.
#
#   --lie all|file|directory   leaves syncs out of the daemon, to see that the laboratory notices
#   ONBOARDD_BUILD_DIR         takes what is in its bin/ instead of building the release preset
#   TMPDIR                     where images and logs are; /dev/shm by default
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
if [ "$(id -u)" -ne 0 ]; then
    echo "run.sh: only root may mount; nothing was tried" >&2
    exit 77
fi
sh tests/install-packages.sh powercut
for need in nbdkit nbdfuse fusermount3 mkfs.ext4; do
    command -v "$need" >/dev/null || { echo "run.sh: there is no $need here" >&2; exit 77; }
done
[ -c /dev/fuse ] || { echo "run.sh: there is no /dev/fuse here" >&2; exit 77; }

build=${ONBOARDD_BUILD_DIR:-$root/build/release}
if [ -z "${ONBOARDD_BUILD_DIR:-}" ]; then
    cmake --preset release >/dev/null
    cmake --build "$build" --target onboardd onboardd-sandbox
fi
for name in disk_log lying_sync; do
    cc -O2 -Wall -Wextra -shared -fPIC -o "$build/$name.so" "tests/powercut/$name.c"
done

# In a container the nodes may be missing: 7 is the loop driver's number.
number=0
while [ "$number" -lt 32 ]; do
    [ -b "/dev/loop$number" ] || mknod -m 0660 "/dev/loop$number" b 7 "$number"
    number=$((number + 1))
done

if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ]; then
    export TMPDIR=/dev/shm
fi
export ONBOARDD="$build/bin/onboardd" ONBOARDD_SANDBOX="$build/bin/onboardd-sandbox"
export PYTHONDONTWRITEBYTECODE=1
# Mounts of its own: who clones ours (another test with a name space, say) would keep an image mounted
# while the next one is written over it, and then anything may seem to be lost.
exec unshare --mount --propagation private python3 tests/powercut/powercut.py --plugin "$build/disk_log.so" \
    --lying-sync "$build/lying_sync.so" "$@"
