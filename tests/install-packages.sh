#!/bin/sh
# install-packages.sh [test] [lint] [bench] [package] [powercut] [fuzz] [coverage]: installs what building
# needs, and the named purposes besides, and what is missing of it, on Debian 12. Quick and silent
# where all is there; uses sudo where it is not root.
set -eu

# Compiler and build tools, then libraries, then what the demo and the packages' build call.
packages='
    g++ cmake ninja-build pkg-config ccache git
    libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
    libssl-dev libyaml-cpp-dev libsqlite3-dev libsystemd-dev
    libcli11-dev libvalijson-dev prometheus-cpp-dev libhowardhinnant-date-dev libxxhash-dev tzdata
    openssl ca-certificates python3
'
test='
    libgtest-dev libgmock-dev libbenchmark-dev libseccomp-dev
    mount strace prometheus tidy mandoc systemd shellcheck btrfs-progs iproute2 nftables chromium
    zsh fish
'
for group in "$@"; do
    case $group in
        test) packages="$packages $test" ;;
        lint) packages="$packages $test clang-format clang-tidy" ;;
        bench) packages="$packages curl strace util-linux" ;;
        package)
            packages="$packages dpkg-dev debhelper fakeroot lintian devscripts debootstrap
                systemd-container util-linux"
            ;;
        powercut)
            packages="$packages nbdkit nbdkit-plugin-dev libnbd-bin fuse3
                util-linux e2fsprogs xfsprogs btrfs-progs"
            ;;
        fuzz) packages="$packages $test clang libclang-rt-14-dev llvm util-linux" ;;
        coverage) packages="$packages $test gcovr" ;;
        *)
            echo "usage: install-packages.sh [test] [lint] [bench] [package] [powercut] [fuzz] [coverage]" >&2
            exit 2
            ;;
    esac
done

missing=
for package in $packages; do
    # shellcheck disable=SC2016  # ${Status} is dpkg-query's
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || :) in
        *' installed') ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "No apt-get here. Going on without these packages of Debian 12, or what corresponds:$missing" >&2
    exit 0
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Missing, and only root may install them: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
        -o Acquire::Retries=3 "$@" >"$log" 2>&1 </dev/null || {
        cat "$log" >&2
        return 1
    }
}
echo "Installing:$missing"
[ -z "$as_root" ] || sudo -v
apt update
# shellcheck disable=SC2086  # a list of words
apt install --no-install-recommends $missing
