#!/bin/sh
# verify_units.sh FOLDER: systemd-analyze takes the units in it, their sandbox stays as tight as it is, and
# the daemon and the drain have the same one. Works on copies, since the programs and manual pages that
# the units name need not be installed here.
set -eu
units=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for unit in onboardd.service onboardd-drain.service onboardd-drain.timer; do
    sed -e '/^Exec[A-Z]/s|/usr/bin/[a-z]*|/bin/true|' -e '/^Documentation=/d' "$units/$unit" >"$folder/$unit"
done

for unit in "$folder"/*; do
    said=$(SYSTEMD_UNIT_PATH="$folder:" systemd-analyze verify --recursive-errors=no "$unit" 2>&1) || {
        printf '%s\n' "$said"
        exit 1
    }
    # An unknown key or value is only a warning to systemd, and the line is then ignored.
    if printf '%s\n' "$said" | grep -F onboardd; then
        exit 1
    fi
done

for unit in "$folder"/*.service; do
    systemd-analyze security --offline=yes --threshold=10 "$unit" >"$folder/score" 2>&1 || {
        tail -n 1 "$folder/score"
        exit 1
    }
done

sandbox() { sed -n '/^# From here to the end of this section/,/^\[Install\]/{/^\[Install\]/d;/^$/d;p}' "$1"; }
sandbox "$units/onboardd.service" >"$folder/daemon"
sandbox "$units/onboardd-drain.service" >"$folder/drain"
[ -s "$folder/daemon" ]
diff "$folder/daemon" "$folder/drain"
