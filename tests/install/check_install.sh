#!/bin/sh
# check_install.sh BUILD BINDIR DATADIR MANDIR UNITDIR: `cmake --install` puts each file where GNUInstallDirs
# says, or below another prefix that it is given, the units name the programs there, and the provider's stand-in comes
# only when it is asked for.
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

# units_name DIR BINDIR: the units in DIR start the programs in BINDIR.
units_name() {
    for unit in onboardd onboardd-drain; do
        for line in "ExecStart=$2/onboardd --config " "BindReadOnlyPaths=$2/onboardd "; do
            grep -qF "$line" "$1/$unit.service" || { echo "$unit.service lacks $line"; exit 1; }
        done
    done
}
units_name "$target$unitdir" "$bindir"
if find "$target" -name 'onboardd-sandbox*' -o -name 'onboardd-generate*' | grep .; then
    echo "the stand-in is no part of an installation"
    exit 1
fi

# What is said below the prefix follows it. A place that was configured as absolute stays.
elsewhere=$target/elsewhere
cmake --install "$build" --prefix "$elsewhere" --strip >"$target/log" || { cat "$target/log"; exit 1; }
for file in lib/sysusers.d/onboardd.conf lib/tmpfiles.d/onboardd.conf lib/systemd/catalog/onboardd.catalog \
    share/bash-completion/completions/onboardctl share/fish/vendor_completions.d/onboardctl.fish; do
    [ -f "$elsewhere/$file" ] || { echo "missing below another prefix: $file"; exit 1; }
done
find "$elsewhere" -path '*/share/zsh/*/_onboardctl' | grep -q . || { echo "missing: _onboardctl"; exit 1; }
units_name "$elsewhere/lib/systemd/system" "$elsewhere/bin"

DESTDIR=$target cmake --install "$build" --component sandbox --strip >"$target/log"
[ -x "$target$bindir/onboardd-sandbox" ] || { echo "missing: onboardd-sandbox"; exit 1; }
