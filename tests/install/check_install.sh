#!/bin/sh
# check_install.sh BUILD BINDIR DATADIR MANDIR UNITDIR: `cmake --install` puts each file where GNUInstallDirs
# says, the units name the programs there, and the provider's stand-in comes only when it is asked for.
# The folders are absolute.
set -eu
build=$1 bindir=$2 datadir=$3 mandir=$4 unitdir=$5
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT

DESTDIR=$target cmake --install "$build" --strip >"$target/log" || { cat "$target/log"; exit 1; }

for file in "$bindir/onboardd" "$bindir/onboardctl" "$datadir/onboardd/onboardd.yaml" \
    "$datadir/onboardd/job.schema.json" "$mandir/man8/onboardd.8" "$mandir/man1/onboardctl.1" \
    "$mandir/man5/onboardd.yaml.5" "$mandir/man5/onboardd-job.5" "$mandir/man5/onboardd-outcome.5" \
    "$unitdir/onboardd.service" "$unitdir/onboardd-drain.service" "$unitdir/onboardd-drain.timer"; do
    [ -f "$target$file" ] || { echo "missing: $file"; exit 1; }
done
for unit in onboardd onboardd-drain; do
    for line in "ExecStart=$bindir/onboardd --config " "BindReadOnlyPaths=$bindir/onboardd "; do
        grep -qF "$line" "$target$unitdir/$unit.service" || { echo "$unit.service lacks $line"; exit 1; }
    done
done
if find "$target" -name 'onboardd-sandbox*' -o -name 'onboardd-generate*' | grep .; then
    echo "the stand-in is no part of an installation"
    exit 1
fi

DESTDIR=$target cmake --install "$build" --component sandbox --strip >"$target/log"
[ -x "$target$bindir/onboardd-sandbox" ] || { echo "missing: onboardd-sandbox"; exit 1; }
