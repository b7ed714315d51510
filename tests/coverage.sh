#!/bin/sh
# coverage.sh: measures which branches of the decision core (what becomes of a job: engine/decide,
# policy/, ledger/job, ledger/operate) its unit tests take, and fails below 100 % of branches or lines.
# By hand; not part of CI. Branches that only an exception takes, such as memory that runs out, do not
# count, nor does a line marked GCOVR_EXCL_BR_LINE: the value of an enumeration that does not exist.
# ONBOARDD_JOBS: how many compilers at once, 2 by default.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
sh tests/install-packages.sh coverage
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$root}" CCACHE_NOHASHDIR=1
cmake -S . -B build/coverage -G Ninja -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_CXX_FLAGS_DEBUG='-O0 -g1 --coverage' >/dev/null
cmake --build build/coverage -j "${ONBOARDD_JOBS:-2}" --target decision_test

find build/coverage -name '*.gcda' -exec rm -f {} +
build/coverage/bin/decision_test --gtest_brief=1
gcovr --root "$root" --object-directory build/coverage \
    --filter 'daemon/engine/decide\.cpp' --filter 'daemon/policy/' --filter 'daemon/ledger/job\.cpp' \
    --filter 'daemon/ledger/operate\.cpp' \
    --filter 'include/onboardd/policy/' \
    --exclude-throw-branches --exclude-unreachable-branches --branches \
    --fail-under-line 100 --fail-under-branch 100 \
    build/coverage/tests/decision
