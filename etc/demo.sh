#!/bin/sh
# demo.sh: shows onboardd at work, in a few minutes from a fresh clone on Debian 12. Installs what is
# missing, builds, starts a stand-in for the provider on this machine, and onboards 200 invented
# sellers with it, over TLS. Nothing leaves the machine. Run it as often as you like.
# ONBOARDD_BUILD_DIR: use the programs of this build directory instead of building.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
sandbox_pid=

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

clean_up() {
    status=$?
    trap - EXIT
    [ -z "$sandbox_pid" ] || kill "$sandbox_pid" 2>/dev/null || :
    exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

build() {
    cd "$root"
    sh tests/install-packages.sh
    say "Building; the first time takes some minutes"
    cmake --preset release -DONBOARDD_TESTS=ON >/dev/null
    cmake --build build/release --target onboardd onboardd-sandbox onboardd-generate
}

# Tokens for two accounts, cases, and now and then an answer that gets lost on its way.
start_sandbox() {
    "$programs/onboardd-sandbox" --listen 127.0.0.1:0 --control 127.0.0.1:0 \
        --cert "$work/tls/server.pem" --key "$work/tls/server.key" \
        --client "T12345678:demo-client:$(cat "$work/secrets/T12345678")" \
        --client "P87654321:demo-client:$(cat "$work/secrets/P87654321")" \
        --latency 50 --fault cut-after-create:0.05 --ready-file "$work/ready.json" \
        >"$work/sandbox.log" 2>&1 &
    sandbox_pid=$!
    while [ ! -f "$work/ready.json" ]; do
        kill -0 "$sandbox_pid" 2>/dev/null || { cat "$work/sandbox.log" >&2; exit 1; }
        sleep 0.1
    done
}

# ready NAME: an address of the sandbox.
ready() { sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p" "$work/ready.json"; }

write_config() {
    cat <<CONFIG
provider:
  base_url: $(ready url)
  ca_file: $work/tls/ca.pem
accounts:
  - id: T12345678
    client_id: demo-client
    client_secret_file: $work/secrets/T12345678
    in_flight_max: 4
  - id: P87654321
    client_id: demo-client
    client_secret_file: $work/secrets/P87654321
    in_flight_max: 4
spool: {directory: $work/spool, settle: 100ms}
outcomes: {directory: $work/outcomes}
ledger: {url: "sqlite://$work/ledger.db"}
admin: {socket: $work/control.sock}
log: {format: text}
CONFIG
}

# 140 files, then 60 lines of one file; the sandbox refuses three of the sellers, two files are no jobs.
generate_jobs() {
    "$programs/onboardd-generate" --out "$work/spool/incoming" --accounts T12345678,P87654321 \
        --count 140 --refused 2 --bad-files 2 --prefix seller >/dev/null
    "$programs/onboardd-generate" --out "$work/spool/incoming" --accounts T12345678,P87654321 \
        --count 60 --jsonl 60 --refused 1 --prefix night-run --seed 2 >/dev/null
}

# first_outcome STATE: the first outcome file that tells of it.
first_outcome() {
    grep -lF "\"state\": \"$1\"" "$work"/outcomes/[TP]*/*.json | head -n 1
}

explain() {
    case $1 in
        0) echo "every job was created" ;;
        3) echo "every job has ended, but some job was not created or some file was no job" ;;
        4) echo "gave up: some jobs are still open; they stay in the ledger for the next run" ;;
        *) echo "something is wrong: onboardd --help tells what" ;;
    esac
}

if [ -n "${ONBOARDD_BUILD_DIR:-}" ]; then
    programs=$(cd "$ONBOARDD_BUILD_DIR/bin" && pwd)
else
    build
    programs=$root/build/release/bin
fi

umask 077
work=$(mktemp -d "${TMPDIR:-/tmp}/onboardd-demo.XXXXXX")
mkdir -p "$work/secrets" "$work/spool"
for account in T12345678 P87654321; do
    openssl rand -hex 24 >"$work/secrets/$account"
done
sh "$root/tests/sandbox/make-certificates.sh" "$work/tls" >/dev/null 2>&1

say "Starting the provider's stand-in; every twentieth answer gets lost after the case was created"
start_sandbox
echo "It listens at $(ready url)"

say "Writing 200 jobs: 140 files and 60 lines of one .jsonl file, and two files that are no jobs"
generate_jobs
find "$work/spool/incoming" -type f | sort | sed -n '1p;2p;$p'

write_config >"$work/onboardd.yaml"
"$programs/onboardd" --config "$work/onboardd.yaml" --check-config

say "onboardd --config onboardd.yaml --drain"
code=0
"$programs/onboardd" --config "$work/onboardd.yaml" --drain 2>"$work/onboardd.log" || code=$?
if [ "$code" -ne 3 ]; then
    tail -n 20 "$work/onboardd.log"
fi

if outcome=$(first_outcome created) && [ -n "$outcome" ]; then
    say "A seller that was onboarded: $outcome"
    cat "$outcome"
fi
if outcome=$(first_outcome rejected) && [ -n "$outcome" ]; then
    say "A seller that the provider refused, and why: $outcome"
    cat "$outcome"
fi
for reason in "$work"/spool/rejected/*.reason.json; do
    [ -f "$reason" ] || continue
    say "A file that was no job, and why: $reason"
    python3 -m json.tool --no-ensure-ascii "$reason"
    break
done

say "What the provider's stand-in counted"
python3 - "$(ready control)/summary" <<'PYTHON'
import json, sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
seen = json.load(opener.open(sys.argv[1]))
lost = sum(count for name, count in seen["faults_played"].items() if name.startswith("cut"))
print(f"{seen['cases']} cases for {seen['references']} sellers; {lost} answers were lost; "
      f"{seen['duplicated']} sellers have more than one case")
PYTHON

say "The exit status of the drain is $code: $(explain "$code")"
cat <<TEXT

Everything is in $work:
  spool/incoming/   drop jobs here             outcomes/T12345678/  an outcome for each job
  spool/rejected/   what was no job, and why   outcomes/reports/    a report for each batch
  onboardd.yaml     the configuration          onboardd.log         what the daemon told
and may be removed: rm -r $work

To go on:
  the same with the jobs of your own:  README.md, "Your first job"
  all keys of the configuration:       etc/onboardd.yaml
  the tests:                           sh tests/run.sh
TEXT
# Three refused sellers and two bad files are part of the show.
[ "$code" -eq 3 ]
