#!/bin/sh
# run.sh: builds the packages, judges them (lintian, hardening-check), and tries them on a machine with a
# real systemd, from the installation to the purge: see test_package.py. As root, on Debian 12, since it
# boots the machine with systemd-nspawn; nothing of it is left running, and nothing is installed here but the
# tools. The first run downloads a Debian and compiles, which takes a quarter of an hour; later ones take four
# minutes. By hand before a release; not part of CI.
#
# ONBOARDD_LAB_CACHE: where the Debian root and the build are kept, /var/cache/onboardd-lab by default.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${ONBOARDD_LAB_CACHE:-/var/cache/onboardd-lab}
[ "$(id -u)" -eq 0 ] || { echo "run.sh: only root may boot a machine" >&2; exit 1; }
sh "$root/tests/install-packages.sh" package
mkdir -p "$cache"
machine=$(mktemp -d "$cache/machine.XXXXXX")
trap 'rm -rf "$machine" "$machine.log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '\n== %s\n' "$*"; }

# Compiles in a copy, since dpkg-buildpackage writes beside its folder.
build() {
    rm -rf "$cache/build"
    mkdir -p "$cache/build/onboardd"
    cd "$root"
    git ls-files -co --exclude-standard -z | tar -c --null -T - | tar -x -C "$cache/build/onboardd"
    cd "$cache/build/onboardd"
    CCACHE_DIR=${CCACHE_DIR:-$(ccache -k cache_dir)} CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 \
        DEB_BUILD_OPTIONS=parallel=${ONBOARDD_JOBS:-$(nproc)} \
        nice dpkg-buildpackage -us -uc -b >../log 2>&1 || { tail -n 40 ../log; exit 1; }
    rm -rf "$cache/build/onboardd"
}

judge() {
    lintian -I --fail-on error,warning --allow-root onboardd_*.changes
    mkdir unpacked
    for package in onboardd_*.deb onboardd-sandbox_*.deb; do
        dpkg-deb -x "$package" unpacked
    done
    # Debian 12's C library and libstdc++ are built without control flow integrity, and it takes all. The
    # generator calls nothing that could be fortified.
    for program in unpacked/usr/bin/*; do
        unfit=--nocfprotection
        [ "${program##*/}" != onboardd-generate ] || unfit="$unfit --nofortify"
        # shellcheck disable=SC2086  # a list of words
        hardening-check $unfit "$program"
    done
    rm -r unpacked
}

# The same package with a higher version.
make_upgrade() {
    dpkg-deb -R onboardd_0.1.0_*.deb upgrade
    sed -i 's/^Version: .*/Version: 0.1.1/' upgrade/DEBIAN/control
    dpkg-deb --root-owner-group -b upgrade . >/dev/null
    rm -r upgrade
}

# What the packages depend on is in the root from the beginning, so that nothing is downloaded in it.
unpack_debian() {
    depends=$(for package in onboardd_0.1.0_*.deb onboardd-sandbox_*.deb; do dpkg-deb -f "$package" Depends; done |
        tr ',' '\n' | sed 's/^ *//; s/[ (|].*//' | sort -u | tr '\n' ',')
    debian=$cache/debian-$(printf %s "$depends" | sha256sum | cut -c 1-16).tar
    if [ ! -f "$debian" ]; then
        debootstrap --variant=minbase --include="systemd,systemd-sysv,dbus,$depends" bookworm "$machine" \
            >"$cache/debootstrap.log" 2>&1 || { tail "$cache/debootstrap.log"; exit 1; }
        tar -c -C "$machine" -f "$debian.new" .
        mv "$debian.new" "$debian"
    else
        tar -x -C "$machine" -f "$debian"
    fi
    chmod 0755 "$machine"
}

say "Building the packages"
build
cd "$cache/build"
say "Judging them"
judge
say "Making the machine"
make_upgrade
unpack_debian
c++ -std=c++20 -O1 -static -o "$cache/build/probe" "$root/tests/package/probe.cpp"
say "Trying them"
PYTHONDONTWRITEBYTECODE=1 python3 "$root/tests/package/test_package.py" "$machine" "$cache/build" "$cache/build/probe" "$@"
