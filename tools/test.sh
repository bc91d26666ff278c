#!/bin/sh
# Runs the tests of `npm test` (fast), `npm run test:packages` (packages) and `npm run test:lab` (lab). A message says
# what is skipped.
# usage: tools/test.sh fast|packages|lab [jest arguments…]
set -eu
cd "$(dirname "$0")/.."
suite=$1
shift

step() { printf '\n== %s\n' "$*"; }
# A caller that wants the numbers of tests (.ci/run) sets TEST_RESULTS to a directory for them.
results() { [ -z "${TEST_RESULTS:-}" ] || printf -- '--json --outputFile=%s/%s.json' "$TEST_RESULTS" "$1"; }
# The lab boots hosts with systemd-nspawn in network namespaces, which needs root.
can_run_lab() { [ "$(uname -s)" = Linux ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

if ! can_run_lab; then
  skipped="the lab needs root on a Debian-like machine: NO REAL DEPLOY WAS TESTED"
  [ "$suite" != lab ] || { echo "SKIPPED: $skipped" >&2 && exit 1; }
fi

# The tests that run a phase again and again, each time with another request lost, or killed at another place.
repeated='scripts/(killed|lost-requests)[.]'

case $suite in
  fast)
    if can_run_lab; then
      step "What the tests need (built once, then cached)"
      lab/prepare
    fi
    step "Build, lint, types"
    npm run --silent build
    npm run --silent lint
    npm run --silent typecheck
    step "Unit tests"
    if command -v go >/dev/null; then
      (cd lab/writer && go test ./...)
    else
      echo "SKIPPED: the writer's own tests were not run, because Go is not installed" >&2
    fi
    # There are more workers than cores, because a test of a phase waits most of the time. The tests of the host scripts
    # in bash, which is sh on RHEL, and those that repeat whole phases are part of `npm run test:lab`.
    # shellcheck disable=SC2046 # several words, or none
    SHELLS=dash npx jest --maxWorkers=4 --testPathPatterns "^(?!.*$repeated)" $(results unit)
    if can_run_lab; then
      step "One real deploy, in the lab"
      # shellcheck disable=SC2046
      npx jest -c jest.lab.config.js first-deploy $(results first-deploy)
    else
      printf '\nSKIPPED: %s\n' "$skipped" >&2
    fi
    ;;
  packages)
    step "What a release publishes: built, installed, used"
    # shellcheck disable=SC2046
    npx jest -c jest.packages.config.js --maxWorkers=2 "$@" $(results packages)
    ;;
  lab)
    export SEED="${SEED:-$(($(date +%s) % 100000))}"
    step "What the scenarios need (built once, then cached)"
    lab/prepare --etcd all --family "${LAB_FAMILY:-el9,el8}" --tools
    npm run --silent build
    if [ $# -gt 0 ]; then
      npx jest -c jest.lab.config.js "$@"
      exit
    fi
    step "Host scripts in bash, which is sh on RHEL: tests of what shells do differently (traps, quoting, files, pipes)"
    # A sampled run has a third of these, too.
    # shellcheck disable=SC2046
    SHELLS=bash npx jest --maxWorkers=4 ${LAB_SAMPLE:+"--shard=$((SEED % 3 + 1))/3"} --testPathPatterns \
      'scripts/(main|say|files|trust|turn|starting|certificates|stage|supervisor|packages|claims)\.' $(results bash) ||
      failed=yes
    step "Phases that are killed, and whose requests etcd loses, at many places"
    # shellcheck disable=SC2046
    SHELLS=dash npx jest --maxWorkers=4 --testPathPatterns "$repeated" $(results repeated) || failed=yes
    # If npm test has just run first-deploy for the same results, it is not run again.
    [ ! -e "${TEST_RESULTS:-/nowhere}/first-deploy.json" ] || already=--testPathIgnorePatterns=first-deploy
    step "Lab scenarios in which a client writes, one at a time"
    # shellcheck disable=SC2046
    LAB_GROUP=alone npx jest -c jest.lab.config.js ${already:+"$already"} $(results lab) || failed=yes
    step "The other lab scenarios, two at a time"
    # shellcheck disable=SC2046
    LAB_GROUP=pairs npx jest -c jest.lab.config.js --maxWorkers=2 $(results lab-pairs) || failed=yes
    [ -z "${failed:-}" ]
    ;;
esac
