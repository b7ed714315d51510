#!/bin/sh
# check_rules.sh RULES TESTS: whether the alert rules are good and fire when they should.
set -eu
rules=$(realpath "$1")
tests=$(mktemp)
trap 'rm -f "$tests"' EXIT
sed "s|RULES|$rules|" "$2" >"$tests"
promtool check rules "$rules"
promtool test rules "$tests"
